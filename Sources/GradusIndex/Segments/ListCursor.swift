import CGradusKernels
import GradusCore

/// Reads posting lists of a segment block by block, without scores: for counting, merging and export.
final class ListCursor {
  private let lists: PostingLists
  private let documents: Int
  private let fields: FieldTable?
  /// What keeps the mapped files.
  private let segment: AnyObject
  private let cursor = UnsafeMutablePointer<grd_cursor>.allocate(capacity: 1)
  private var scorer: grd_scorer
  private var positions: [UInt32] = []
  private let fieldFrequencies: UnsafeMutablePointer<UInt32>?
  private var starts = [UInt32](repeating: 0, count: Int(GRD_BLOCK) + 1)
  /// Postings in the block that was read last.
  private(set) var count = 0

  /// - Parameters:
  ///   - documents: Of the segment.
  ///   - scorer: For reading without scores.
  init(_ lists: PostingLists, documents: Int, scorer: grd_scorer, fields: FieldTable? = nil, of segment: AnyObject) {
    self.lists = lists
    self.documents = documents
    self.scorer = scorer
    self.fields = fields
    self.segment = segment
    fieldFrequencies = fields.map { .allocate(capacity: $0.bufferCount) }
  }

  convenience init(_ segment: LexicalSegment) {
    self.init(
      segment.postings, documents: segment.documentTable.count, scorer: segment.plainScorer, fields: segment.fields, of: segment)
  }

  deinit {
    cursor.deallocate()
    fieldFrequencies?.deallocate()
  }

  /// - Parameter term: Its number in the dictionary, where frequencies by field are wanted.
  func open(_ entry: TermEntry, term: Int? = nil) throws {
    count = 0
    try lists.open(cursor, at: entry, term: grd_term(weight: 1), scorer: &scorer)
    if let term, let fields, let fieldFrequencies {
      try fields.attach(to: cursor, term: term, buffer: fieldFrequencies)
    }
  }

  /// Documents between which those of the next block lie; nil at the end of the list.
  func nextRange() throws -> ClosedRange<UInt32>? {
    var first: UInt32 = 0, last: UInt32 = 0
    guard grd_cursor_next_range(cursor, &first, &last) != 0 else { return nil }
    guard first <= last, Int(last) < documents else { throw lists.damage }
    return first...last
  }

  /// Leaves the next block out.
  func passBlock() { cursor.pointee.block += 1 }

  /// Decodes the next block; ``count`` is 0 at the end of the list.
  func readBlock() throws {
    guard grd_cursor_next_block(cursor, &count) == GRD_POSTINGS_OK else { throw lists.damage }
    guard count == 0 || Int(doc(count - 1)) < documents else { throw lists.damage }
  }

  func doc(_ place: Int) -> UInt32 {
    withUnsafeBytes(of: &cursor.pointee.docs) { $0.load(fromByteOffset: 4 * place, as: UInt32.self) }
  }

  func tf(_ place: Int) -> UInt32 {
    withUnsafeBytes(of: &cursor.pointee.tfs) { $0.load(fromByteOffset: 4 * place, as: UInt32.self) }
  }

  /// Reads the positions of the block that was decoded last.
  func readPositions(_ table: PositionsTable, term: Int) throws {
    let encoded = try table.block(cursor.pointee.block - 1, of: cursor.pointee.blocks, term: term)
    let occurrences = grd_cursor_block_occurrences(cursor)
    // Every position takes a byte at least: damaged frequencies must not ask for memory without end.
    guard occurrences <= encoded.count else { throw table.damage }
    if positions.count < occurrences { positions = [UInt32](repeating: 0, count: occurrences) }
    let bytes = encoded.bindMemory(to: UInt8.self).baseAddress
    guard grd_cursor_block_positions(cursor, bytes, encoded.count, &positions, &starts) == GRD_POSTINGS_OK else {
      throw table.damage
    }
  }

  /// Appends the gaps between the positions of a posting of the block: the first position, and the differences of the others.
  func appendGaps(_ place: Int, to gaps: inout [UInt32]) {
    var previous: UInt32 = 0
    for position in positions[Int(starts[place])..<Int(starts[place + 1])] {
      gaps.append(position - previous)
      previous = position
    }
  }

  /// Appends the frequencies in the fields but the text of the postings of the block that was decoded last whose places are
  /// `wanted`, where the list was opened with its fields.
  func appendFields(_ wanted: [Int], to frequencies: inout [UInt32]) throws {
    guard let fields, let fieldFrequencies, !wanted.isEmpty else { return }
    let status = grd_cursor_decode_fields(cursor, fields.fields.names.count)
    guard status == GRD_POSTINGS_OK else { throw lists.damage(status) }
    for place in wanted {
      for field in fields.fields.names.indices where field != IndexFields.rest {
        frequencies.append(fieldFrequencies[field * Int(GRD_BLOCK) + place])
      }
    }
  }
}
