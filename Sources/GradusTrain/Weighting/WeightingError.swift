import GradusCore

/// A weighting that did not do what was agreed.
public enum WeightingError: GradusError, Equatable {
  case count(expected: Int, found: Int)
  /// A weight that is negative, infinite or not a number.
  case value(sample: SampleID)
  /// All weights of a batch are 0, so that their mean cannot be brought to anything else.
  case allZero
  case meanNotPositive(Double)
  case noFactors
  case stateOfOtherFactors(expected: Int, found: Int)

  public var failureKind: FailureKind {
    switch self {
    case .meanNotPositive, .noFactors: .usage
    default: .failed
    }
  }

  public var description: String {
    switch self {
    case .count(let expected, let found): "a weighting must give one weight a sample: expected \(expected), found \(found)"
    case .value(let sample): "sample '\(sample)': a weight must be finite and not below 0"
    case .allZero: "all weights of a batch are 0 and cannot be renormalised; drop the renormalisation or a factor"
    case .meanNotPositive(let found): "weights can be renormalised to a mean above 0, asked for \(found)"
    case .noFactors: "a product of weightings needs at least one factor"
    case .stateOfOtherFactors(let expected, let found):
      "the checkpoint holds the state of \(found) weightings, this training has \(expected); resume with the same ones"
    }
  }
}
