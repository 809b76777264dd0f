/// Byte-pair merging of one word: the pair of lowest rank first, the leftmost of equal ones (Sennrich et al., ACL 2016).
///
/// Short words are searched through at each step; long ones keep their pairs in a heap, so that a word of n symbols costs
/// O(n log n). Buffers are kept from word to word.
struct PairMerger {
  private static let longWord = 48

  /// The word's symbols, to be filled by the caller before ``merge(_:)``.
  var symbols: [Int32] = []
  private var values: [UInt64] = []
  private var next: [Int32] = []
  private var previous: [Int32] = []
  private var heap: [UInt64] = []

  /// Leaves the merged symbols in ``symbols``.
  mutating func merge(_ table: MergeTable.View) {
    guard symbols.count > 1 else { return }
    if symbols.count <= Self.longWord { mergeShort(table) } else { mergeLong(table) }
  }

  private mutating func mergeShort(_ table: MergeTable.View) {
    var count = symbols.count
    values.removeAll(keepingCapacity: true)
    for index in 1..<count { values.append(table.value(symbols[index - 1], symbols[index])) }
    symbols.withUnsafeMutableBufferPointer { symbols in
      values.withUnsafeMutableBufferPointer { values in
        while count > 1 {
          var best = MergeTable.none
          var place = 0
          // The id in the lower half must not decide between equal ranks: the leftmost does.
          for index in 0..<(count - 1) where values[index] >> 32 < best >> 32 {
            best = values[index]
            place = index
          }
          if best == MergeTable.none { break }
          symbols[place] = Int32(truncatingIfNeeded: best)
          count -= 1
          for index in (place + 1)..<max(count, place + 1) { symbols[index] = symbols[index + 1] }
          for index in place..<max(count - 1, place) { values[index] = values[index + 1] }
          if place > 0 { values[place - 1] = table.value(symbols[place - 1], symbols[place]) }
          if place + 1 < count { values[place] = table.value(symbols[place], symbols[place + 1]) }
        }
      }
    }
    symbols.removeLast(symbols.count - count)
  }

  private mutating func mergeLong(_ table: MergeTable.View) {
    let count = symbols.count
    values = Array(repeating: MergeTable.none, count: count)
    next = (0..<Int32(count)).map { $0 + 1 }
    previous = (0..<Int32(count)).map { $0 - 1 }
    heap.removeAll(keepingCapacity: true)
    for place in 0..<(count - 1) { consider(place, place + 1, table) }
    while let top = pop() {
      let place = Int(top & 0xFFFF_FFFF)
      // The pair may have changed since it was pushed.
      guard values[place] != MergeTable.none, values[place] >> 32 == top >> 32 else { continue }
      let gone = Int(next[place])
      symbols[place] = Int32(truncatingIfNeeded: values[place])
      values[place] = MergeTable.none
      values[gone] = MergeTable.none
      symbols[gone] = -1
      let after = Int(next[gone])
      next[place] = Int32(after)
      if after < count {
        previous[after] = Int32(place)
        consider(place, after, table)
      }
      let before = Int(previous[place])
      if before >= 0 { consider(before, place, table) }
    }
    symbols.removeAll { $0 < 0 }
  }

  private mutating func consider(_ left: Int, _ right: Int, _ table: MergeTable.View) {
    let value = table.value(symbols[left], symbols[right])
    values[left] = value
    if value != MergeTable.none { push(value & 0xFFFF_FFFF_0000_0000 | UInt64(left)) }
  }

  private mutating func push(_ entry: UInt64) {
    heap.append(entry)
    var index = heap.count - 1
    while index > 0, heap[(index - 1) / 2] > entry {
      heap[index] = heap[(index - 1) / 2]
      index = (index - 1) / 2
    }
    heap[index] = entry
  }

  private mutating func pop() -> UInt64? {
    guard let top = heap.first, let last = heap.popLast() else { return nil }
    guard !heap.isEmpty else { return top }
    var index = 0
    while index * 2 + 1 < heap.count {
      var child = index * 2 + 1
      if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
      if heap[child] >= last { break }
      heap[index] = heap[child]
      index = child
    }
    heap[index] = last
    return top
  }
}
