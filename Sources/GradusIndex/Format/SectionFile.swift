import CGradusKernels
import GradusCore
import GradusFormats

/// Layout of a segment file, version 1. All numbers are little-endian.
///
///     header    magic "GRDINDEX", u32 version, u32 kind of file
///     sections  each at a multiple of 64, zeros between
///     table     per section: u32 tag, u32 CRC-32C, u64 offset, u64 bytes
///     trailer   u64 offset of the table, u32 sections, u32 CRC-32C of header + table + the 12 bytes before, magic "GRDTABLE"
enum SectionFileLayout {
  static let version = 1
  static let magic = magicNumber("GRDINDEX")
  static let endMagic = magicNumber("GRDTABLE")
  static let headerBytes = 16
  static let entryBytes = 24
  static let trailerBytes = 24
  static let alignment = 64

  enum Kind: UInt32 {
    case postings = 1
    case documents = 2
    case positions = 3
    case columns = 4
    case documentDeletions = 5
    case fields = 6
    case vectors = 16
    case graph = 17
    case deletions = 18
    case tokens = 19
    case impacts = 20
  }

  private static func magicNumber(_ text: StaticString) -> UInt64 {
    UnsafeRawPointer(text.utf8Start).loadUnaligned(as: UInt64.self)
  }
}

/// Parts of segment files. The raw value is the tag in the file.
enum Section: UInt32, CaseIterable {
  case terms = 1, termText, termSlots, postings, lengths, docnoOffsets, docnoText, docnoRanks, docnoOrder
  case storedOffsets, storedText
  case positions, positionStarts
  case columnDirectory, columnData
  case storedBlocks
  case deletedDocuments = 20, removedTerms, removedPostings, removedOccurrences
  case fieldFrequencies = 24, fieldStarts, fieldLengths, fieldDirectory
  case vectorCodes = 32, vectorScales, vectorNorms, vectorRows, deletedRows
  case graphCodes = 48, graphScales, graphNorms, graphLinks, graphUpperLinks, graphPlaces, graphNodes
  case tokenCentroids = 64, tokenResidualLevels, tokenCentroidNumbers, tokenResiduals, tokenEnds, tokenListOffsets, tokenLists
  case greatestImpacts = 80
  case packedTerms = 96, packedSlots, packedPostings

  var name: String {
    switch self {
    case .terms: "the term dictionary"
    case .termText: "the text of the terms"
    case .termSlots: "the hash table of the terms"
    case .postings: "the postings"
    case .lengths: "the document lengths"
    case .docnoOffsets: "the places of the docnos"
    case .docnoText: "the docnos"
    case .docnoRanks: "the ranks of the docnos"
    case .docnoOrder: "the order of the docnos"
    case .storedOffsets: "the places of the stored documents"
    case .storedText: "the stored documents"
    case .positions: "the positions"
    case .positionStarts: "the places of the positions"
    case .columnDirectory: "the list of columns"
    case .columnData: "the columns"
    case .storedBlocks: "the places of the blocks of stored documents"
    case .deletedDocuments: "the deleted documents"
    case .removedTerms: "the terms of the deleted documents"
    case .removedPostings: "the postings of the deleted documents"
    case .removedOccurrences: "the tokens of the deleted documents"
    case .fieldFrequencies: "the frequencies by field"
    case .fieldStarts: "the places of the frequencies by field"
    case .fieldLengths: "the lengths of the fields"
    case .fieldDirectory: "the list of fields"
    case .vectorCodes: "the vectors"
    case .vectorScales: "the scales of the vectors"
    case .vectorNorms: "the lengths of the vectors"
    case .vectorRows: "the order of the vectors"
    case .deletedRows: "the deleted vectors"
    case .graphCodes: "the vectors of the graph"
    case .graphScales: "the scales of the graph"
    case .graphNorms: "the lengths of the graph"
    case .graphLinks: "the links of the graph"
    case .graphUpperLinks: "the upper links of the graph"
    case .graphPlaces: "the upper levels of the graph"
    case .graphNodes: "the vectors of the graph's nodes"
    case .tokenCentroids: "the centroids"
    case .tokenResidualLevels: "the levels of the residuals"
    case .tokenCentroidNumbers: "the centroids of the tokens"
    case .tokenResiduals: "the residuals of the tokens"
    case .tokenEnds: "the places of the documents' tokens"
    case .tokenListOffsets: "the places of the centroids' lists"
    case .tokenLists: "the centroids' lists"
    case .greatestImpacts: "the greatest impacts of the terms"
    case .packedTerms: "the term dictionary"
    case .packedSlots: "the hash table of the terms"
    case .packedPostings: "the postings"
    }
  }

  /// Whether opening an index reads the section whole to check it: the ones that are small and that everything rests on.
  var isCheckedOnOpen: Bool {
    switch self {
    case .postings, .packedPostings, .storedText, .storedOffsets, .storedBlocks, .positions, .columnData, .fieldFrequencies: false
    case .vectorCodes, .graphCodes, .graphLinks, .tokenCentroidNumbers, .tokenResiduals, .tokenLists: false
    default: true
    }
  }
}

/// A segment file, mapped into memory, whose header, table and section bounds have been checked.
final class SectionFile: Sendable {
  private let file: MappedFile
  private let entries: [Section: (range: Range<Int>, checksum: UInt32)]
  /// Where the sections end.
  private let table: Int

  var path: String { file.path }

