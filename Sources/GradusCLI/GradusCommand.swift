import ArgumentParser

@main
struct GradusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gradus", abstract: "Retrieve, re-rank, train the ranker, evaluate.", version: "0.1.0")
}
