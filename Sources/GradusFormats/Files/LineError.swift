import GradusCore

/// An error of a file that is read line by line: `FILE:LINE: PROBLEM`.
public protocol LineError: GradusError, Equatable {
  var file: String { get }
  /// From 1; 0 for the file as a whole.
  var line: Int { get }
  /// What was wrong and what was expected, without the place.
  var problem: String { get }
}

extension LineError {
  public var failureKind: FailureKind { .badData }

  public var description: String { (line > 0 ? "\(file):\(line): " : "\(file): ") + problem }
}
