import CGradusKernels

/// Writes the positions of all terms, in the order of the dictionary, to a file of their own.
///
/// A term: per block of its postings, u32 bytes from the end of this table to the block's positions; then per posting as many
/// variable-length numbers (7 bits a byte, the lowest first, the top bit set where more follow) as its tf: the first position
/// and the gaps between the others. After the last term, the places of all of them and of the end.
struct PositionsWriter {
  private let file: SectionFileWriter
  private var starts: [UInt64] = []
  private var offsets: [UInt32] = []
  private var bytes: [UInt8] = []

  init(file: SectionFileWriter) throws {
    self.file = file
    try file.begin(.positions)
  }

  mutating func append(_ postings: UnsafeBufferPointer<UInt64>, _ gaps: UnsafeBufferPointer<UInt32>) throws {
    starts.append(UInt64(file.sectionCount))
    offsets.removeAll(keepingCapacity: true)
    bytes.removeAll(keepingCapacity: true)
    var place = 0
    for (number, posting) in postings.enumerated() {
      if number % Int(GRD_BLOCK) == 0 {
        guard bytes.count <= Int(UInt32.max) else {
          throw IndexError.limitExceeded(path: file.path, what: "bytes of positions of one term", limit: Int(UInt32.max))
        }
        offsets.append(UInt32(bytes.count))
      }
      for _ in 0..<UInt32(truncatingIfNeeded: posting) {
        var rest = gaps[place]
        place += 1
        while rest >= 128 {
          bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
          rest >>= 7
        }
        bytes.append(UInt8(rest))
      }
    }
    try file.append(offsets)
    try file.append(bytes)
  }

  mutating func finish() throws {
    starts.append(UInt64(file.sectionCount))
    try file.begin(.positionStarts)
    try file.append(starts)
  }
}
