import CGradusKernels
import GradusCore

/// Writes the postings section term by term, and then the dictionary over it.
///
/// A list: skip data of all blocks, then the blocks, then zeros up to a multiple of 4. A term of one document has no
/// list: its posting stands in the dictionary. The section ends with slack for readers that load whole registers.
struct PostingsWriter {
  private let path: String
  private let file: SectionFileWriter
  /// Of all documents: bounds of the blocks rest on them.
  private let lengths: UnsafeBufferPointer<UInt32>
  private var entries: [TermEntry] = []
  private var text: [UInt8] = []
  private var hashes: [UInt64] = []
  private var postingsCount = 0
  private var docs: [UInt32] = []
  private var tfs: [UInt32] = []
  private var skips: [grd_skip] = []
  private var blocks: [UInt8] = []
  private var encoded = [UInt8](repeating: 0, count: Int(GRD_BLOCK_BYTES))

  init(file: SectionFileWriter, path: String, lengths: UnsafeBufferPointer<UInt32>) throws {
    self.file = file
    self.path = path
    self.lengths = lengths
    try file.begin(.postings)
  }

  /// Adds a term; terms come in byte order, postings by ascending document.
  mutating func append(_ term: UnsafeBufferPointer<UInt8>, _ postings: UnsafeBufferPointer<UInt64>) throws {
    var entry = TermEntry(
      textOffset: UInt64(text.count), textLength: UInt32(term.count), documentFrequency: UInt32(postings.count),
      collectionFrequency: 0, postings: 0)
    for posting in postings { entry.collectionFrequency += posting & 0xFFFF_FFFF }
    if postings.count == 1 {
      entry.postings = postings[0] >> 32 | postings[0] << 32
    } else {
      entry.postings = UInt64(file.sectionCount)
      try appendList(postings)
    }
    postingsCount += postings.count
    entries.append(entry)
    text.append(contentsOf: term)
    hashes.append(termHash(term))
  }

  /// Ends the postings and writes the dictionary.
  mutating func finish() throws -> (terms: Int, postings: Int) {
    guard entries.count < Int(UInt32.max) else {
      throw IndexError.limitExceeded(path: path, what: "distinct terms", limit: Int(UInt32.max) - 1)
    }
    try file.append([UInt8](repeating: 0, count: Int(GRD_SLACK)))
    try file.begin(.terms)
    try entries.withUnsafeBytes { try file.append($0) }
    try file.begin(.termText)
    try file.append(text)
    try file.begin(.termSlots)
    try file.append(TermDictionary.makeSlots(hashes: hashes))
    return (entries.count, postingsCount)
  }

  private mutating func appendList(_ postings: UnsafeBufferPointer<UInt64>) throws {
    let blockSize = Int(GRD_BLOCK)
    skips.removeAll(keepingCapacity: true)
    blocks.removeAll(keepingCapacity: true)
    var previous = UInt32.max  // GRD_BEFORE_FIRST
    var start = 0
    while start < postings.count {
      let block = postings[start..<min(start + blockSize, postings.count)]
      docs.removeAll(keepingCapacity: true)
      tfs.removeAll(keepingCapacity: true)
      for posting in block {
        docs.append(UInt32(truncatingIfNeeded: posting >> 32))
        tfs.append(UInt32(truncatingIfNeeded: posting))
      }
      guard blocks.count <= Int(UInt32.max) else {
        throw IndexError.limitExceeded(path: path, what: "bytes of postings of one term", limit: Int(UInt32.max))
      }
      var skip = grd_skip()
      skip.last_doc = docs[docs.count - 1]
      skip.offset = UInt32(blocks.count)
      withUnsafeMutablePointer(to: &skip.impacts) { impacts in
        impacts.withMemoryRebound(to: grd_impact.self, capacity: 4) {
          grd_block_impacts(docs, tfs, docs.count, lengths.baseAddress, $0)
        }
      }
      skips.append(skip)
      let count = grd_encode_block(docs, tfs, docs.count, previous, &encoded)
      blocks.append(contentsOf: encoded[..<count])
      previous = skip.last_doc
      start += blockSize
    }
    while blocks.count % 4 != 0 { blocks.append(0) }
    try skips.withUnsafeBytes { try file.append($0) }
    try file.append(blocks)
  }
}
