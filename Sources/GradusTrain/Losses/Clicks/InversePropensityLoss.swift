import GradusTensor

/// Learning from clicks: each click counts as much as its document was unlikely to be looked at, which makes up for the position
/// at which it was shown (Joachims, Swaminathan and Schnabel, WSDM 2017).
///
///     w_i = click_i / max(propensity_i, clip)          0 for documents without a click
///
///     pointwise  (1 / n) sum_i ( w_i softplus(-s_i) + (1 - w_i) softplus(s_i) )          Saito et al., WSDM 2020
///     pairwise   (1 / n) sum_i w_i sum_{j without click} log(1 + exp(s_j - s_i))
///     listwise   -sum_i w_i log softmax(s)_i                                             Ai et al., SIGIR 2018
///
/// Labels are clicks, 0 or 1; ``ClickLog`` knows the positions. A `clip` above 0 bounds the weights and so the variance, for a
/// bias towards the positions near the top. `selfNormalised` divides the weights of a sample by their mean over its clicks (the
/// ratio form of Swaminathan and Joachims, NIPS 2015, within the sample): a sample's size then says nothing about where its
/// clicks were. With all propensities 1 the losses are those of clicks taken for judgements. A sample without a click has no
/// pairwise and no listwise loss.
///
///     try InversePropensityLoss(.listwise, log: log, clip: 0.05)
public struct InversePropensityLoss: RankingLoss {
  /// The loss that is divided by propensities.
  public enum Form: String, Sendable, CaseIterable {
    case pointwise
    case pairwise
    case listwise
  }

  public let form: Form
  public let log: ClickLog
  public let clip: Double
  public let selfNormalised: Bool

  /// - Throws: ``LossError/parameter(_:found:expected:)`` for a clip outside `0...1`.
  public init(_ form: Form, log: ClickLog, clip: Double = 0, selfNormalised: Bool = false) throws(LossError) {
    guard (0...1).contains(clip) else { throw .parameter("clip", found: clip, expected: "from 0 to 1") }
    self.form = form
    self.log = log
    self.clip = clip
    self.selfNormalised = selfNormalised
  }

  /// - Throws: ``LossError/documentLabel(loss:qid:docno:label:expected:)`` for a label that is no click;
  ///   ``LossError/notInLog(qid:docno:)``.
  public func perSample(_ input: LossInput) throws -> Tensor {
    let scores = form == .pointwise ? try input.singleLogits(for: self) : try input.listLogits(for: self)
    let weights = input.constant(try weights(input))
    let count = scores.shape[1]
    switch form {
    case .pointwise: return (weights * (-scores).softplus() + (1 - weights) * scores.softplus()).mean(axes: [1])
    case .listwise: return -(weights * scores.logSoftmax()).sum(axes: [1])
    case .pairwise:
      let unclicked = input.constant(input.samples.map { $0.documents.map { $0.label == 0 ? 1 : 0 } })
      let losses = (-scores.pairwiseDifferences()).softplus() * unclicked.expandingDims(at: 1)
      return (losses.sum(axes: [2]) * weights).sum(axes: [1]) / Double(count)
    }
  }

  /// The weights of the clicks, 0 elsewhere.
  func weights(_ input: LossInput) throws(LossError) -> [[Double]] {
    try input.requireLabels(for: self, "that are clicks, 0 or 1") { $0 == 0 || $0 == 1 }
    var rows: [[Double]] = []
    for sample in input.samples {
      var row: [Double] = []
      for document in sample.documents {
        let propensity = try log.propensity(qid: sample.qid, docno: document.docno)
        row.append(document.label / max(propensity, clip))
      }
      let clicks = row.count { $0 > 0 }
      if selfNormalised, clicks > 0 {
        let mean = row.reduce(0, +) / Double(clicks)
        row = row.map { $0 / mean }
      }
      rows.append(row)
    }
    return rows
  }
}
