import GradusCore

extension WordPieceTokenizer {
  /// One text with its special tokens: `[CLS] text [SEP]`.
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

  /// A pair from ids that ``encode(_:)-(String)`` gave, for queries that meet many documents.
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
        ids.append(contentsOf: second)
        segments.append(contentsOf: repeatElement(segment, count: second.count))
      }
    }
    return TokenizedInput(ids: ids, segmentIDs: segments, truncatedTokens: truncatedTokens)
  }
}
