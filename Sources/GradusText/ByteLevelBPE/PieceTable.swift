/// Tokens by their bytes: a hash table over one buffer that holds all of them.
struct PieceTable: Sendable {
  private var bytes: [UInt8] = []
  /// Where the token of an id lies in `bytes`; empty for ids without a token.
  private var ranges: [Range<Int32>] = []
  private var slots: [Int32]
  private let mask: Int

  /// - Parameter pieces: By id; nil for ids without a token. The first of two equal tokens keeps its id.
  init(_ pieces: [[UInt8]?]) {
    var size = 16
    while size < pieces.count * 2 { size *= 2 }
    slots = Array(repeating: -1, count: size)
    mask = size - 1
    ranges.reserveCapacity(pieces.count)
    for (id, piece) in pieces.enumerated() {
      let start = Int32(bytes.count)
      bytes.append(contentsOf: piece ?? [])
      ranges.append(start..<Int32(bytes.count))
      guard let piece, !piece.isEmpty else { continue }
      piece.withUnsafeBufferPointer { piece in
        guard let base = piece.baseAddress, find(base, piece.count) < 0 else { return }
        var slot = Int(truncatingIfNeeded: Self.hash(base, piece.count)) & mask
        while slots[slot] >= 0 { slot = (slot + 1) & mask }
        slots[slot] = Int32(id)
      }
    }
  }

  var count: Int { ranges.count }

  subscript(id: Int32) -> ArraySlice<UInt8> {
    let range = ranges[Int(id)]
    return bytes[Int(range.lowerBound)..<Int(range.upperBound)]
  }

  /// -1 where there is no such token.
  func find(_ text: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
    var slot = Int(truncatingIfNeeded: Self.hash(text, count)) & mask
    return bytes.withUnsafeBufferPointer { bytes in
      while true {
        let id = slots[slot]
        if id < 0 { return -1 }
        let range = ranges[Int(id)]
        if range.count == count, let base = bytes.baseAddress, Self.equal(base + Int(range.lowerBound), text, count) { return id }
        slot = (slot + 1) & mask
      }
    }
  }

  func find(_ text: some Collection<UInt8>) -> Int32 {
    let text = Array(text)
    return text.withUnsafeBufferPointer { $0.baseAddress.map { find($0, text.count) } ?? -1 }
  }

  @inline(__always)
  static func equal(_ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    var index = 0
    while index < count {
      if left[index] != right[index] { return false }
      index += 1
    }
    return true
  }

  /// Eight bytes a step; the same on every machine, though nothing but speed depends on it.
  @inline(__always)
  static func hash(_ text: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
    var state = UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15
    var index = 0
    let raw = UnsafeRawPointer(text)
    while index + 8 <= count {
      state = mix(state ^ raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      index += 8
    }
    var rest: UInt64 = 0
    while index < count {
      rest = rest << 8 | UInt64(text[index])
      index += 1
    }
    return mix(state ^ rest)
  }

  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    let (high, low) = value.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    return high ^ low
  }
}
