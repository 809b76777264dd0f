import GradusTensor

/// ALDR-KL: ``LDRKLLoss`` with a temperature for each training sample, which falls where the scorer is sure of it (Zhu, Ying and
/// Yang, ICML 2023, arXiv 2112.14869).
///
///     p      = softmax(scores / lambda_i),   KL = sum_k p_k log(K p_k)              with the sample's lambda so far
///     lambda_i = lambda0 - lambda0 KL / (alpha log K)                               one step of the fixed point, no gradient
///     loss_i = lambda_i log( (1 / K) sum_k exp(d_k / lambda_i) ) - (alpha log K / (2 lambda0)) (lambda_i - lambda0)^2
///
/// With `alpha` above 1 every lambda stays within `lambda0 (1 - 1 / alpha)` and `lambda0`; towards infinity the loss is
/// ``LDRKLLoss`` at `lambda0`. As in the official code p leaves the margin out unless `marginInUpdate` is set, as the derivation
/// has it; that code's 1e-5 on every probability is left out here, since the entropy's logarithm is taken without overflow. A
/// sample has one temperature, from its first positive; others are left out of its candidates. A sample without a positive or
/// without a negative has no temperature, and 0.
///
/// Temperatures are keyed by query and positive, whatever negatives a sampler draws beside them, and part of checkpoints. How far
/// one is below `lambda0` says how well its sample was ever fitted: at best a weak sign of a wrong label.
public struct ALDRKLLoss: StatefulLoss {
  public let lambda0: Double
  public let alpha: Double
  public let margin: Double
  public let normaliser: ScoreNormaliser
  public let marginInUpdate: Bool
  /// The temperature of each query's positive that has been seen, by ``key(qid:positive:)``.
  public private(set) var lambdas: [SampleID: Double] = [:]

  /// - Throws: ``LossError/notPositive(parameter:found:)``; ``LossError/parameter(_:found:expected:)`` for an `alpha` of 1 or
  ///   less, with which temperatures could reach 0.
  public init(
    lambda0: Double = 1, alpha: Double = 2, margin: Double = 0.1, normaliser: ScoreNormaliser = .l1, marginInUpdate: Bool = false
  ) throws(LossError) {
    self.lambda0 = try positive("lambda0", lambda0)
    guard alpha > 1, alpha.isFinite else { throw .parameter("alpha", found: alpha, expected: "above 1") }
    self.alpha = alpha
    self.margin = try notNegative("margin", margin)
    self.normaliser = normaliser
    self.marginInUpdate = marginInUpdate
  }

  public func perSample(_ input: LossInput) throws -> Tensor {
    let rows = try rows(input)
    guard !rows.samples.isEmpty else { return input.scores.sum(axes: [1]) * 0 }
    let lambdas = next(rows, input)
    let values = robustValues(
      rows.scores, present: rows.present, targets: rows.targets, margin: margin,
      lambdas: Tensor(lambdas, shape: [lambdas.count, 1]).cast(to: rows.scores.type))
    let penalties = zip(lambdas, rows.present.counts).map { lambda, count in
      alpha * logarithm(count) / (2 * lambda0) * (lambda - lambda0) * (lambda - lambda0)
    }
    let losses = values - Tensor(penalties, shape: [penalties.count]).cast(to: values.type)
    return losses.indexAdded(rows.indices, extent: input.samples.count)
  }

  public mutating func remember(_ input: LossInput) throws {
    let rows = try rows(input)
    guard !rows.samples.isEmpty else { return }
    for (sample, lambda) in zip(rows.samples, next(rows, input)) { lambdas[Self.key(input.samples[sample])] = lambda }
  }

  /// What the temperature of a query's positive is kept under: a label of its own, with whichever negatives it is drawn.
  public static func key(qid: String, positive: String) -> SampleID { SampleID("\(qid) \(positive)") }

  private static func key(_ sample: TrainingSample) -> SampleID {
    key(qid: sample.qid, positive: sample.documents.first(where: \.isPositive)?.docno ?? "")
  }

  /// One row for each sample with a positive and a negative.
  private struct Rows {
    let scores: Tensor
    let samples: [Int]
    let present: [[Bool]]
    let targets: [Int]

    var indices: Tensor { Tensor(indices: samples.map(Int32.init), shape: [samples.count]) }
  }

  private func rows(_ input: LossInput) throws -> Rows {
    let scores = try input.listLogits(for: self)
    var samples: [Int] = [], targets: [Int] = []
    var present: [[Bool]] = []
    for (number, sample) in input.samples.enumerated() where sample.documents.contains(where: { !$0.isPositive }) {
      guard let target = sample.documents.firstIndex(where: \.isPositive) else { continue }
      samples.append(number)
      targets.append(target)
      present.append(sample.documents.indices.map { $0 == target || !sample.documents[$0].isPositive })
    }
    let picked = scores.indexSelect(Tensor(indices: samples.map(Int32.init), shape: [samples.count]))
    let normalised = samples.isEmpty
      ? picked : try normaliser(picked, present: present, loss: "\(Self.self)") { input.samples[samples[$0]].id }
    return Rows(scores: normalised, samples: samples, present: present, targets: targets)
  }

  /// The temperature of each row's sample after one more step of the fixed point.
  private func next(_ rows: Rows, _ input: LossInput) -> [Double] {
    let width = rows.scores.shape[1]
    let values = rows.scores.detached().cast(to: .float64).doubles()
    return rows.samples.enumerated().map { row, sample in
      let lambda = lambdas[Self.key(input.samples[sample])] ?? lambda0
      var scores: [Double] = []
      for column in 0..<width where rows.present[row][column] {
        let isTarget = column == rows.targets[row]
        scores.append((values[row * width + column] + (marginInUpdate && !isTarget ? margin : 0)) / lambda)
      }
      let divergence = divergenceFromUniform(scores)
      return lambda0 - lambda0 * divergence / (alpha * logarithm(Double(scores.count)))
    }
  }

  /// The temperatures, as a checkpoint keeps them.
  public struct ResumeState: Codable, Sendable, Equatable {
    let lambdas: [String: Double]
  }

  public var resumeState: ResumeState {
    ResumeState(lambdas: Dictionary(uniqueKeysWithValues: lambdas.map { ($0.key.text, $0.value) }))
  }

  /// - Throws: ``LossError/parameter(_:found:expected:)`` for a temperature that no training with these settings leads to.
  public mutating func resume(from state: ResumeState) throws {
    if let bad = state.lambdas.values.filter({ !($0 > 0 && $0 <= lambda0) }).min() {
      throw LossError.parameter("lambda", found: bad, expected: "above 0 and at most \(lambda0)")
    }
    lambdas = Dictionary(uniqueKeysWithValues: state.lambdas.map { (SampleID($0.key), $0.value) })
  }
}
