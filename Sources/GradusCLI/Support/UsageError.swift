import Gradus

/// Options that contradict each other or ask for what does not exist: exit code 2.
struct UsageError: GradusError, Equatable {
  let message: String

  init(_ message: String) { self.message = message }

  var failureKind: FailureKind { .usage }
  var description: String { message }
}
