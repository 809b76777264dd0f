/// The class of a failure, which decides the exit code of the command and the status of the server.
public enum FailureKind: Int32, Sendable {
  /// Exit code 1.
  case failed = 1
  /// The caller asked for something that does not exist or contradicts itself. Exit code 2.
  case usage = 2
  /// A file or a request holds something that cannot be right. Exit code 65.
  case badData = 65
  /// A file, folder, model or collection is not there. Exit code 66.
  case missingInput = 66
}

/// An error that a user may see: one line that says what was wrong, where, what was expected and what to do.
public protocol GradusError: Error, Sendable, CustomStringConvertible {
  var failureKind: FailureKind { get }
}
