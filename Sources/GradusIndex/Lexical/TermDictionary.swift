import GradusCore

/// One entry of the term dictionary. Before version 6 it stands like this in the file: 32 bytes, little-endian.
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
///
/// Two layouts: ``TermEntry`` by ``TermEntry`` and slots of 32 bits; or, since version 6, numbers in as few bytes as the widest
/// of their kind needs. The latter's section of terms begins with four bytes that say how many these are: for the place of the
/// text, documents, occurrences, and the place of the list. Then come a record of these numbers for each term, one more whose
/// place is the end of all texts, and `PackedField.slack` zeros. A term of one document has that document for a place: its tf is
/// the number of occurrences. The section of slots begins with the bytes of a slot and ends with the same slack.
struct TermDictionary: @unchecked Sendable {
  // Unchecked: pointers into the read-only mapping. The index keeps the file, and no reference to it is counted here, so that
  // threads that look up terms do not wait for one another.
  let count: Int
  private let records: UnsafeRawPointer
  private let stride: Int
  /// Nil in the layout of earlier versions.
  private let packing: Packing?
  private let text: UnsafeRawBufferPointer
  private let slots: UnsafeRawPointer
  private let slotBytes: Int
  private let slotMask: UInt32
  /// Slots less 1.
  private let placeMask: Int
  private unowned(unsafe) let file: SectionFile

  private struct Packing {
    let text: PackedField
    let documents: PackedField
    let occurrences: PackedField
    let list: PackedField
  }

  init(_ file: SectionFile, terms: Int) throws {
    self.file = file
    count = terms
    text = try file.bytes(.termText)
    func damage(_ section: Section) -> IndexError { .corrupted(path: file.path, section: section.name) }
    let isPacked = file.summary(of: .packedTerms) != nil
    let entries = try file.bytes(isPacked ? .packedTerms : .terms)
    var table = try file.bytes(isPacked ? .packedSlots : .termSlots)
    let slotCount: Int
    if isPacked {
      guard entries.count >= 4, entries[..<4].allSatisfy({ (1...8).contains($0) }) else { throw damage(.packedTerms) }
      let bytes = entries[..<4].map { Int($0) }
      stride = bytes.reduce(0, +)
      packing = Packing(
        text: PackedField(place: 0, bytes: bytes[0]), documents: PackedField(place: bytes[0], bytes: bytes[1]),
        occurrences: PackedField(place: bytes[0] + bytes[1], bytes: bytes[2]),
        list: PackedField(place: bytes[0] + bytes[1] + bytes[2], bytes: bytes[3]))
      guard bytes[1] <= 4, entries.count == 4 + (terms + 1) * stride + PackedField.slack, let base = entries.baseAddress else {
        throw damage(.packedTerms)
      }
      records = base + 4
      guard table.count > 1 + PackedField.slack, (1...4).contains(table[0]) else { throw damage(.packedSlots) }
      slotBytes = Int(table[0])
      table = UnsafeRawBufferPointer(rebasing: table[1..<table.count - PackedField.slack])
      slotCount = table.count / slotBytes
    } else {
      stride = MemoryLayout<TermEntry>.stride
      packing = nil
      guard entries.count == terms * stride, let base = entries.baseAddress else { throw damage(.terms) }
      records = base
      slotBytes = 4
      slotCount = table.count / 4
    }
    guard slotCount > terms, slotCount & (slotCount - 1) == 0, table.count == slotCount * slotBytes, let base = table.baseAddress
    else { throw damage(isPacked ? .packedSlots : .termSlots) }
    slots = base
    slotMask = UInt32.max >> UInt32(32 - 8 * slotBytes)
    placeMask = slotCount - 1
  }

  /// The entry with a number below ``count``.
  subscript(number: Int) -> TermEntry {
    let record = records + number * stride
    guard let packing else { return record.load(as: TermEntry.self) }
    let documents = UInt32(truncatingIfNeeded: packing.documents.value(at: record))
    let occurrences = packing.occurrences.value(at: record)
    let list = packing.list.value(at: record)
    let (start, end) = textPlaces(record, packing)
    return TermEntry(
      textOffset: start, textLength: UInt32(truncatingIfNeeded: end &- start), documentFrequency: documents,
      collectionFrequency: occurrences, postings: documents == 1 ? list | occurrences << 32 : list)
  }

  @inline(__always)
  private func textPlaces(_ record: UnsafeRawPointer, _ packing: Packing) -> (UInt64, UInt64) {
    (packing.text.value(at: record), packing.text.value(at: record + stride))
  }

  /// UTF-8 of a term.
  func bytes(of entry: TermEntry) throws -> UnsafeBufferPointer<UInt8> {
    try bytes(from: entry.textOffset, count: UInt64(entry.textLength))
  }

  @inline(__always)
  private func bytes(from start: UInt64, count: UInt64) throws -> UnsafeBufferPointer<UInt8> {
    guard start <= UInt64(text.count), count <= UInt64(text.count) - start else {
      throw IndexError.corrupted(path: file.path, section: (packing == nil ? Section.terms : .packedTerms).name)
    }
    return UnsafeRawBufferPointer(rebasing: text[Int(start)..<Int(start + count)]).bindMemory(to: UInt8.self)
  }

  /// UTF-8 of the term with a number.
  @inline(__always)
  private func bytes(ofTerm number: Int) throws -> UnsafeBufferPointer<UInt8> {
    let record = records + number * stride
    guard let packing else { return try bytes(of: record.load(as: TermEntry.self)) }
    let (start, end) = textPlaces(record, packing)
    return try bytes(from: start, count: end &- start)
  }

  /// The entry of a term, or nil where no document holds it. O(1).
  func find(_ term: UnsafeBufferPointer<UInt8>) throws -> TermEntry? { try number(of: term).map { self[$0] } }

  /// The place of a term in byte order, or nil where no document holds it. O(1).
  func number(of term: UnsafeBufferPointer<UInt8>) throws -> Int? {
    var slot = Int(truncatingIfNeeded: termHash(term)) & placeMask
    // A damaged table may have no empty slot: never look at more slots than there are.
    for _ in 0...placeMask {
      let number = Int(UInt32(littleEndian: slots.loadUnaligned(fromByteOffset: slot * slotBytes, as: UInt32.self)) & slotMask)
      if number == 0 { return nil }
      guard number <= count else { throw slotDamage }
      if bytesAreEqual(try bytes(ofTerm: number - 1), term) { return number - 1 }
      slot = (slot + 1) & placeMask
    }
    throw slotDamage
  }

  private var slotDamage: IndexError {
    .corrupted(path: file.path, section: (packing == nil ? Section.termSlots : .packedSlots).name)
  }
}
