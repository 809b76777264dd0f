/// Distinct byte strings, numbered from 0 in the order of their first appearance.
///
/// An open-addressing hash table over one text buffer; a string costs its bytes and some 30 bytes more.
final class ByteTable {
  private struct Entry {
    var hash: UInt64
    var offset: Int
    var count: Int
  }

  private(set) var count = 0
  private var entries: UnsafeMutablePointer<Entry>
  private var entryCapacity = 1 << 10
  private var text: UnsafeMutablePointer<UInt8>
  private var textCount = 0
  private var textCapacity = 1 << 14
  private var slots: UnsafeMutablePointer<UInt32>
  private var slotCapacity = 1 << 11

  init() {
    entries = .allocate(capacity: entryCapacity)
    text = .allocate(capacity: textCapacity)
    slots = .allocate(capacity: slotCapacity)
    slots.initialize(repeating: 0, count: slotCapacity)
  }

  deinit {
    entries.deallocate()
    text.deallocate()
    slots.deallocate()
  }

  /// Memory held, in bytes.
  var memory: Int { entryCapacity * MemoryLayout<Entry>.stride + textCapacity + slotCapacity * 4 }

  /// The number of a string, and whether it is new.
  @inline(__always)
  func insert(_ bytes: UnsafeBufferPointer<UInt8>) -> (number: Int, isNew: Bool) {
    let hash = termHash(bytes)
    var slot = Int(truncatingIfNeeded: hash) & (slotCapacity - 1)
    while slots[slot] != 0 {
      let number = Int(slots[slot]) - 1
      let entry = entries[number]
      if entry.hash == hash, bytesAreEqual(UnsafeBufferPointer(start: text + entry.offset, count: entry.count), bytes) {
        return (number, false)
      }
      slot = (slot + 1) & (slotCapacity - 1)
    }
    slots[slot] = UInt32(count + 1)
    append(bytes, hash: hash)
    return (count - 1, true)
  }

  /// The number of a string that was inserted before, or nil.
  func find(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    let hash = termHash(bytes)
    var slot = Int(truncatingIfNeeded: hash) & (slotCapacity - 1)
    while slots[slot] != 0 {
      let number = Int(slots[slot]) - 1
      if entries[number].hash == hash, bytesAreEqual(self[number], bytes) { return number }
      slot = (slot + 1) & (slotCapacity - 1)
    }
    return nil
  }

  /// The string with a number; valid until the next insertion.
  @inline(__always)
  subscript(number: Int) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: text + entries[number].offset, count: entries[number].count)
  }

  /// Numbers in byte order of the strings.
  func sortedNumbers() -> [Int] {
    var keys = (0..<count).map { (prefix: orderingPrefix(self[$0]), number: $0) }
    keys.sort { first, second in
      if first.prefix != second.prefix { return first.prefix < second.prefix }
      return compareBytes(self[first.number], self[second.number]) < 0
    }
    return keys.map(\.number)
  }

  private func append(_ bytes: UnsafeBufferPointer<UInt8>, hash: UInt64) {
    if count == entryCapacity { entries = Self.grown(entries, count, &entryCapacity, atLeast: count + 1) }
    let needed = textCount + bytes.count
    if needed > textCapacity { text = Self.grown(text, textCount, &textCapacity, atLeast: needed) }
    if let base = bytes.baseAddress { (text + textCount).update(from: base, count: bytes.count) }
    entries[count] = Entry(hash: hash, offset: textCount, count: bytes.count)
    textCount += bytes.count
    count += 1
    if 2 * count > slotCapacity { rehash() }
  }

  private func rehash() {
    slots.deallocate()
    slotCapacity *= 2
    slots = .allocate(capacity: slotCapacity)
    slots.initialize(repeating: 0, count: slotCapacity)
    for number in 0..<count {
      var slot = Int(truncatingIfNeeded: entries[number].hash) & (slotCapacity - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (slotCapacity - 1) }
      slots[slot] = UInt32(number + 1)
    }
  }

  static func grown<Element: BitwiseCopyable>(
    _ old: UnsafeMutablePointer<Element>, _ used: Int, _ capacity: inout Int, atLeast needed: Int
  ) -> UnsafeMutablePointer<Element> {
    while capacity < needed { capacity *= 2 }
    let new = UnsafeMutablePointer<Element>.allocate(capacity: capacity)
    new.update(from: old, count: used)
    old.deallocate()
    return new
  }
}
