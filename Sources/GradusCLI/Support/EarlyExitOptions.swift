import ArgumentParser
import Gradus

/// When a model with exits stops reading a candidate.
struct EarlyExitOptions: ParsableArguments {
  @Option(
    name: .customLong("early-exit"),
    help: ArgumentHelp(
      "With a model trained with --exits: stop reading a candidate that an exit gives a lower probability of being relevant.",
      valueName: "probability"))
  var notRelevant: Double?

  @Option(
    name: .customLong("early-exit-relevant"),
    help: ArgumentHelp(
      "Stop reading a candidate of a higher probability, and rank it first. Default: 1, never.", valueName: "probability"))
  var relevant: Double?

  /// Nil where all candidates are read to the end.
  var thresholds: EarlyExitThresholds? {
    get throws {
      guard notRelevant != nil || relevant != nil else { return nil }
      return try EarlyExitThresholds(notRelevant: notRelevant ?? 0, relevant: relevant ?? 1)
    }
  }
}

extension EarlyExitThresholds {
  /// The scorer, stopping early.
  func applied(to scorer: any PairScorer) throws -> any PairScorer {
    guard let model = scorer as? CrossEncoder else { throw ModelError.noExits }
    return try model.exitingEarly(self)
  }
}
