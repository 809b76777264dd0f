import GradusCore
import GradusTensor

/// A training loss that gives each sample its own value; how these are weighted and reduced is the trainer's business.
///
///     let loss = PairwiseSoftmaxLoss()
///     let input = try LossInput(scores: Tensor([2, 0.5], shape: [1, 2]), samples: [pair])
///     try loss.perSample(input)   // [0.182426], shape [1]
public protocol RankingLoss: Sendable {
  /// Numbers that the scorer has to give for a document: 1, or 2 for losses over a two-way classification.
  var logitsPerDocument: Int { get }

  /// The loss of each sample, shape `[samples]`, unreduced and unweighted.
  ///
  /// - Throws: ``LossError`` where the samples are not of the form that the loss is about.
  func perSample(_ input: LossInput) throws -> Tensor
}

extension RankingLoss {
  public var logitsPerDocument: Int { 1 }
}

/// The scores of a batch of samples, and the samples themselves.
public struct LossInput: Sendable {
  /// Logits, shape `[samples, documents]`, or `[samples, documents, 2]` for a two-way classification.
  public let scores: Tensor
  /// One a row, all with the same number of documents.
  public let samples: [TrainingSample]

  /// - Parameter scores: As ``scores``; a batch of pointwise samples may also come as `[samples]`.
  /// - Throws: ``LossError/emptyBatch``; ``LossError/raggedBatch(_:_:)`` where samples differ in their number of
  ///   documents; ``LossError/shape(expected:found:)``.
  public init(scores: Tensor, samples: [TrainingSample]) throws(LossError) {
    guard let documents = samples.first?.documents.count else { throw .emptyBatch }
    for sample in samples where sample.documents.count != documents {
      throw .raggedBatch(samples[0].id, sample.id)
    }
    let expected = [samples.count, documents]
    if documents == 1 && scores.shape == [samples.count] {
      self.scores = scores.reshaped(to: expected)
    } else {
      guard scores.shape == expected || scores.shape == expected + [2] else {
        throw .shape(expected: expected, found: scores.shape)
      }
      self.scores = scores
    }
    self.samples = samples
  }

  /// The documents' labels in the scores' element type, shape `[samples, documents]`.
  public var labels: Tensor { perDocument(\.label) }

  /// 1 for documents that are positive in their sample, 0 for others, shape `[samples, documents]`.
  public var positives: Tensor { perDocument { $0.isPositive ? 1 : 0 } }

  private func perDocument(_ value: (LabelledDocument) -> Double) -> Tensor {
    let values = samples.flatMap { $0.documents.map(value) }
    return Tensor(values, shape: [samples.count, samples[0].documents.count]).cast(to: scores.type)
  }

  /// The scores, if there is one a document.
  func singleLogits(for loss: any RankingLoss) throws(LossError) -> Tensor {
    guard scores.rank == 2 else { throw .logits(loss: "\(type(of: loss))", expected: 1, found: 2) }
    return scores
  }

  /// Scores of the positives `[samples, 1]` and of the negatives `[samples, negatives]`.
  func pairs(for loss: any RankingLoss) throws(LossError) -> (positive: Tensor, negatives: Tensor) {
    let scores = try pairwiseLogits(for: loss)
    return (
      scores.slice(axis: 1, from: 0, to: 1), scores.slice(axis: 1, from: 1, to: scores.shape[1])
    )
  }

  /// The scores `[samples, 1 + negatives]`, if all samples are pairwise.
  func pairwiseLogits(for loss: any RankingLoss) throws(LossError) -> Tensor {
    for sample in samples where sample.form != .pairwise {
      throw .pairsNeeded(loss: "\(type(of: loss))", sample: sample.id)
    }
    return try singleLogits(for: loss)
  }
}

/// Why a loss cannot be computed.
public enum LossError: GradusError, Equatable {
  case emptyBatch
  /// Two samples of one batch with different numbers of documents.
  case raggedBatch(SampleID, SampleID)
  case shape(expected: [Int], found: [Int])
  /// A pairwise loss was given a single document.
  case pairsNeeded(loss: String, sample: SampleID)
  case logits(loss: String, expected: Int, found: Int)
  /// Binary cross-entropy of a label that is not a probability.
  case labelOutsideUnitInterval(sample: SampleID, label: Double)
  case negativeMargin(Double)
  case thresholdNotPositive(Double)
  /// A loss that does not give one value a sample, and so cannot be weighted.
  case notPerSample(loss: String, expected: Int, found: [Int])

  public var failureKind: FailureKind {
    switch self {
    case .labelOutsideUnitInterval: .badData
    case .emptyBatch, .shape, .notPerSample: .failed
    default: .usage
    }
  }

  public var description: String {
    switch self {
    case .emptyBatch: "a loss needs at least one sample"
    case .raggedBatch(let first, let second):
      "samples '\(first)' and '\(second)' have different numbers of documents and cannot share a batch"
    case .shape(let expected, let found):
      "the batch needs scores of shape \(expected) (or \(expected + [2]) for two-way classification), found \(found)"
    case .pairsNeeded(let loss, let sample):
      "\(loss) compares a positive with negatives, but sample '\(sample)' is a single document; use a pairwise sampler"
    case .logits(let loss, let expected, let found):
      "\(loss) needs \(expected) logit(s) a document, the scorer gives \(found)"
    case .labelOutsideUnitInterval(let sample, let label):
      "sample '\(sample)': binary cross-entropy needs labels in 0...1, found \(label); let the sampler give binary labels"
    case .negativeMargin(let found): "a hinge loss needs a margin of at least 0, found \(found)"
    case .thresholdNotPositive(let found): "the threshold of smooth L1 must be above 0, found \(found)"
    case .notPerSample(let loss, let expected, let found):
      "\(loss) must give one value a sample, shape [\(expected)], found \(found); only such a loss can be weighted"
    }
  }
}
