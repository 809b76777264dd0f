import CGradusKernels
import GradusCore

/// Writes the postings section term by term, and then the dictionary over it.
///
/// Lists are as `GRD_LIST_PACKED` says, one after the other. A term of one document has no list: its posting stands in the
/// dictionary. The section ends with slack for readers that load whole registers.
struct PostingsWriter {
  private let path: String
  private let file: SectionFileWriter
  /// Of all documents: bounds of the blocks rest on them.
  private let lengths: UnsafeBufferPointer<UInt32>
  private var positions: PositionsWriter?
  private var fields: FieldsWriter?
  private var dictionary = TermDictionaryWriter()
  private var postingsCount = 0
  private var encoder = PostingListEncoder()

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
    try file.begin(.packedPostings)
  }

  /// Adds a term; terms come in byte order, postings by ascending document.
  mutating func append(
    _ term: UnsafeBufferPointer<UInt8>, _ postings: UnsafeBufferPointer<UInt64>, _ gaps: UnsafeBufferPointer<UInt32>,
    _ fieldFrequencies: UnsafeBufferPointer<UInt32>
  ) throws {
    try positions?.append(postings, gaps)
    try fields?.append(fieldFrequencies)
    var occurrences: UInt64 = 0
    for posting in postings { occurrences += posting & 0xFFFF_FFFF }
    let list = postings.count == 1 ? postings[0] >> 32 : UInt64(file.sectionCount)
    if postings.count > 1 { try appendList(postings) }
    dictionary.append(term, documents: postings.count, occurrences: occurrences, list: list)
    postingsCount += postings.count
  }

  /// Ends the postings and writes the dictionary.
  ///
  /// - Parameter fieldLengths: Of each document those of all fields, where fields are wanted.
  mutating func finish(fieldLengths: [UInt32] = []) throws -> (terms: Int, postings: Int) {
    guard dictionary.count < Int(UInt32.max) else {
      throw IndexError.limitExceeded(path: path, what: "distinct terms", limit: Int(UInt32.max) - 1)
    }
    try positions?.finish()
    try fields?.finish(lengths: fieldLengths)
    try file.append([UInt8](repeating: 0, count: Int(GRD_SLACK)))
    try dictionary.write(to: file)
    return (dictionary.count, postingsCount)
  }

  private mutating func appendList(_ postings: UnsafeBufferPointer<UInt64>) throws {
    guard encoder.encode(postings, lengths: lengths) else {
      throw IndexError.limitExceeded(path: path, what: "bytes of postings of one term", limit: Int(UInt32.max))
    }
    try file.append(encoder.bytes)
  }
}
