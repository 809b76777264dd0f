import GradusCore

/// A tokenizer that makes the inputs of an encoder: texts and pairs with their special tokens.
///
///     let tokenizer: any InputTokenizer = try TokenizerFile.inputTokenizer(folder: "models/minilm-l6")
///     let input = try tokenizer.inputs(query: "how cats sit", document: "The cat sat.", limits: TokenLimits(maximumTokens: 512))
///
/// ``WordPieceTokenizer``, ``UnigramTokenizer`` and ``BytePairInputTokenizer`` conform.
public protocol InputTokenizer: Sendable {
  /// Where the special tokens stand.
  var template: TokenizerTemplate { get }
  /// One more than the largest id.
  var vocabularySize: Int { get }
  /// The ids of a text, without the special tokens of the template.
  func encode(_ text: String) -> [Int32]
  /// What an id stands for, nil where there is no such token.
  func piece(_ id: Int32) -> String?
}

extension InputTokenizer {
  /// One text with its special tokens: `[CLS] text [SEP]` in BERT's template.
  ///
  /// - Returns: One input; under `.window` as many as the text needs, each with the number of tokens it leaves out.
  /// - Throws: ``TokenizerError/tooLong(tokens:maximum:)`` under `.error`; ``TokenizerError/noRoom(maximum:needed:)``.
  public func inputs(_ text: String, limits: TokenLimits) throws(TokenizerError) -> [TokenizedInput] {
    let ids = encode(text)
    let specials = TokenizerTemplate.specialCount(template.single)
    let room = limits.maximumTokens - specials
    guard room > 0 else { throw .noRoom(maximum: limits.maximumTokens, needed: specials) }
    if limits.policy == .error, ids.count > room {
      throw .tooLong(tokens: ids.count + specials, maximum: limits.maximumTokens)
    }
    return Self.windows(of: ids.count, room: room, limits: limits).map { window in
      assemble(template.single, first: ids[window], second: [], truncatedTokens: ids.count - window.count)
    }
  }

  /// A query and a document with their special tokens: `[CLS] query [SEP] document [SEP]`.
  public func inputs(query: String, document: String, limits: TokenLimits) throws(TokenizerError) -> [TokenizedInput] {
    try inputs(query: encode(query), document: encode(document), limits: limits)
  }

  /// A pair from ids that ``encode(_:)`` gave, for queries that meet many documents.
  ///
  /// The query is cut to `maximumQueryTokens`, then the document to what is left; a query is never shortened for the sake
  /// of a document.
  ///
  /// - Returns: One input; under `.window` as many as the document needs, each with the number of tokens it leaves out.
  /// - Throws: ``TokenizerError/tooLong(tokens:maximum:)`` under `.error`; ``TokenizerError/noRoom(maximum:needed:)``.
  public func inputs(
    query: [Int32], document: [Int32], limits: TokenLimits
  ) throws(TokenizerError) -> [TokenizedInput] {
    let specials = TokenizerTemplate.specialCount(template.pair)
    let keptQuery = query.prefix(max(0, limits.maximumQueryTokens))
    let room = limits.maximumTokens - specials - keptQuery.count
    guard room > 0 else { throw .noRoom(maximum: limits.maximumTokens, needed: specials + keptQuery.count) }
    let isCut = keptQuery.count < query.count || document.count > room
    if limits.policy == .error, isCut {
      throw .tooLong(tokens: query.count + document.count + specials, maximum: limits.maximumTokens)
    }
    return Self.windows(of: document.count, room: room, limits: limits).map { window in
      assemble(
        template.pair, first: keptQuery, second: document[window],
        truncatedTokens: query.count - keptQuery.count + document.count - window.count)
    }
  }

  /// The parts of a text of `count` tokens that are put into one input each.
  private static func windows(of count: Int, room: Int, limits: TokenLimits) -> [Range<Int>] {
    guard limits.policy == .window, count > room else { return [0..<min(count, room)] }
    let stride = min(room, max(1, limits.windowStride ?? (room + 1) / 2))
    var windows: [Range<Int>] = []
    var start = 0
    while true {
      windows.append(start..<min(count, start + room))
      if start + room >= count { return windows }
      start += stride
    }
  }

  private func assemble(
    _ pieces: [TokenizerTemplate.Piece], first: ArraySlice<Int32>, second: ArraySlice<Int32>, truncatedTokens: Int
  ) -> TokenizedInput {
    var ids: [Int32] = []
    var segments: [Int32] = []
    var secondStart: Int?
    ids.reserveCapacity(first.count + second.count + pieces.count)
    segments.reserveCapacity(first.count + second.count + pieces.count)
    for piece in pieces {
      switch piece {
      case .special(let id, let segment):
        ids.append(id)
        segments.append(segment)
      case .first(let segment):
        ids.append(contentsOf: first)
        segments.append(contentsOf: repeatElement(segment, count: first.count))
      case .second(let segment):
        secondStart = ids.count
        ids.append(contentsOf: second)
        segments.append(contentsOf: repeatElement(segment, count: second.count))
      }
    }
    return TokenizedInput(ids: ids, segmentIDs: segments, secondStart: secondStart, truncatedTokens: truncatedTokens)
  }
}
