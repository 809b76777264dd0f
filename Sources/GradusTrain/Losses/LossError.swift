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
  /// A loss over lists was given a single document.
  case listNeeded(loss: String, sample: SampleID)
  /// A document's label that the loss cannot use.
  case documentLabel(loss: String, qid: String, docno: String, label: Double, expected: String)
  /// Vectors that are not `[samples, dimension]` and `[samples, documents, dimension]`.
  case vectorShape(expected: [[Int]], found: [[Int]])
  /// More numbers of a vector than it has.
  case dimension(asked: Int, found: Int)
  /// A loss over angles in the complex plane takes vectors apart into halves.
  case oddDimension(loss: String, found: Int)
  /// A list, or a batch, with fewer documents than the loss has a meaning for.
  case tooFewCandidates(loss: String, sample: SampleID, found: Int, least: Int)
  /// The loss asks a guide model, and there is none.
  case guideNeeded(loss: String)
  /// Scores that are all 0 cannot be brought to a mean size of 1.
  case nothingToNormalise(loss: String, sample: SampleID)
  /// A parameter outside its range.
  case parameter(String, found: Double, expected: String)
  /// A bitonic network sorts as many values as a power of two, and any network is too slow for very many.
  case networkSize(Int, expected: String)
  /// A document of which the click log does not know where it was shown.
  case notInLog(qid: String, docno: String)
  /// The samples of a batch hold fewer classes, or fewer points, than an episode needs.
  case episode(loss: String, reason: String)
  case negativeMargin(Double)
  case notPositive(parameter: String, found: Double)
  case negativeRounds(Int)
  case thresholdNotPositive(Double)
  /// A loss that does not give one value a sample, and so cannot be weighted.
  case notPerSample(loss: String, expected: Int, found: [Int])

  public var failureKind: FailureKind {
    switch self {
    case .documentLabel, .notInLog: .badData
    case .emptyBatch, .shape, .notPerSample, .vectorShape, .nothingToNormalise: .failed
    default: .usage
    }
  }

  public var description: String {
    switch self {
    case .emptyBatch: "a loss needs at least one sample"
    case .raggedBatch(let first, let second):
      "samples '\(first)' and '\(second)' have different numbers of documents and cannot share a batch"
    case .shape(let expected, let found):
      "the batch needs scores of shape \(expected) (or \(expected + [2]) for two logits a document), found \(found)"
    case .pairsNeeded(let loss, let sample):
      "\(loss) compares a positive with negatives, but sample '\(sample)' is a single document; use a pairwise sampler"
    case .logits(let loss, let expected, let found):
      "\(loss) needs \(expected) logit(s) a document, the scorer gives \(found)"
    case .listNeeded(let loss, let sample):
      "\(loss) compares the documents of a list, but sample '\(sample)' is a single document; use a listwise sampler"
    case .documentLabel(let loss, let qid, let docno, let label, let expected):
      "query \(qid): document \(docno) has the label \(label); \(loss) needs labels \(expected)"
    case .vectorShape(let expected, let found):
      "vectors of queries and documents need the shapes \(expected[0]) and \(expected[1]), found \(found[0]) and \(found[1])"
    case .dimension(let asked, let found):
      "\(asked) numbers of each vector are asked for, the vectors have \(found); choose from 1 to \(found)"
    case .oddDimension(let loss, let found):
      "\(loss) takes vectors apart into two halves and needs an even length, found \(found)"
    case .tooFewCandidates(let loss, let sample, let found, let least):
      "sample '\(sample)': \(loss) needs at least \(least) documents to choose from, found \(found); use longer lists, more "
        + "negatives or larger batches"
    case .guideNeeded(let loss):
      "\(loss) asks a guide model which documents are no negatives; name one (setting 'guide', or the objective's guide)"
    case .nothingToNormalise(let loss, let sample):
      "sample '\(sample)': \(loss) divides by the mean size of the scores, which are all 0; start from other weights or choose "
        + "normaliser=none"
    case .parameter(let name, let found, let expected): "\(name) must be \(expected), found \(found)"
    case .networkSize(let found, let expected): "a sorting network of \(found) values: expected \(expected)"
    case .notInLog(let qid, let docno):
      "query \(qid): document \(docno) is in no ranking of the click log, so that its propensity is not known"
    case .episode(let loss, let reason): "\(loss): \(reason)"
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

/// A parameter of a loss that must not be below 0.
func notNegative(_ parameter: String, _ value: Double) throws(LossError) -> Double {
  guard value >= 0 && value.isFinite else { throw .parameter(parameter, found: value, expected: "a number of at least 0") }
  return value
}
