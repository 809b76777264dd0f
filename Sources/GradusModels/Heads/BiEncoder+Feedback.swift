import GradusCore
import GradusTensor
import GradusText

/// How much of a query and of its feedback passages an encoder reads together.
public struct FeedbackInputLimits: Sendable, Hashable {
  public var queryTokens: Int
  public var passageTokens: Int
  /// Of the whole input, special tokens included.
  public var totalTokens: Int
  /// A passage for which fewer tokens than this are left is not read, nor is any after it.
  public var leastPassageTokens: Int

  public init(queryTokens: Int = 128, passageTokens: Int = 128, totalTokens: Int = 512, leastPassageTokens: Int = 10) {
    self.queryTokens = queryTokens
    self.passageTokens = passageTokens
    self.totalTokens = totalTokens
    self.leastPassageTokens = leastPassageTokens
  }
}

extension BiEncoder {
  /// What an encoder reads of a query and the passages that a first search found, best first:
  /// `[CLS] query [SEP] passage [SEP] passage [SEP]` in BERT's template, passages in the second segment (ANCE-PRF: Yu et al.,
  /// CIKM 2021). Without passages it is the query alone.
  ///
  /// - Throws: as ``read(_:prompt:)``.
  public func readFeedback(
    query: String, passages: [String], prompt: PromptChoice = .query, limits: FeedbackInputLimits = FeedbackInputLimits()
  ) throws -> TokenizedInput {
    let positions = encoder.configuration.maximumPositions
    let total = min(limits.totalTokens, positions)
    func ids(_ text: String) -> [Int32] { tokenizer.encode(lowercases ? text.lowercased() : text) }
    let asked = ids(try prompts.text(prompt) + query)
    let kept = asked.prefix(max(0, limits.queryTokens))
    var separator: Int32?
    if case .special(let id, _)? = tokenizer.template.pair.last { separator = id }
    var second: [Int32] = []
    var dropped = asked.count - kept.count
    var room = total - tokenizer.template.pair.count { if case .special = $0 { true } else { false } } - kept.count
    for (number, passage) in passages.enumerated() {
      let own = ids(passage)
      let between = number > 0 && separator != nil ? 1 : 0
      guard room - between >= limits.leastPassageTokens else {
        dropped += own.count
        continue
      }
      let part = own.prefix(min(max(0, limits.passageTokens), room - between))
      if between == 1, let separator { second.append(separator) }
      second += part
      room -= between + part.count
      dropped += own.count - part.count
    }
    guard !second.isEmpty else { return try read([query], prompt: prompt)[0] }
    let pair = try tokenizer.inputs(
      query: Array(kept), document: second,
      limits: TokenLimits(maximumTokens: total, maximumQueryTokens: kept.count))[0]
    return TokenizedInput(
      ids: pair.ids, segmentIDs: pair.segmentIDs, secondStart: pair.secondStart, truncatedTokens: dropped)
  }

  /// The vector of a query together with the passages that a first search found.
  ///
  /// - Throws: as ``readFeedback(query:passages:prompt:limits:)``.
  public func encodeFeedback(
    query: String, passages: [String], prompt: PromptChoice = .query, limits: FeedbackInputLimits = FeedbackInputLimits()
  ) throws -> [Float] {
    let input = try readFeedback(query: query, passages: passages, prompt: prompt, limits: limits)
    return try encode(read: [input], prompt: prompt)[0]
  }
}
