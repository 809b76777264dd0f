/// Token sequences of several texts, packed one after the other without padding.
///
///     var batch = TokenBatch()
///     batch.append([101, 7592, 102])
///     batch.append([101, 2088, 999, 102])
///     batch.offsets   // [0, 3, 7]
public struct TokenBatch: Sendable, Equatable {
  /// Vocabulary ids of all tokens, in order of the sequences.
  public private(set) var ids: [Int32] = []
  /// Segment (token type) of each token.
  public private(set) var segments: [Int32] = []
  /// Position of each token in its own sequence.
  public private(set) var positions: [Int32] = []
  /// Where each sequence starts, and the token count at the end: `[sequences + 1]`.
  public private(set) var offsets: [Int32] = [0]

  public init() {}

  public var tokenCount: Int { ids.count }
  public var sequenceCount: Int { offsets.count - 1 }

  /// Adds a sequence; `segments` of the same length, or nil for all zero.
  public mutating func append(_ sequence: [Int32], segments sequenceSegments: [Int32]? = nil) {
    precondition(
      sequenceSegments.map { $0.count == sequence.count } ?? true,
      "\(sequence.count) ids with \(sequenceSegments?.count ?? 0) segments")
    ids += sequence
    segments += sequenceSegments ?? [Int32](repeating: 0, count: sequence.count)
    positions += (0..<sequence.count).map(Int32.init)
    offsets.append(Int32(ids.count))
  }

  /// Index of each sequence's first token.
  public var firstTokens: [Int32] { Array(offsets.dropLast()) }

  public var longestSequence: Int {
    zip(offsets, offsets.dropFirst()).map { Int($1 - $0) }.max() ?? 0
  }

  /// Where the first and the second segment of each sequence start, and the token count: `[2 * sequences + 1]`.
  ///
  /// A sequence of one segment has an empty second part.
  public var segmentOffsets: [Int32] {
    var result: [Int32] = []
    result.reserveCapacity(2 * sequenceCount + 1)
    for (start, end) in zip(offsets, offsets.dropFirst()) {
      let range = Int(start)..<Int(end)
      result.append(start)
      result.append(Int32(segments[range].firstIndex { $0 != 0 } ?? range.upperBound))
    }
    result.append(Int32(tokenCount))
    return result
  }
}