  init(path: String, kind: SectionFileLayout.Kind, expectedBytes: Int) throws {
    typealias Layout = SectionFileLayout
    let file = try MappedFile(path: path)
    self.file = file
    let bytes = file.bytes
    guard bytes.count >= Layout.headerBytes + Layout.trailerBytes, bytes.count >= expectedBytes else {
      throw IndexError.truncated(path: path, expectedBytes: expectedBytes, foundBytes: bytes.count)
    }
    guard UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)) == Layout.magic, bytes.count == expectedBytes else {
      throw IndexError.corrupted(path: path, section: "the file header")
    }
    let version = Int(bytes.number(UInt32.self, at: 8))
    guard version == Layout.version else {
      throw IndexError.unsupportedVersion(path: path, found: version, supported: Layout.version)
    }
    let trailer = bytes.count - Layout.trailerBytes
    let tableOffset = bytes.number(UInt64.self, at: trailer)
    let sections = Int(bytes.number(UInt32.self, at: trailer + 8))
    guard bytes.number(UInt64.self, at: trailer + 16) == Layout.endMagic,
      tableOffset <= UInt64(trailer), tableOffset >= UInt64(Layout.headerBytes),
      trailer - Int(tableOffset) == sections * Layout.entryBytes
    else { throw IndexError.corrupted(path: path, section: "the section table") }
    table = Int(tableOffset)
    var checksum = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[0..<Layout.headerBytes]))
    checksum = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[table..<trailer + 12]), from: checksum)
    guard checksum == bytes.number(UInt32.self, at: trailer + 12) else {
      throw IndexError.checksumMismatch(path: path, section: "the section table")
    }
    guard bytes.number(UInt32.self, at: 12) == kind.rawValue else {
      throw IndexError.corrupted(path: path, section: "the file header")
    }
    var entries: [Section: (range: Range<Int>, checksum: UInt32)] = [:]
    var end = Layout.headerBytes
    /// No checksum is over what is between sections.
    func checkZeros(to next: Int) throws {
      guard end <= next, bytes[end..<next].allSatisfy({ $0 == 0 }) else {
        throw IndexError.corrupted(path: path, section: "the space between the sections")
      }
    }
    for number in 0..<sections {
      let entry = table + number * Layout.entryBytes
      let offset = bytes.number(UInt64.self, at: entry + 8)
      let length = bytes.number(UInt64.self, at: entry + 16)
      guard let section = Section(rawValue: bytes.number(UInt32.self, at: entry)),
        offset % UInt64(Layout.alignment) == 0, offset <= tableOffset, length <= tableOffset - offset
      else { throw IndexError.corrupted(path: path, section: "the section table") }
      try checkZeros(to: Int(offset))
      end = Int(offset + length)
      entries[section] = (Int(offset)..<end, bytes.number(UInt32.self, at: entry + 4))
    }
    try checkZeros(to: table)
    self.entries = entries
  }

  /// The bytes of a section; valid as long as this object.
  func bytes(_ section: Section) throws -> UnsafeRawBufferPointer {
    guard let entry = entries[section] else { throw IndexError.corrupted(path: path, section: section.name) }
    return UnsafeRawBufferPointer(rebasing: file.bytes[entry.range])
  }

  /// What the table says about a section; nil where the file has none.
  func summary(of section: Section) -> (bytes: Int, checksum: UInt32)? {
    entries[section].map { ($0.range.count, $0.checksum) }
  }

  /// A section as an array of numbers; valid as long as this object.
  ///
  /// - Throws: `IndexError.corrupted` unless there are exactly `count` of them.
  func numbers<Value: FixedWidthInteger & BitwiseCopyable>(
    _ section: Section, as type: Value.Type, count: Int
  ) throws -> UnsafeBufferPointer<Value> {
    let bytes = try bytes(section)
    guard bytes.count == count * MemoryLayout<Value>.stride else {
      throw IndexError.corrupted(path: path, section: section.name)
    }
    return bytes.bindMemory(to: type)
  }

  /// Compares checksums of sections with their contents, and where all are wanted, what lies between them with zeros.
  func verify(where isWanted: (Section) -> Bool) throws {
    if entries.keys.allSatisfy(isWanted) { try verifyGaps() }
    for section in Section.allCases where isWanted(section) {
      guard let entry = entries[section] else { continue }
      guard CRC32C.checksum(UnsafeRawBufferPointer(rebasing: file.bytes[entry.range])) == entry.checksum else {
        throw IndexError.checksumMismatch(path: path, section: section.name)
      }
    }
  }

  private func verifyGaps() throws {
    var end = SectionFileLayout.headerBytes
    for range in entries.values.map(\.range).sorted(by: { $0.lowerBound < $1.lowerBound }) + [table..<table] {
      guard file.bytes[end..<max(end, range.lowerBound)].allSatisfy({ $0 == 0 }) else {
        throw IndexError.corrupted(path: path, section: "the space between sections")
      }
      end = max(end, range.upperBound)
    }
  }
}

extension UnsafeRawBufferPointer {
  /// The little-endian number at a byte offset that the caller has checked.
  func number<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type, at offset: Int) -> Value {
    Value(littleEndian: loadUnaligned(fromByteOffset: offset, as: type))
  }
}

/// CRC-32C (Castagnoli), the checksum of index files.
enum CRC32C {
  static func checksum(_ bytes: UnsafeRawBufferPointer, from start: UInt32 = 0) -> UInt32 {
    guard let base = bytes.baseAddress else { return start }
    return grd_crc32c(start, base, bytes.count)
  }
}
