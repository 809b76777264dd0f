/// What to do with a text that is longer than a model takes.
public enum TruncationPolicy: String, Sendable, Codable, CaseIterable {
  /// Cut the end, and count the tokens that were cut.
  case truncate
  /// Score overlapping windows and keep the best.
  case window
  /// Refuse the text.
  case error
}

/// Where a model stopped reading a candidate before its last layer, and what it was sure of.
public struct EarlyExit: Sendable, Equatable, Hashable {
  /// Layers that the candidate went through.
  public let layer: Int
  /// Whether it left as relevant; else as not relevant.
  public let isRelevant: Bool

  public init(layer: Int, isRelevant: Bool) {
    self.layer = layer
    self.isRelevant = isRelevant
  }
}

/// A document's score with the tokens that the model did not get to see.
public struct CandidateScore: Sendable, Equatable {
  public let score: Double
  /// Tokens of query and document that were cut off; 0 where the model saw everything.
  public let truncatedTokens: Int
  /// Where the model stopped reading; nil where it read to its end. Scores compare with those of candidates that left in the
  /// same place: see ``standing``.
  public let exit: EarlyExit?

  public init(score: Double, truncatedTokens: Int = 0, exit: EarlyExit? = nil) {
    self.score = score
    self.truncatedTokens = truncatedTokens
    self.exit = exit
  }

  /// What decides before the score does, larger first: 0 for a candidate that was read to the end; below it what left as not
  /// relevant, above it what left as relevant, each the further away the earlier it left.
  public var standing: Int {
    guard let exit else { return 0 }
    return exit.isRelevant ? Int.max - exit.layer : Int.min + exit.layer
  }

  /// Whether it says more than another about the same document, as one window's says more than another's: by ``standing``, then
  /// by score. A score that is not a number must not hide behind one that is.
  public func isBetter(than other: CandidateScore) -> Bool {
    if score.isNaN || other.score.isNaN { return score.isNaN }
    return standing != other.standing ? standing > other.standing : score > other.score
  }
}
