import GradusTensor

/// The dual learning algorithm: a ranker from clicks without known propensities, and the propensities from the same clicks, each
/// correcting the other's bias (Ai et al., SIGIR 2018).
///
///     f = softmax of the ranker's scores over a list,  g = softmax of the position model's logits over it
///     ranker       -sum over clicks of (g_first / g_i) log f_i
///     propensity   -sum over clicks of (f_first / f_i) log g_i
///
/// "first" is the document of the list that was shown highest; the ratios carry no gradient. Both models are trained together:
///
///     Trainer(models: [TrainedModel(ranker, optimizer: ...), TrainedModel(positions, name: "propensity", optimizer: ...)],
///             objectives: DualLearning(log: log).objectives(), ...)
///
/// Samples are lists whose labels are clicks, 0 or 1. Ratios are cut at ``largestRatio``, so that one document that a model
/// thinks impossible does not carry the step.
public struct DualLearning: Sendable {
  public let log: ClickLog
  public let largestRatio: Double

  /// - Parameter log: Only its positions are read, none of its propensities.
  /// - Throws: ``LossError/notPositive(parameter:found:)``.
  public init(log: ClickLog, largestRatio: Double = 100) throws(LossError) {
    self.log = log
    self.largestRatio = try positive("ratio", largestRatio)
  }

  /// The two objectives; the ranker's comes first.
  public func objectives(
    ranker: String = "ranker", propensity: String = "propensity", weighting: (any SampleWeighting)? = nil
  ) -> [TrainingObjective] {
    [
      TrainingObjective(name: "dual learning", model: ranker, weighting: weighting) { pass in
        try values(pass.lossInput(of: ranker), weighedBy: pass.scores(of: propensity))
      },
      TrainingObjective(name: "propensity", model: propensity) { pass in
        try values(pass.lossInput(of: propensity), weighedBy: pass.scores(of: ranker))
      },
    ]
  }

  /// - Parameter others: The other model's scores, `[samples, documents]`; no gradient flows into them.
  /// - Returns: `[samples]`; 0 for a list without a click.
  public func values(_ input: LossInput, weighedBy others: Tensor) throws -> Tensor {
    let name = "DualLearning"
    guard input.samples[0].documents.count >= 2 else { throw LossError.listNeeded(loss: name, sample: input.samples[0].id) }
    guard input.scores.rank == 2 else { throw LossError.logits(loss: name, expected: 1, found: input.scores.shape[2]) }
    var first: [Int] = []
    for sample in input.samples {
      var best = 0, bestPosition = Int.max
      for (place, document) in sample.documents.enumerated() {
        guard document.label == 0 || document.label == 1 else {
          throw LossError.documentLabel(
            loss: name, qid: sample.qid, docno: document.docno, label: document.label, expected: "that are clicks, 0 or 1")
        }
        let position = try log.position(qid: sample.qid, docno: document.docno)
        if position < bestPosition { (best, bestPosition) = (place, position) }
      }
      first.append(best)
    }
    // exp(log-ratio) of the two softmax values: their denominators cancel.
    let detached = others.detached()
    let ratios = (detached.picked(first).expandingDims(at: 1) - detached).exp().clamp(0, largestRatio)
    return -(input.labels * ratios * input.scores.logSoftmax()).sum(axes: [1])
  }
}
