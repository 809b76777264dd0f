import GradusCore

/// A weighting that did not do what was agreed.
public enum WeightingError: GradusError, Equatable {
  case count(expected: Int, found: Int)
  /// A weight that is negative, infinite or not a number.
  case value(sample: SampleID)
  /// All weights of a batch are 0, so that their mean cannot be brought to anything else.
  case allZero(first: SampleID)
  case meanNotPositive(Double)
  case noFactors
  case stateOfOtherFactors(expected: Int, found: Int)
  /// A parameter that cannot be meant.
  case parameter(name: String, found: Double, expected: String)
  /// A loss that a weighting cannot turn into a weight.
  case lossNotFinite(sample: SampleID)
  /// A score of another model that a weighting cannot turn into a weight.
  case scoreNotFinite(model: String, sample: SampleID)
  /// A weighting of negatives was given a sample that has none.
  case noNegatives(sample: SampleID)
  /// The weights were wanted of a sample that the filter never divided.
  case notDivided(sample: SampleID)
  /// A filter or resampler that has too few samples to tell them apart.
  case tooFew(what: String, found: Int, needed: Int)
  /// Model and weighting are the same, where each is to judge the other.
  case readsItself(model: String)
  /// A resume with other settings.
  case otherSettings(expected: String, found: String)

  public var failureKind: FailureKind {
    switch self {
    case .meanNotPositive, .noFactors, .parameter, .readsItself, .otherSettings, .noNegatives: .usage
    case .tooFew: .badData
    default: .failed
    }
  }

  public var description: String {
    switch self {
    case .count(let expected, let found): "a weighting must give one weight a sample: expected \(expected), found \(found)"
    case .value(let sample): "sample '\(sample)': a weight must be finite and not below 0"
    case .allZero(let first):
      "all weights of the batch that begins with sample '\(first)' are 0 and cannot be renormalised; "
        + "use larger batches, or drop a factor"
    case .meanNotPositive(let found): "weights can be renormalised to a mean above 0, asked for \(found)"
    case .noFactors: "a product of weightings needs at least one factor"
    case .stateOfOtherFactors(let expected, let found):
      "the checkpoint holds the state of \(found) weightings, this training has \(expected); resume with the same ones"
    case .parameter(let name, let found, let expected): "\(name) must be \(expected), found \(found)"
    case .lossNotFinite(let sample): "sample '\(sample)': its loss is not a finite number and cannot decide a weight"
    case .scoreNotFinite(let model, let sample):
      "sample '\(sample)': a score of model '\(model)' is not a finite number; lower its learning rate"
    case .noNegatives(let sample): "sample '\(sample)' has no negative to weigh; use a pairwise sampler"
    case .notDivided(let sample):
      "sample '\(sample)' is not among those that were divided into clean and noisy; give all training pairs to the filter"
    case .tooFew(let what, let found, let needed): "\(what): \(found) found, at least \(needed) needed"
    case .readsItself(let model):
      "'\(model)' would decide the weights of its own training; relevance and selection need a model each"
    case .otherSettings(let expected, let found):
      "the checkpoint was written with '\(found)', this training has '\(expected)'; resume with the same settings"
    }
  }
}
