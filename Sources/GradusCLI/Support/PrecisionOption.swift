import ArgumentParser
import Gradus

/// `--precision`, the same in every subcommand that infers with an encoder.
struct PrecisionOption: ParsableArguments {
  enum Choice: String, ExpressibleByArgument, CaseIterable, Sendable {
    case auto, fp32, bf16, int8
  }

  @Option(
    name: .customLong("precision"),
    help: ArgumentHelp(
      "Arithmetic: auto, fp32, bf16 or int8. auto is the faster one of fp32 and bf16 here.", valueName: "precision"))
  var choice: Choice = .auto

  var isGiven: Bool { choice != .auto }

  static func of(_ choice: Choice) -> PrecisionOption {
    var option = PrecisionOption()
    option.choice = choice
    return option
  }

  /// What to compute with, and whether that was measured just now.
  func resolved() throws -> (precision: NumericPrecision, isMeasured: Bool) {
    if let fixed = NumericPrecision(rawValue: choice.rawValue) { return (fixed, false) }
    return try PrecisionCalibration(cacheFolder: DataHome.current.cache).fastest()
  }
}
