/// Writes the sections of a dictionary, in the packed layout of ``TermDictionary``.
struct TermDictionaryWriter {
  private var entries: [TermEntry] = []
  private var text: [UInt8] = []
  private var hashes: [UInt64] = []

  /// Terms so far.
  var count: Int { entries.count }

  /// Adds a term; terms come in byte order.
  ///
  /// - Parameter list: Its place in the postings; of a term of one document, that document.
  mutating func append(_ term: UnsafeBufferPointer<UInt8>, documents: Int, occurrences: UInt64, list: UInt64) {
    entries.append(
      TermEntry(
        textOffset: UInt64(text.count), textLength: UInt32(term.count), documentFrequency: UInt32(documents),
        collectionFrequency: occurrences, postings: list))
    text.append(contentsOf: term)
    hashes.append(termHash(term))
  }

  func write(to file: SectionFileWriter) throws {
    var greatest = TermEntry(
      textOffset: UInt64(text.count), textLength: 0, documentFrequency: 0, collectionFrequency: 0, postings: 0)
    for entry in entries {
      greatest.documentFrequency = max(greatest.documentFrequency, entry.documentFrequency)
      greatest.collectionFrequency = max(greatest.collectionFrequency, entry.collectionFrequency)
      greatest.postings = max(greatest.postings, entry.postings)
    }
    let widths = [
      greatest.textOffset.byteCount, greatest.documentFrequency.byteCount, greatest.collectionFrequency.byteCount,
      greatest.postings.byteCount,
    ]
    let slack = [UInt8](repeating: 0, count: PackedField.slack)
    try file.begin(.packedTerms)
    var bytes = widths.map { UInt8($0) }
    bytes.reserveCapacity(4 + (entries.count + 1) * widths.reduce(0, +))
    func put(_ entry: TermEntry) {
      bytes.append(littleEndian: entry.textOffset, bytes: widths[0])
      bytes.append(littleEndian: UInt64(entry.documentFrequency), bytes: widths[1])
      bytes.append(littleEndian: entry.collectionFrequency, bytes: widths[2])
      bytes.append(littleEndian: entry.postings, bytes: widths[3])
    }
    entries.forEach(put)
    put(TermEntry(textOffset: UInt64(text.count), textLength: 0, documentFrequency: 0, collectionFrequency: 0, postings: 0))
    try file.append(bytes + slack)
    try file.begin(.termText)
    try file.append(text)
    try file.begin(.packedSlots)
    let slotBytes = UInt32(entries.count).byteCount
    bytes = [UInt8(slotBytes)]
    for slot in slots() { bytes.append(littleEndian: UInt64(slot), bytes: slotBytes) }
    try file.append(bytes + slack)
  }

  /// The slots of the hash table.
  private func slots() -> [UInt32] {
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
