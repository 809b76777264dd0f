import CGradusKernels
import GradusCore

/// Where the words of each term stand, read where they lie in the mapped file; ``PositionsWriter`` has the layout.
struct PositionsTable: @unchecked Sendable {
  // Unchecked: pointers into the read-only mapping, which the file keeps.
  private let bytes: UnsafeRawBufferPointer
  private let starts: UnsafeBufferPointer<UInt64>
  private let file: SectionFile

  init(_ file: SectionFile, terms: Int) throws {
    self.file = file
    bytes = try file.bytes(.positions)
    starts = try file.numbers(.positionStarts, as: UInt64.self, count: terms + 1)
  }

  func verify() throws { try file.verify { _ in true } }

  /// Encoded positions of a block of a term's postings, and what follows them up to the end of the term.
  func block(_ block: Int, of blocks: Int, term: Int) throws -> UnsafeRawBufferPointer {
    let start = starts[term], end = starts[term + 1]
    guard start <= end, end <= UInt64(bytes.count), UInt64(4 * blocks) <= end - start else { throw damage }
    let table = UnsafeRawBufferPointer(rebasing: bytes[Int(start)..<Int(end)])
    let offset = 4 * blocks + Int(table.number(UInt32.self, at: 4 * block))
    guard offset <= table.count else { throw damage }
    return UnsafeRawBufferPointer(rebasing: table[offset...])
  }

  var damage: IndexError { .corrupted(path: file.path, section: Section.positions.name) }
}

/// A reader of one term's postings with positions, that only moves forward.
final class PositionReader {
  private let table: PositionsTable
  private let term: Int
  private let cursor: UnsafeMutablePointer<grd_cursor>
  private var positions: [UInt32] = []
  private var starts = [UInt32](repeating: 0, count: Int(GRD_BLOCK) + 1)
  private var decodedBlock = -1

  init(_ segment: LexicalSegment, _ table: PositionsTable, term: Int) throws {
    self.table = table
    self.term = term
    cursor = .allocate(capacity: 1)
    // All properties are set: deinit runs where this throws.
    var scorer = segment.plainScorer
    try segment.open(cursor, at: segment.terms[term], term: grd_term(weight: 1), scorer: &scorer)
  }

  deinit { cursor.deallocate() }

  /// Whether a document holds the term. Documents must be asked for in ascending order.
  func holds(_ doc: UInt32) throws -> Bool {
    var tf: UInt32 = 0
    guard grd_cursor_tf(cursor, doc, &tf) == GRD_POSTINGS_OK else { throw table.damage }
    return tf > 0
  }

  /// Calls `body` with the positions in the document that ``holds(_:)`` has just found.
  func withPositions<Result>(_ body: (UnsafeBufferPointer<UInt32>) throws -> Result) throws -> Result {
    let block = cursor.pointee.block
    if block != decodedBlock {
      let encoded = try table.block(block, of: cursor.pointee.blocks, term: term)
      let count = grd_cursor_block_occurrences(cursor)
      // Every position takes a byte at least: damaged frequencies must not ask for memory without end.
      guard count <= encoded.count else { throw table.damage }
      if positions.count < count { positions = [UInt32](repeating: 0, count: count) }
      let bytes = encoded.bindMemory(to: UInt8.self).baseAddress
      guard grd_cursor_block_positions(cursor, bytes, encoded.count, &positions, &starts) == GRD_POSTINGS_OK else {
        throw table.damage
      }
      decodedBlock = block
    }
    let place = cursor.pointee.position
    return try positions.withUnsafeBufferPointer { positions in
      try body(UnsafeBufferPointer(rebasing: positions[Int(starts[place])..<Int(starts[place + 1])]))
    }
  }
}
