import CGradusKernels

/// Encodes posting lists: skip data of all blocks, then the blocks, then zeros up to a multiple of 4.
struct PostingListEncoder {
  private(set) var skips: [grd_skip] = []
  private(set) var blocks: [UInt8] = []
  /// Whether any block so far, of any list, is compact.
  private(set) var isCompact = false
  private var docs: [UInt32] = []
  private var tfs: [UInt32] = []
  private var encoded = [UInt8](repeating: 0, count: Int(GRD_BLOCK_BYTES))

  /// Encodes postings (document number, and tf in the low 32 bits) by ascending document.
  ///
  /// - Parameter lengths: Of all documents: bounds of the blocks rest on them.
  /// - Returns: False where the blocks need more bytes than 32 bits can number.
  mutating func encode(_ postings: UnsafeBufferPointer<UInt64>, lengths: UnsafeBufferPointer<UInt32>) -> Bool {
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
      guard blocks.count <= Int(UInt32.max) else { return false }
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
      if PostingsCoding.isCompact(head: encoded[0]) || PostingsCoding.isCompact(head: encoded[1]) { isCompact = true }
      previous = skip.last_doc
      start += blockSize
    }
    while blocks.count % 4 != 0 { blocks.append(0) }
    return true
  }
}
