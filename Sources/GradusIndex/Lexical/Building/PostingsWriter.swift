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
  private var positions: PositionsWriter?
  private var fields: FieldsWriter?
  private var entries: [TermEntry] = []
  private var text: [UInt8] = []
  private var hashes: [UInt64] = []
  private var postingsCount = 0
  private var encoder = PostingListEncoder()

  /// Nil where all blocks so far are as wide as their widest number.
  var coding: PostingsCoding? { encoder.isCompact || fields?.isCompact == true ? .compact : nil }

  /// - Parameters:
  ///   - positions: The file of positions, where they are wanted.
  ///   - fields: What writes the file of fields, where they are wanted.
  init(
    file: SectionFileWriter, path: String, lengths: UnsafeBufferPointer<UInt32>, positions: SectionFileWriter? = nil,
    fields: FieldsWriter? = nil
  ) throws {
    self.positions = try positions.map { try PositionsWriter(file: $0) }
    self.fields = fields
    self.file = file
    self.path = path
    self.lengths = lengths
    try file.begin(.postings)
  }

  /// Adds a term; terms come in byte order, postings by ascending document.
  mutating func append(
    _ term: UnsafeBufferPointer<UInt8>, _ postings: UnsafeBufferPointer<UInt64>, _ gaps: UnsafeBufferPointer<UInt32>,
    _ fieldFrequencies: UnsafeBufferPointer<UInt32>
  ) throws {
    try positions?.append(postings, gaps)
    try fields?.append(fieldFrequencies)
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
  ///
  /// - Parameter fieldLengths: Of each document those of all fields, where fields are wanted.
  mutating func finish(fieldLengths: [UInt32] = []) throws -> (terms: Int, postings: Int) {
    guard entries.count < Int(UInt32.max) else {
      throw IndexError.limitExceeded(path: path, what: "distinct terms", limit: Int(UInt32.max) - 1)
    }
    try positions?.finish()
    try fields?.finish(lengths: fieldLengths)
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
    guard encoder.encode(postings, lengths: lengths) else {
      throw IndexError.limitExceeded(path: path, what: "bytes of postings of one term", limit: Int(UInt32.max))
    }
    try encoder.skips.withUnsafeBytes { try file.append($0) }
    try file.append(encoder.blocks)
  }
}
