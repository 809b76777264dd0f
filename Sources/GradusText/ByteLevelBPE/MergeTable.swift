/// Pairs of tokens and what they merge to, in a hash table with open addressing.
struct MergeTable: Sendable {
  /// Left and right id, or all ones where empty.
  private var keys: [UInt64]
  /// Rank in the upper half, the merged token's id in the lower.
  private var values: [UInt64]
  private let mask: Int

  /// What `value` gives for pairs that do not merge: larger than every rank.
  static let none = UInt64.max

  init(capacity: Int) {
    var size = 16
    while size < capacity * 2 { size *= 2 }
    keys = Array(repeating: .max, count: size)
    values = Array(repeating: Self.none, count: size)
    mask = size - 1
  }

  @inline(__always)
  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  @inline(__always)
  private static func slot(_ key: UInt64, _ mask: Int) -> Int {
    let product = key &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: (product ^ product >> 32) >> 7) & mask
  }

  /// The first rank of a pair stays.
  mutating func insert(_ left: Int32, _ right: Int32, rank: Int, merged: Int32) {
    let key = Self.key(left, right)
    var slot = Self.slot(key, mask)
    while keys[slot] != .max {
      if keys[slot] == key { return }
      slot = (slot + 1) & mask
    }
    keys[slot] = key
    values[slot] = UInt64(rank) << 32 | UInt64(UInt32(bitPattern: merged))
  }

  func withView<Result>(_ body: (View) -> Result) -> Result {
    keys.withUnsafeBufferPointer { keys in
      values.withUnsafeBufferPointer { values in
        body(View(keys: keys, values: values, mask: mask))
      }
    }
  }

  /// The table as merging sees it.
  struct View {
    fileprivate let keys: UnsafeBufferPointer<UInt64>
    fileprivate let values: UnsafeBufferPointer<UInt64>
    fileprivate let mask: Int

    /// Rank and id; ``MergeTable/none`` for pairs that do not merge.
    @inline(__always)
    func value(_ left: Int32, _ right: Int32) -> UInt64 {
      let key = MergeTable.key(left, right)
      var slot = MergeTable.slot(key, mask)
      while true {
        if keys[slot] == key { return values[slot] }
        if keys[slot] == .max { return MergeTable.none }
        slot = (slot + 1) & mask
      }
    }
  }
}
