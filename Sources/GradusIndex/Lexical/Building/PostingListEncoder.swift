import CGradusKernels

/// Encodes posting lists as `GRD_LIST_PACKED` says.
struct PostingListEncoder {
  /// The list that was encoded last.
  private(set) var bytes: [UInt8] = []
  private var lastDocs: [UInt32] = []
  private var offsets: [UInt32] = []
  /// `GRD_PACKED_IMPACTS` for each block.
  private var impacts: [UInt8] = []
  private var blocks: [UInt8] = []
  private var docs: [UInt32] = []
  private var tfs: [UInt32] = []
  private var encoded = [UInt8](repeating: 0, count: Int(GRD_BLOCK_BYTES))

  private static let blockSize = Int(GRD_BLOCK)
  private static let impactBytes = Int(GRD_PACKED_IMPACTS)

  /// Encodes postings (document number, and tf in the low 32 bits) by ascending document.
  ///
  /// - Parameter lengths: Of all documents: bounds of the blocks rest on them.
  /// - Returns: False where the blocks need more bytes than 32 bits can number.
  mutating func encode(_ postings: UnsafeBufferPointer<UInt64>, lengths: UnsafeBufferPointer<UInt32>) -> Bool {
    bytes.removeAll(keepingCapacity: true)
    if postings.count <= Self.blockSize {
      read(postings[...])
      let count = grd_encode_block(docs, tfs, docs.count, .max, &encoded)  // GRD_BEFORE_FIRST
      bytes.append(contentsOf: encoded[..<count])
      return true
    }
    guard encodeBlocks(postings, lengths: lengths) else { return false }
    appendRecords()
    bytes.append(contentsOf: blocks)
    return true
  }

  /// Takes the postings of a block apart.
  private mutating func read(_ block: Slice<UnsafeBufferPointer<UInt64>>) {
    docs.removeAll(keepingCapacity: true)
    tfs.removeAll(keepingCapacity: true)
    for posting in block {
      docs.append(UInt32(truncatingIfNeeded: posting >> 32))
      tfs.append(UInt32(truncatingIfNeeded: posting))
    }
  }

  private mutating func encodeBlocks(
    _ postings: UnsafeBufferPointer<UInt64>, lengths: UnsafeBufferPointer<UInt32>
  ) -> Bool {
    lastDocs.removeAll(keepingCapacity: true)
    offsets.removeAll(keepingCapacity: true)
    impacts.removeAll(keepingCapacity: true)
    blocks.removeAll(keepingCapacity: true)
    var previous = UInt32.max  // GRD_BEFORE_FIRST
    var pairs = [grd_impact](repeating: grd_impact(), count: 4)
    var packed = [UInt8](repeating: 0, count: Self.impactBytes)
    for start in stride(from: 0, to: postings.count, by: Self.blockSize) {
      read(postings[start..<min(start + Self.blockSize, postings.count)])
      guard blocks.count <= Int(UInt32.max) else { return false }
      offsets.append(UInt32(blocks.count))
      grd_block_impacts(docs, tfs, docs.count, lengths.baseAddress, &pairs)
      grd_pack_impacts(pairs, &packed)
      impacts.append(contentsOf: packed)
      let count = grd_encode_block(docs, tfs, docs.count, previous, &encoded)
      blocks.append(contentsOf: encoded[..<count])
      previous = docs[docs.count - 1]
      lastDocs.append(previous)
    }
    return true
  }

  private mutating func appendRecords() {
    // Both ascend: the last ones are the greatest.
    let docBytes = lastDocs[lastDocs.count - 1].byteCount, offsetBytes = offsets[offsets.count - 1].byteCount
    bytes.append(UInt8(docBytes - 1 | (offsetBytes - 1) << 2))
    for block in lastDocs.indices {
      bytes.append(littleEndian: UInt64(lastDocs[block]), bytes: docBytes)
      bytes.append(littleEndian: UInt64(offsets[block]), bytes: offsetBytes)
      bytes.append(contentsOf: impacts[block * Self.impactBytes..<(block + 1) * Self.impactBytes])
    }
  }
}
