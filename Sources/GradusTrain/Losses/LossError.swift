import GradusCore

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
  /// A loss over lists was given a single document.
  case listNeeded(loss: String, sample: SampleID)
  /// A label that the loss cannot use.
  case label(loss: String, sample: SampleID, label: Double, expected: String)
  case negativeMargin(Double)
  case notPositive(parameter: String, found: Double)
  case negativeRounds(Int)
  case thresholdNotPositive(Double)
  /// A loss that does not give one value a sample, and so cannot be weighted.
  case notPerSample(loss: String, expected: Int, found: [Int])

  public var failureKind: FailureKind {
    switch self {
    case .labelOutsideUnitInterval, .label: .badData
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
    case .listNeeded(let loss, let sample):
      "\(loss) compares the documents of a list, but sample '\(sample)' is a single document; use a listwise sampler"
    case .label(let loss, let sample, let label, let expected):
      "sample '\(sample)': \(loss) needs labels that are \(expected), found \(label)"
    case .notPositive(let parameter, let found): "\(parameter) must be a number above 0, found \(found)"
    case .negativeRounds(let found): "the rounds of Sinkhorn's scaling must be at least 0, found \(found)"
    case .negativeMargin(let found): "a hinge loss needs a margin of at least 0, found \(found)"
    case .thresholdNotPositive(let found): "the threshold of smooth L1 must be above 0, found \(found)"
    case .notPerSample(let loss, let expected, let found):
      "\(loss) must give one value a sample, shape [\(expected)], found \(found); only such a loss can be weighted"
    }
  }
}

/// A parameter of a loss that must be above 0.
func positive(_ parameter: String, _ value: Double) throws(LossError) -> Double {
  guard value > 0 && value.isFinite else { throw .notPositive(parameter: parameter, found: value) }
  return value
}
