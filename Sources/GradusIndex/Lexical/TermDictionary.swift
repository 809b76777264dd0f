import GradusCore

/// One entry of the term dictionary as it stands in the file: 32 bytes, little-endian.
struct TermEntry: BitwiseCopyable {
  var textOffset: UInt64
  var textLength: UInt32
  /// Documents that hold the term, at least 1.
  var documentFrequency: UInt32
  /// Occurrences in all documents.
  var collectionFrequency: UInt64
  /// Place of the list in the postings; for a term of one document, that document and, 32 bits up, its tf.
  var postings: UInt64
}

/// Hash of a term's bytes, part of the file format.
@inline(__always)
func termHash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
  let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15
  let raw = UnsafeRawBufferPointer(bytes)
  var hash = UInt64(truncatingIfNeeded: raw.count) &* multiplier
  var offset = 0
  while offset + 8 <= raw.count {
    hash = (hash ^ raw.number(UInt64.self, at: offset)) &* multiplier
    hash ^= hash >> 32
    offset += 8
  }
  if offset < raw.count {
    var word: UInt64 = 0
    var shift: UInt64 = 0
    while offset < raw.count {
      word |= UInt64(raw[offset]) << shift
      shift += 8
      offset += 1
    }
    hash = (hash ^ word) &* multiplier
    hash ^= hash >> 32
  }
  return hash
}

/// The terms of a segment in byte order, with a hash table over them, read where they lie in the mapped file.
///
/// The table has a power of two of slots, at least twice as many as there are terms; a slot holds 1 + the number of a
/// term, or 0; collisions go to the next slot.
struct TermDictionary: @unchecked Sendable {
  // Unchecked: pointers into the read-only mapping, which the index keeps.
  private let entries: UnsafeBufferPointer<TermEntry>
  private let text: UnsafeRawBufferPointer
  private let slots: UnsafeBufferPointer<UInt32>
  private let path: String

  init(_ file: SectionFile, terms: Int) throws {
    path = file.path
    let raw = try file.bytes(.terms)
    guard raw.count == terms * MemoryLayout<TermEntry>.stride else {
      throw IndexError.corrupted(path: path, section: Section.terms.name)
    }
    entries = raw.bindMemory(to: TermEntry.self)
    text = try file.bytes(.termText)
    let table = try file.bytes(.termSlots)
    slots = table.bindMemory(to: UInt32.self)
    guard slots.count > terms, slots.count & (slots.count - 1) == 0, table.count == slots.count * 4 else {
      throw IndexError.corrupted(path: path, section: Section.termSlots.name)
    }
  }

  var count: Int { entries.count }

  subscript(number: Int) -> TermEntry { entries[number] }

  /// UTF-8 of a term.
  func bytes(of entry: TermEntry) throws -> UnsafeBufferPointer<UInt8> {
    guard entry.textOffset <= UInt64(text.count), UInt64(entry.textLength) <= UInt64(text.count) - entry.textOffset else {
      throw IndexError.corrupted(path: path, section: Section.terms.name)
    }
    let start = Int(entry.textOffset)
    return UnsafeRawBufferPointer(rebasing: text[start..<start + Int(entry.textLength)]).bindMemory(to: UInt8.self)
  }

  /// The entry of a term, or nil where no document holds it. O(1).
  func find(_ term: UnsafeBufferPointer<UInt8>) throws -> TermEntry? { try number(of: term).map { entries[$0] } }

  /// The place of a term in byte order, or nil where no document holds it. O(1).
  func number(of term: UnsafeBufferPointer<UInt8>) throws -> Int? {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: termHash(term)) & mask
    // A damaged table may have no empty slot: never look at more slots than there are.
    for _ in 0..<slots.count {
      let number = Int(slots[slot])
      if number == 0 { return nil }
      guard number <= entries.count else { throw IndexError.corrupted(path: path, section: Section.termSlots.name) }
      let entry = entries[number - 1]
      if Int(entry.textLength) == term.count, bytesAreEqual(try bytes(of: entry), term) { return number - 1 }
      slot = (slot + 1) & mask
    }
    throw IndexError.corrupted(path: path, section: Section.termSlots.name)
  }

  /// The slots of a hash table for terms with the given hashes.
  static func makeSlots(hashes: [UInt64]) -> [UInt32] {
    var capacity = 16
    while capacity < 2 * hashes.count { capacity *= 2 }
    var slots = [UInt32](repeating: 0, count: capacity)
    for (number, hash) in hashes.enumerated() {
      var slot = Int(truncatingIfNeeded: hash) & (capacity - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (capacity - 1) }
      slots[slot] = UInt32(number + 1)
    }
    return slots
  }
}
