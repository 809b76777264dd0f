import ArgumentParser

struct GradusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gradus",
    abstract: "Retrieve, re-rank, train the ranker, evaluate.",
    discussion: """
      Exit codes: 0 done, 1 failed, 2 usage, 65 bad data (with file and line), 66 missing input.
      """,
    version: "gradus 0.1.0")
}
