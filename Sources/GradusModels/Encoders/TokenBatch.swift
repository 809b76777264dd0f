import GradusText

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
  /// Position of each token in its own sequence, with the gaps that were asked for.
  public private(set) var positions: [Int32] = []
  /// Where each sequence starts, and the token count at the end: `[sequences + 1]`.
  public private(set) var offsets: [Int32] = [0]
  /// Where the second text of each sequence begins: the sequence's end where there is none.
  private var secondStarts: [Int32] = []
  private var attendedCounts: [Int32] = []

  public init() {}

  public var tokenCount: Int { ids.count }
  public var sequenceCount: Int { offsets.count - 1 }

  /// Adds a sequence; `segments` of the same length, or nil for all zero.
  ///
  /// - Parameters:
  ///   - secondStart: Where the second text of a pair begins in the sequence; nil for where the segments leave 0.
  ///   - firstPosition: Position of the first token.
  ///   - secondPosition: Position of the second text's first token; nil for the one after the first text's last.
  ///   - attended: How many of the first tokens all tokens of the sequence attend to; nil for all of them. At least one.
  public mutating func append(
    _ sequence: [Int32], segments sequenceSegments: [Int32]? = nil, secondStart: Int? = nil, firstPosition: Int = 0,
    secondPosition: Int? = nil, attended: Int? = nil
  ) {
    precondition(
      attended.map { (1...sequence.count).contains($0) } ?? true,
      "\(attended ?? 0) attended tokens of \(sequence.count)")
    precondition(
      sequenceSegments.map { $0.count == sequence.count } ?? true,
      "\(sequence.count) ids with \(sequenceSegments?.count ?? 0) segments")
    let second = secondStart ?? sequenceSegments?.firstIndex { $0 != 0 } ?? sequence.count
    let split = min(sequence.count, max(0, second))
    secondStarts.append(Int32(ids.count + split))
    ids += sequence
    segments += sequenceSegments ?? [Int32](repeating: 0, count: sequence.count)
    positions += (firstPosition..<firstPosition + split).map(Int32.init)
    let next = secondPosition ?? firstPosition + split
    positions += (next..<next + sequence.count - split).map(Int32.init)
    offsets.append(Int32(ids.count))
    attendedCounts.append(Int32(attended ?? sequence.count))
  }

  /// Adds what a tokenizer has made.
  public mutating func append(_ input: TokenizedInput, secondPosition: Int? = nil, attended: Int? = nil) {
    append(
      input.ids, segments: input.segmentIDs, secondStart: input.secondStart, secondPosition: secondPosition, attended: attended)
  }

  /// Index of each sequence's first token.
  public var firstTokens: [Int32] { Array(offsets.dropLast()) }

  public var longestSequence: Int {
    zip(offsets, offsets.dropFirst()).map { Int($1 - $0) }.max() ?? 0
  }

  /// Position of each sequence's first token, 0 of an empty one; nil where all are 0.
  var firstPositions: [Int32]? {
    let result = (0..<sequenceCount).map { offsets[$0] < offsets[$0 + 1] ? positions[Int(offsets[$0])] : 0 }
    return result.allSatisfy { $0 == 0 } ? nil : result
  }

  /// How many of each sequence's first tokens are attended to; nil where all are.
  var attended: [Int32]? {
    zip(attendedCounts, zip(offsets, offsets.dropFirst())).allSatisfy { $0 == $1.1 - $1.0 } ? nil : attendedCounts
  }

  /// Tokens of each sequence without its first `skipping`; empty where there are no more.
  func ranges(skipping: Int = 0) -> [Range<Int>] {
    zip(offsets, offsets.dropFirst()).map { min(Int($0) + skipping, Int($1))..<Int($1) }
  }

  /// The share of the token at `row` of `count` in a mean weighted by position, with `skipped` tokens before the first.
  static func positionWeight(_ row: Int, of count: Int, skipped: Int) -> Float {
    Float(skipped + row + 1) / Float(count * (2 * skipped + count + 1) / 2)
  }

  /// Where the first and the second text of each sequence start, and the token count: `[2 * sequences + 1]`.
  ///
  /// A sequence of one text has an empty second part.
  public var segmentOffsets: [Int32] {
    var result: [Int32] = []
    result.reserveCapacity(2 * sequenceCount + 1)
    for (start, second) in zip(offsets, secondStarts) { result += [start, second] }
    result.append(Int32(tokenCount))
    return result
  }
}
