import ArgumentParser
import Gradus

/// The options that all benchmarks of a model on texts have.
struct ModelBenchOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Name or folder of a model.", valueName: "model"))
  var model: String

  @Option(help: ArgumentHelp("Tokens of each text, specials included.", valueName: "n"))
  var tokens = 128

  @Option(help: ArgumentHelp("Timed repeats, at least 5.", valueName: "n"))
  var repeats = 7

  func validate() throws {
    guard repeats >= 5 else { throw ValidationError("--repeats must be at least 5, found \(repeats)") }
    guard tokens >= 8 else { throw ValidationError("--tokens must be at least 8, found \(tokens)") }
  }

  func folder() throws -> ModelFolder { ModelFolder(path: try InputNames.model(model).folder) }

  func checkTokens(_ maximum: Int) throws {
    guard tokens <= maximum else { throw UsageError("--tokens \(tokens): the model takes at most \(maximum)") }
  }

  /// Seconds of each repeat of `body`, after one that is not counted.
  func measure(_ body: () throws -> Void) throws -> [Double] {
    try body()
    return try (0..<repeats).map { _ in try seconds(of: body) }
  }
}
