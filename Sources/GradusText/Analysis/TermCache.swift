/// What became of short words, so that the stemmer is asked once for each frequent one.
///
/// Direct-mapped and of fixed size: 32,768 words of up to 16 bytes. A full slot is overwritten.
struct TermCache {
  static let longestTerm = 16

  /// What is stored for a word: its stem (up to 16 bytes), or that it is a stop word (length 0).
  private struct Slot {
    var low: UInt64 = 0
    var high: UInt64 = 0
    var stem: (UInt64, UInt64) = (0, 0)
    /// 0 where the slot is free.
    var length: UInt8 = 0
    var stemLength: UInt8 = 0
  }

  private static let size = 1 << 15
  private let slots: UnsafeMutablePointer<Slot>

  init() {
    slots = .allocate(capacity: Self.size)
    slots.initialize(repeating: Slot(), count: Self.size)
  }

  func deallocate() { slots.deallocate() }

  /// A word of 1 to 16 bytes as two numbers.
  struct Key {
    let low: UInt64
    let high: UInt64
    let length: UInt8

    /// `word` must have 16 readable bytes, zero after the first `length`.
    @inline(__always)
    init(_ word: UnsafeRawPointer, length: Int) {
      low = word.loadUnaligned(as: UInt64.self)
      high = word.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
      self.length = UInt8(truncatingIfNeeded: length)
    }

    @inline(__always)
    var slot: Int {
      let mixed = (low ^ (high &* 0x9FB2_1C65_1E98_DF25) ^ UInt64(length)) &* 0x9E37_79B9_7F4A_7C15
      return Int(truncatingIfNeeded: mixed >> 49)
    }
  }

  /// The stem's bytes, valid until the next `store`; empty for a stop word; nil where the word is not in the cache.
  @inline(__always)
  func stem(_ key: Key) -> UnsafeBufferPointer<UInt8>? {
    let slot = slots + key.slot
    guard slot.pointee.low == key.low, slot.pointee.high == key.high, slot.pointee.length == key.length else { return nil }
    let start = UnsafeRawPointer(slot) + 16
    return UnsafeBufferPointer(start: start.assumingMemoryBound(to: UInt8.self), count: Int(slot.pointee.stemLength))
  }

  func store(_ key: Key, stem: UnsafeBufferPointer<UInt8>) {
    guard stem.count <= Self.longestTerm else { return }
    var slot = Slot(low: key.low, high: key.high, length: key.length, stemLength: UInt8(stem.count))
    withUnsafeMutableBytes(of: &slot.stem) { $0.copyBytes(from: stem) }
    slots[key.slot] = slot
  }
}
