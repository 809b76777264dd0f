import GradusCore

/// The docnos of a collection with the lines on which they stand, to find the ones that stand there twice.
///
/// Keeps their bytes in one block: about 30 bytes beside the docno itself for each document.
struct DocnoSet {
  private var bytes: [UInt8] = []
  private var starts: [Int] = [0]
  private var hashes: [UInt64] = []
  private var lines: [Int] = []
  private var slots = HashSlots()

  init() { slots.reset(capacity: 1024) }

  /// The line of an equal docno, or nil where this one is new and has been added.
  mutating func insert(_ docno: [UInt8], line: Int) -> Int? {
    let hash = docno.withUnsafeBufferPointer(ByteHash.hash)
    if slots.isFull {
      slots.reset(capacity: hashes.count * 2)
      for (position, hash) in hashes.enumerated() {
        _ = slots.insert(hash: hash, position: position) { _ in false }
      }
    }
    let earlier = slots.insert(hash: hash, position: hashes.count) {
      hashes[$0] == hash && bytes[starts[$0]..<starts[$0 + 1]].elementsEqual(docno)
    }
    if let earlier { return lines[earlier] }
    bytes.append(contentsOf: docno)
    starts.append(bytes.count)
    hashes.append(hash)
    lines.append(line)
    return nil
  }
}
