import ArgumentParser
import Gradus

/// `--threads N`, the same in every subcommand that computes.
struct ThreadsOption: ParsableArguments {
  @Option(
    name: .customLong("threads"),
    help: ArgumentHelp("Threads to use; all processors by default. Results do not depend on it.", valueName: "n"))
  var count: Int?

  func validate() throws {
    if let count, count < 1 { throw ValidationError("--threads must be at least 1, found \(count)") }
  }

  /// Limits the process to this many threads and returns how many there are.
  func apply() -> Int {
    if let count { WorkerPool.shared.threadLimit = count }
    return WorkerPool.shared.threadLimit
  }
}
