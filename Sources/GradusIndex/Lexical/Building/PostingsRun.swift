import GradusCore
import GradusFormats

/// Terms in byte order with their postings: what a merge reads, from memory, a temporary file or a segment.
protocol PostingsRun: AnyObject {
  /// The term that the run stands at, or nil at its end; valid until the next call.
  var term: UnsafeBufferPointer<UInt8>? { get }
  /// Appends the postings of that term (document number, and tf in the low 32 bits) and, in the same order, where positions are
  /// held the gaps between its positions and where fields are held its frequencies in the fields but the text, as many for each
  /// posting; and goes on to the next one.
  func takePostings(into postings: inout [UInt64], gaps: inout [UInt32], fields: inout [UInt32]) throws
}

/// A run that never left memory.
final class MemoryRun: PostingsRun {
  private let accumulator: PostingsAccumulator
  private let order: [Int]
  private var position = 0

  init(_ accumulator: PostingsAccumulator) {
    self.accumulator = accumulator
    order = accumulator.sortedTerms()
  }

  var term: UnsafeBufferPointer<UInt8>? { position < order.count ? accumulator.term(order[position]) : nil }

  func takePostings(into postings: inout [UInt64], gaps: inout [UInt32], fields: inout [UInt32]) {
    let start = postings.count
    accumulator.appendPostings(order[position], to: &postings)
    accumulator.appendFields(order[position], to: &fields)
    accumulator.appendPositionGaps(order[position], occurrences: occurrences(postings[start...]), to: &gaps)
    position += 1
  }
}

/// The sum of the tfs of postings.
private func occurrences(_ postings: ArraySlice<UInt64>) -> Int {
  postings.reduce(0) { $0 + Int($1 & 0xFFFF_FFFF) }
}

/// A run in a temporary file. A record: u32 bytes of the term, u32 postings, u32 gaps between positions, u32 frequencies in
/// fields, the term, 8 bytes per posting, 4 bytes per gap, 4 bytes per frequency.
///
/// Runs live for one build and are read by the process that wrote them, so they carry no version.
final class FileRun: PostingsRun {
  private let file: MappedFile
  private var offset = 0

  private static let headerBytes = 16

  init(path: String) throws {
    file = try MappedFile(path: path)
    file.advise(.sequential)
  }

  /// Writes what is left of a run to a temporary file.
  static func write(_ run: some PostingsRun, path: String, calls: SystemCalls) throws {
    let file = try AppendFile(path: path, calls: calls)
    var postings: [UInt64] = []
    var gaps: [UInt32] = []
    var fields: [UInt32] = []
    while let term = run.term {
      try file.append(UInt32(term.count))
      // The term is valid until the run goes on.
      let bytes = Array(term)
      postings.removeAll(keepingCapacity: true)
      gaps.removeAll(keepingCapacity: true)
      fields.removeAll(keepingCapacity: true)
      try run.takePostings(into: &postings, gaps: &gaps, fields: &fields)
      try file.append(UInt32(postings.count))
      try file.append(UInt32(gaps.count))
      try file.append(UInt32(fields.count))
      try bytes.withUnsafeBytes { try file.append($0) }
      try postings.withUnsafeBytes { try file.append($0) }
      try gaps.withUnsafeBytes { try file.append($0) }
      try fields.withUnsafeBytes { try file.append($0) }
    }
    try file.finishTemporary()
  }

  var term: UnsafeBufferPointer<UInt8>? {
    guard offset < file.count else { return nil }
    let count = Int(file.bytes.number(UInt32.self, at: offset))
    let start = offset + Self.headerBytes
    return UnsafeRawBufferPointer(rebasing: file.bytes[start..<start + count]).bindMemory(to: UInt8.self)
  }

  func takePostings(into postings: inout [UInt64], gaps: inout [UInt32], fields: inout [UInt32]) {
    let bytes = file.bytes
    let start = offset + Self.headerBytes + Int(bytes.number(UInt32.self, at: offset))
    let count = Int(bytes.number(UInt32.self, at: offset + 4))
    let gapCount = Int(bytes.number(UInt32.self, at: offset + 8))
    let fieldCount = Int(bytes.number(UInt32.self, at: offset + 12))
    for number in 0..<count { postings.append(bytes.number(UInt64.self, at: start + 8 * number)) }
    offset = start + 8 * count
    for number in 0..<gapCount { gaps.append(bytes.number(UInt32.self, at: offset + 4 * number)) }
    offset += 4 * gapCount
    for number in 0..<fieldCount { fields.append(bytes.number(UInt32.self, at: offset + 4 * number)) }
    offset += 4 * fieldCount
  }
}
