/// A set of small numbers, one bit each.
struct BitSet: Sendable, Equatable {
  private(set) var words: [UInt64]
  /// Numbers are below it.
  let limit: Int

  init(limit: Int) {
    self.limit = limit
    words = [UInt64](repeating: 0, count: (limit + 63) / 64)
  }

  /// - Returns: Nil where the words are too few or too many, or a bit beyond the limit is set.
  init?(words: [UInt64], limit: Int) {
    guard words.count == (limit + 63) / 64 else { return nil }
    if limit % 64 != 0, let last = words.last, last >> UInt64(limit % 64) != 0 { return nil }
    self.words = words
    self.limit = limit
  }

  var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

  @inline(__always)
  func contains(_ number: Int) -> Bool { words[number >> 6] >> UInt64(number & 63) & 1 == 1 }

  /// - Returns: Whether it was new.
  @discardableResult
  mutating func insert(_ number: Int) -> Bool {
    let bit: UInt64 = 1 << UInt64(number & 63)
    defer { words[number >> 6] |= bit }
    return words[number >> 6] & bit == 0
  }

  mutating func remove(_ number: Int) { words[number >> 6] &= ~(1 << UInt64(number & 63)) }

  /// Members in ascending order.
  func numbers() -> [UInt32] {
    var result: [UInt32] = []
    result.reserveCapacity(count)
    for (place, word) in words.enumerated() {
      var left = word
      while left != 0 {
        result.append(UInt32(place << 6 + left.trailingZeroBitCount))
        left &= left - 1
      }
    }
    return result
  }

  mutating func formUnion(_ other: BitSet) {
    for place in words.indices { words[place] |= other.words[place] }
  }

  /// All numbers below the limit that are not members.
  var complement: BitSet {
    var result = self
    for place in words.indices { result.words[place] = ~words[place] }
    if limit % 64 != 0 { result.words[words.count - 1] &= (1 << UInt64(limit % 64)) - 1 }
    return result
  }
}
