import GradusCore

/// What a model gets to read: token ids with their segments, and what it does not get to see.
public struct TokenizedInput: Sendable, Equatable {
  public let ids: [Int32]
  /// Segments as the tokenizer's file gives them: in BERT 0 for the query or the only text and 1 for the document, in RoBERTa
  /// always 0. As many as `ids`.
  public let segmentIDs: [Int32]
  /// Where the second text of a pair begins; nil for a single text.
  public let secondStart: Int?
  /// Tokens of query and document that are not in `ids`.
  public let truncatedTokens: Int

  public init(ids: [Int32], segmentIDs: [Int32], secondStart: Int? = nil, truncatedTokens: Int) {
    self.ids = ids
    self.segmentIDs = segmentIDs
    self.secondStart = secondStart
    self.truncatedTokens = truncatedTokens
  }
}

/// How many tokens fit, and what happens to the rest.
///
///     var limits = TokenLimits(maximumTokens: 512)
///     limits.policy = .error
public struct TokenLimits: Sendable, Hashable {
  /// Special tokens included.
  public var maximumTokens: Int
  /// Of a pair; what is beyond it is cut and counted, so that a long query leaves room for the document.
  public var maximumQueryTokens: Int
  public var policy: TruncationPolicy
  /// Under `.window`: tokens from the start of one window to the start of the next; nil for half a window.
  public var windowStride: Int?

  public init(
    maximumTokens: Int, maximumQueryTokens: Int = 64, policy: TruncationPolicy = .truncate, windowStride: Int? = nil
  ) {
    self.maximumTokens = maximumTokens
    self.maximumQueryTokens = maximumQueryTokens
    self.policy = policy
    self.windowStride = windowStride
  }
}
