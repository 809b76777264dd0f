/// A vocabulary as a trie over bytes in double-array form (Aoe, 1989): one step is one load and one comparison.
struct PieceTrie: Sendable {
  struct Slot: Sendable {
    /// The child for byte b is slot `base + b + 1`, if that slot's `parent` is this one.
    var base: Int32 = 0
    var parent: Int32 = -1
    /// Id of the piece that ends here; -1 where none does.
    var id: Int32 = -1
  }

  static let root: Int32 = 0
  private(set) var slots: [Slot]

  /// - Parameter pieces: Different byte strings with their ids.
  init(_ pieces: [(bytes: [UInt8], id: Int32)]) {
    slots = Array(repeating: Slot(), count: max(1024, pieces.count * 6))
    // Most pieces differ in their first eight bytes, which compare as one number.
    let order = pieces.indices.map { (prefix: Self.prefix(pieces[$0].bytes), index: $0) }.sorted {
      $0.prefix != $1.prefix
        ? $0.prefix < $1.prefix : pieces[$0.index].bytes.lexicographicallyPrecedes(pieces[$1.index].bytes)
    }
    var builder = Builder(slots: slots, pieces: order.map { pieces[$0.index] })
    builder.build()
    slots = builder.slots
  }

  /// The first eight bytes as a number that orders as they do, zeros where there are fewer.
  private static func prefix(_ bytes: [UInt8]) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<min(8, bytes.count) { value |= UInt64(bytes[index]) << (56 - 8 * UInt64(index)) }
    return value
  }

  /// The slot reached from `slot` by a byte, or nil.
  @inline(__always)
  static func step(_ slots: UnsafePointer<Slot>, _ slot: Int32, _ byte: UInt8) -> Int32? {
    let next = slots[Int(slot)].base &+ Int32(byte) &+ 1
    return slots[Int(next)].parent == slot ? next : nil
  }

  /// The slot of a whole string, or nil.
  func slot(_ bytes: some Sequence<UInt8>) -> Int32? {
    slots.withUnsafeBufferPointer { slots in
      var slot = Self.root
      for byte in bytes {
        guard let base = slots.baseAddress, let next = Self.step(base, slot, byte) else { return nil }
        slot = next
      }
      return slot
    }
  }

  func id(_ bytes: some Sequence<UInt8>) -> Int32? {
    slot(bytes).flatMap { slots[Int($0)].id >= 0 ? slots[Int($0)].id : nil }
  }

  private struct Builder {
    var slots: [Slot]
    let pieces: [(bytes: [UInt8], id: Int32)]
    /// No slot from 257 to below this one is free. The slots before are never used: base 0 is that of a leaf.
    var firstFree = 257

    mutating func build() {
      slots[0].parent = 0
      // Breadth first: slot, the pieces below it, and how many bytes they share.
      var queue = [(slot: 0, pieces: pieces.indices, depth: 0)]
      var position = 0
      while position < queue.count {
        let (slot, range, depth) = queue[position]
        position += 1
        var rest = range
        if let first = rest.first, pieces[first].bytes.count == depth {
          slots[slot].id = pieces[first].id
          rest = rest.dropFirst()
        }
        var children: [(byte: UInt8, pieces: Range<Int>)] = []
        while let first = rest.first {
          let byte = pieces[first].bytes[depth]
          let end = rest.first { pieces[$0].bytes[depth] != byte } ?? rest.upperBound
          children.append((byte, first..<end))
          rest = end..<rest.upperBound
        }
        guard !children.isEmpty else { continue }
        let base = place(children.map(\.byte))
        slots[slot].base = Int32(base)
        for child in children {
          let number = base + Int(child.byte) + 1
          slots[number].parent = Int32(slot)
          queue.append((number, child.pieces, depth + 1))
        }
      }
      // A step looks at up to 256 slots after a base.
      let last = slots.lastIndex { $0.parent >= 0 } ?? 0
      slots.removeSubrange(min(slots.count, last + 258)...)
      slots.append(contentsOf: Array(repeating: Slot(), count: last + 258 - slots.count))
    }

    /// The lowest base at which all children fall on free slots.
    private mutating func place(_ bytes: [UInt8]) -> Int {
      while firstFree < slots.count, slots[firstFree].parent >= 0 { firstFree += 1 }
      var base = firstFree - Int(bytes[0]) - 1
      while true {
        if base + 258 > slots.count { slots.append(contentsOf: Array(repeating: Slot(), count: slots.count)) }
        if bytes.allSatisfy({ slots[base + Int($0) + 1].parent < 0 }) { return base }
        base += 1
      }
    }
  }
}
