import GradusCore

/// A measure name that cannot be understood, with what would have been right.
public enum MeasureNameError: GradusError, Equatable {
  /// No measure of this name; `nearest` is the closest valid one.
  case unknown(name: String, nearest: String)
  /// The text does not follow `Name(key=value,...)@cutoff`; `position` counts characters from 1.
  case syntax(text: String, position: Int, expected: String)
  case unknownArgument(measure: String, argument: String, known: [String])
  case badValue(measure: String, argument: String, found: String, expected: String)
  case missing(measure: String, argument: String, example: String)
  case unexpectedCutoff(measure: String)
  /// The measure needs judgements of sub-topics, which qrels of one grade per document do not have.
  case needsSubtopics(measure: String)
  case noMeasures

  public var failureKind: FailureKind { .usage }

  public var description: String {
    switch self {
    case .unknown(let name, let nearest):
      return "unknown measure '\(name)'; did you mean '\(nearest)'?"
    case .syntax(let text, let position, let expected):
      return "measure '\(text)': expected \(expected) at character \(position); "
        + "write Name(key=value)@cutoff, such as AP(rel=2)@100"
    case .unknownArgument(let measure, let argument, let known):
      let list = known.isEmpty ? "takes no arguments" : "takes \(known.joined(separator: ", "))"
      return "measure \(measure) has no argument '\(argument)'; it \(list)"
    case .badValue(let measure, let argument, let found, let expected):
      return "measure \(measure): \(argument) must be \(expected), found '\(found)'"
    case .missing(let measure, let argument, let example):
      return "measure \(measure) needs \(argument); write for example \(example)"
    case .unexpectedCutoff(let measure):
      return "measure \(measure) takes no cut-off; write \(measure) without '@'"
    case .needsSubtopics(let measure):
      return "measure \(measure) needs judgements of sub-topics, which qrels with one grade per document do not hold"
    case .noMeasures:
      return "no measure given; name at least one, such as nDCG@10"
    }
  }
}
