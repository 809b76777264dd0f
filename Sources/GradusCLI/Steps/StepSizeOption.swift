import ArgumentParser

/// How much a measured training step holds: samples of one, two and four documents divide it.
struct StepSizeOption: ParsableArguments {
  @Option(help: ArgumentHelp("Documents of a step, a multiple of 4.", valueName: "n"))
  var documents = 16

  func validate() throws {
    guard documents >= 8, documents % 4 == 0 else {
      throw ValidationError("--documents must be a multiple of 4 and at least 8, found \(documents)")
    }
  }
}
