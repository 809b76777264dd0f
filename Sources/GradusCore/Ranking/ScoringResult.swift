/// What to do with a text that is longer than a model takes.
public enum TruncationPolicy: String, Sendable, Codable, CaseIterable {
  /// Cut the end, and count the tokens that were cut.
  case truncate
  /// Score overlapping windows and keep the best.
  case window
  /// Refuse the text.
  case error
}

/// A document's score with the tokens that the model did not get to see.
public struct CandidateScore: Sendable, Equatable {
  public let score: Double
  /// Tokens of query and document that were cut off; 0 where the model saw everything.
  public let truncatedTokens: Int

  public init(score: Double, truncatedTokens: Int = 0) {
    self.score = score
    self.truncatedTokens = truncatedTokens
  }
}
