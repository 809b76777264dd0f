import CGradusKernels
import GradusCore

/// The posting list of a phrase, made for one query and read like those of the index.
final class PhraseList: @unchecked Sendable {
  // Unchecked: the bytes are written once, before anybody else sees the object.
  private let bytes: UnsafeMutableRawPointer
  let count: Int
  /// Words and proximity, as in a query.
  let text: String

  var base: UnsafePointer<UInt8> { UnsafePointer(bytes.assumingMemoryBound(to: UInt8.self)) }

  init(_ encoder: PostingListEncoder, text: String) {
    self.text = text
    let list = encoder.bytes
    count = list.count + Int(GRD_SLACK)
    bytes = .allocate(byteCount: count, alignment: 64)
    list.withUnsafeBytes { bytes.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(bytes), byteCount: $0.count) }
    (bytes + list.count).initializeMemory(as: UInt8.self, repeating: 0, count: Int(GRD_SLACK))
  }

  deinit { bytes.deallocate() }
}

/// Words to be found near each other, as terms with their offsets.
struct Phrase {
  var terms: [String]
  var offsets: [Int]
  let proximity: Proximity

  var text: String { "\"" + terms.joined(separator: " ") + "\"" + proximity.description }
}

extension SegmentView {
  /// Live documents of the segment that hold a phrase, with how often.
  ///
  /// - Complexity: The list of the rarest word, with a look at the others for each of its documents.
  func postings(of phrase: Phrase, positions table: PositionsTable) throws -> [UInt64] {
    var phrase = phrase
    if case .unordered = phrase.proximity {
      // A word that is listed twice need not stand twice.
      phrase.terms = phrase.terms.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }
    let terms = segment.terms
    var numbers: [Int] = []
    for term in phrase.terms {
      var term = term
      guard let number = try term.withUTF8({ try terms.number(of: $0) }) else { return [] }
      numbers.append(number)
    }
    guard let rarest = numbers.min(by: { terms[$0].documentFrequency < terms[$1].documentFrequency }) else { return [] }
    let readers = try numbers.map { try PositionReader(segment, table, term: $0) }
    var found: [UInt64] = []
    var positions = [UnsafeBufferPointer<UInt32>](repeating: .init(start: nil, count: 0), count: readers.count)
    for doc in try documents(of: terms[rarest]) where live.contains(Int(doc)) {
      guard try readers.allSatisfy({ try $0.holds(doc) }) else { continue }
      let count = try Self.gather(readers[...], &positions) { phrase.proximity.count($0, offsets: phrase.offsets) }
      if count > 0 { found.append(UInt64(doc) << 32 | UInt64(count)) }
    }
    return found
  }

  /// Calls `body` with the positions of all readers.
  private static func gather(
    _ readers: ArraySlice<PositionReader>, _ positions: inout [UnsafeBufferPointer<UInt32>],
    _ body: ([UnsafeBufferPointer<UInt32>]) -> Int
  ) throws -> Int {
    guard let reader = readers.first else { return body(positions) }
    return try reader.withPositions { own in
      positions[positions.count - readers.count] = own
      return try gather(readers.dropFirst(), &positions, body)
    }
  }

  /// Documents of the segment that hold a term, ascending, deleted ones included.
  func documents(of entry: TermEntry) throws -> [UInt32] {
    var scorer = segment.plainScorer
    let cursor = UnsafeMutablePointer<grd_cursor>.allocate(capacity: 1)
    defer { cursor.deallocate() }
    try segment.open(cursor, at: entry, term: grd_term(weight: 1), scorer: &scorer)
    var documents = [UInt32](repeating: 0, count: Int(entry.documentFrequency))
    guard grd_cursor_documents(cursor, scorer.documents, &documents) == GRD_POSTINGS_OK else { throw segment.postingsDamage }
    return documents
  }
}

extension InvertedIndex {
  /// The live documents that hold a phrase, with how often, segment by segment.
  ///
  /// - Throws: ``IndexError/notBuilt(path:what:)`` where the index holds no positions.
  func forEachSegment(holding phrase: Phrase, _ body: (SegmentView, [UInt64]) throws -> Void) throws {
    for view in segments {
      guard let positions = view.segment.positions else { throw IndexError.notBuilt(path: path, what: "positions") }
      let postings = try view.postings(of: phrase, positions: positions)
      if !postings.isEmpty { try body(view, postings) }
    }
  }

  /// Makes posting lists of a phrase for the segments that hold it.
  ///
  /// - Returns: Documents of the index that hold the phrase, and its occurrences in them.
  func resolve(
    _ phrase: Phrase, append: (_ segment: Int, TermEntry, PhraseList) -> Void
  ) throws -> (documents: Int, occurrences: UInt64) {
    var counts: (documents: Int, occurrences: UInt64) = (0, 0)
    try forEachSegment(holding: phrase) { view, postings in
      var entry = TermEntry(
        textOffset: 0, textLength: 0, documentFrequency: UInt32(postings.count),
        collectionFrequency: postings.reduce(0) { $0 + $1 & 0xFFFF_FFFF }, postings: 0)
      if postings.count == 1 { entry.postings = postings[0] >> 32 | postings[0] << 32 }
      var encoder = PostingListEncoder()
      guard postings.withUnsafeBufferPointer({ encoder.encode($0, lengths: view.segment.documentTable.lengths) }) else {
        throw IndexError.limitExceeded(path: path, what: "bytes of postings of one phrase", limit: Int(UInt32.max))
      }
      counts.documents += postings.count
      counts.occurrences += entry.collectionFrequency
      append(view.number, entry, PhraseList(encoder, text: phrase.text))
    }
    return counts
  }
}
