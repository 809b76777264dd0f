import CGradusKernels
import GradusCore
import Testing

@Suite("Values in the shortest of four forms")
struct CompactValuesTests {
  private struct Encoded {
    let head: UInt8
    let bytes: [UInt8]

    init(_ values: [UInt32]) {
      var head: UInt8 = 0
      var bytes = [UInt8](repeating: 0, count: Int(GRD_VALUES_BYTES))
      let length = grd_encode_values(values, values.count, &head, &bytes)
      self.head = head
      self.bytes = Array(bytes[..<length])
    }

    init(head: UInt8, _ bytes: [UInt8]) {
      self.head = head
      self.bytes = bytes
    }

    var isGrouped: Bool { head & UInt8(GRD_GROUPED) != 0 }
    var isPatched: Bool { head & UInt8(GRD_PATCHED) != 0 }

    /// The values, with `slack` readable bytes of a pattern behind; nil where the bytes cannot be right.
    func decoded(_ count: Int, slack: Int = Int(GRD_SLACK)) -> (values: [UInt32], length: Int, bits: UInt32)? {
      let memory = bytes + [UInt8](repeating: 0xA5, count: Int(GRD_SLACK))
      var vector = [UInt32](repeating: 7, count: 128)
      var scalar = [UInt32](repeating: 9, count: 128)
      var bits: UInt32 = 0, scalarBits: UInt32 = 0
      let available = bytes.count + slack
      let length = grd_decode_values(head, memory, available, count, &vector, &bits)
      #expect(grd_decode_values_scalar(head, memory, available, count, &scalar, &scalarBits) == length)
      // GRD_NO_VALUES is -1 here.
      guard length >= 0 else { return nil }
      #expect(length + Int(GRD_SLACK) <= available)
      #expect(bits == scalarBits && vector[..<count] == scalar[..<count])
      return (Array(vector[..<count]), length, bits)
    }
  }

  private func check(_ values: [UInt32], _ name: String) {
    let encoded = Encoded(values)
    guard let found = encoded.decoded(values.count) else {
      Issue.record("\(name): refused")
      return
    }
    #expect(found.values == values && found.length == encoded.bytes.count, "\(name)")
    #expect(found.bits <= 32 && values.allSatisfy { UInt64($0) < 1 << UInt64(found.bits) }, "\(name)")
    #expect(encoded.decoded(values.count, slack: Int(GRD_SLACK) - 1) == nil, "\(name)")
    // Never longer than all at one width, and then in the bytes that have always been written.
    let top = values.reduce(0, |)
    let width = UInt32.bitWidth - top.leadingZeroBitCount
    var plain = [UInt8](repeating: 0, count: Int(GRD_VALUES_BYTES))
    let length = grd_pack_u32(values, values.count, UInt32(width), &plain)
    if encoded.head <= 32 {
      #expect(Int(encoded.head) == width && encoded.bytes == Array(plain[..<length]), "\(name)")
    } else {
      #expect(encoded.bytes.count < length, "\(name)")
    }
  }

  @Test("Any number of wider values, of every two widths, comes back", arguments: 0...32)
  func exceptions(bits: Int) {
    var generator = SeededGenerator(seed: UInt64(bits) + 100)
    func value(_ bits: Int) -> UInt32 { bits == 0 ? 0 : UInt32(truncatingIfNeeded: generator.next() >> UInt64(64 - bits)) }
    for wide in stride(from: bits, through: 32, by: 3) {
      for exceptions in [0, 1, 2, 7, 8, 9, 40, 128] {
        for count in [1, 2, 15, 16, 17, 31, 32, 33, 100, 112, 113, 127, 128] {
          var values = (0..<count).map { _ in value(bits) }
          for _ in 0..<min(exceptions, count) { values[generator.integer(below: count)] = value(wide) }
          if exceptions > 0 { values[exceptions % 2 == 0 ? 0 : count - 1] = UInt32(truncatingIfNeeded: (1 << UInt64(wide)) - 1) }
          check(values, "\(exceptions) of \(wide) bits among \(count) of \(bits)")
        }
      }
    }
  }

  @Test("Groups of any widths come back, with a spread of more than 15 bits as well")
  func groups() {
    var generator = SeededGenerator(seed: 8)
    for round in 0..<3000 {
      let count = 1 + generator.integer(below: 128)
      let widths = (0..<8).map { _ in generator.integer(below: round % 2 == 0 ? 33 : 12) }
      var values = (0..<count).map { place -> UInt32 in
        let width = widths[place / 16]
        return width == 0 ? 0 : UInt32(truncatingIfNeeded: generator.next() >> UInt64(64 - width))
      }
      if round % 3 == 0 { values[generator.integer(below: count)] = UInt32(truncatingIfNeeded: generator.next()) }
      check(values, "round \(round)")
    }
    check([UInt32](repeating: 0, count: 128), "zeros")
    check([UInt32](repeating: .max, count: 128), "ones")
    check((0..<128).map { $0 < 64 ? 0 : .max }, "a spread of 32 bits")
    // An upper part of many bits in a narrow group, and one of few above 20 bits: each fits, both widths together would not.
    let upper = (0..<128).map { place -> UInt32 in
      place == 3 ? 1 << 18 : place == 100 ? 1 << 21 : place < 64 ? 1 : 1 << 19
    }
    check(upper, "exceptions of groups that are far apart")
    #expect(Encoded(upper).isGrouped && Encoded(upper).isPatched)
  }

  @Test("A worked example: one exception, one width")
  func patched() {
    // 15 times 1 and a 300: a bit each, without that of 300 at place 5; one exception of 8 upper bits: 300 / 2 = 150.
    var values = [UInt32](repeating: 1, count: 16)
    values[5] = 300
    let encoded = Encoded(values)
    #expect(encoded.head == 1 | 64)
    #expect(encoded.bytes == [0b1101_1111, 0xFF, 0 | 7 << 3, 5, 150])
  }

  @Test("A worked example: two groups, and an exception in each")
  func grouped() {
    let values = [UInt32](repeating: 0, count: 16) + [UInt32](repeating: 1000, count: 16)
    func packed(_ values: [UInt32]) -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: Int(GRD_VALUES_BYTES))
      let length = grd_pack_u32(values, values.count, 10, &bytes)
      return Array(bytes[..<length])
    }
    let plain = Encoded(values)
    #expect(plain.head == 128 && plain.bytes == [0xA0] + packed(Array(values[16...])))
    // 3 has two upper bits above none, 5000 three above ten: 4 * 1024 + 904.
    var wider = values
    wider[15] = 3
    wider[31] = 5000
    let both = Encoded(wider)
    #expect(both.head == 128 | 64)
    let lower = [UInt32](repeating: 1000, count: 15) + [904]
    #expect(both.bytes == [0xA0] + packed(lower) + [1 | 2 << 3, 15, 31, 3 | 4 << 3])
  }

  @Test("Skewed values take fewer bytes: a wide one, and runs of small ones between jumps")
  func skewed() {
    var generator = SeededGenerator(seed: 10)
    var values = (0..<128).map { _ in UInt32(generator.integer(below: 8)) }
    values[77] = 100_000
    // 17 bits each are 272 bytes, 3 bits and an exception 48 + 1 + 1 + 2.
    #expect(Encoded(values).isPatched && Encoded(values).bytes.count <= 52)
    let runs = (0..<128).map { place in UInt32(generator.integer(below: place / 16 % 2 == 0 ? 2 : 1000)) }
    // 10 bits each are 160 bytes; four groups of 1 and four of 10 bits are 88, and 4 for the widths.
    #expect(Encoded(runs).isGrouped && Encoded(runs).bytes.count <= 92)
  }

  @Test("Heads, widths, places and lengths that cannot be right are refused")
  func malformed() {
    for head in 33...63 {
      for flags in [0, GRD_GROUPED, GRD_PATCHED, GRD_GROUPED | GRD_PATCHED] {
        let bytes = [UInt8](repeating: 0, count: 600)
        #expect(Encoded(head: UInt8(Int(flags) | head), bytes).decoded(128) == nil, "\(head)")
      }
    }
    func isPatchable(_ rest: [UInt8], width: UInt8 = 1) -> Bool {
      // 16 values of a width, and what follows them.
      Encoded(head: width | UInt8(GRD_PATCHED), [UInt8](repeating: 0, count: 2 * Int(width)) + rest).decoded(16) != nil
    }
    #expect(isPatchable([0 | 7 << 3, 15, 1]))
    #expect(!isPatchable([0 | 7 << 3, 16, 1]), "a place beyond the last value")
    #expect(isPatchable([1 | 7 << 3, 3, 4, 1, 1]))
    #expect(!isPatchable([0 | 7 << 3, 200, 1]) && !isPatchable([1 | 7 << 3, 3, 250, 1, 1]), "a place beyond all blocks")
    #expect(!isPatchable([1 | 7 << 3, 3, 3, 1, 1]), "a place twice")
    #expect(!isPatchable([1 | 7 << 3, 4, 3, 1, 1]), "places out of order")
    #expect(isPatchable([0 | 31 << 3, 0, 0xFF, 0xFF, 0xFF, 0x7F]))
    #expect(!isPatchable([0 | 31 << 3, 0, 0, 0, 0, 0x80]), "33 bits")
    #expect(!isPatchable([7 | 31 << 3, 0, 1, 2, 3, 4, 5, 6, 7], width: 0), "upper parts cut off")
    // Two groups, 20 bits and what the half bytes add.
    func isGroupable(_ widths: UInt8) -> Bool {
      // More than enough bytes, so that nothing but the widths can be wrong.
      Encoded(head: 20 | UInt8(GRD_GROUPED), [widths] + [UInt8](repeating: 0, count: 200)).decoded(32) != nil
    }
    #expect(isGroupable(0xCC))
    #expect(!isGroupable(0xDC) && !isGroupable(0xCD), "33 bits")
    #expect(Encoded(head: 20 | UInt8(GRD_GROUPED), [0xCC] + [UInt8](repeating: 0, count: 127)).decoded(32) == nil, "cut off")
  }

  @Test("Eight groups of 32 bits are 512 bytes, and not none")
  func widest() {
    func isReadable(_ count: Int) -> Bool {
      let widths = [UInt8](repeating: 0xCC, count: 4)
      return Encoded(head: 20 | UInt8(GRD_GROUPED), widths + [UInt8](repeating: 0, count: count)).decoded(128) != nil
    }
    #expect(isReadable(512) && !isReadable(511) && !isReadable(0))
  }

  @Test("Eight exceptions are possible, and groups with wide values among them are patched")
  func chosenForms() {
    // 128 times one bit, eight upper parts of 19 bits, their places and a byte.
    let eight = (0..<128).map { UInt32($0 % 16 == 3 ? 0x8_0001 : 1) }
    #expect(Encoded(eight).head == 1 | 64 && Encoded(eight).bytes.count == 16 + 1 + 8 + 19)
    let widths: [UInt32] = [1, 10, 2, 9, 1, 12, 3, 8]
    let sizes = (0..<16).map { block in
      let values = (0..<UInt32(128)).map { place -> UInt32 in
        var hash = (place + 1) &* 2_654_435_761 &+ UInt32(4 * block + 2) &* 40_503
        hash ^= hash >> 15
        hash = hash &* 2_246_822_519
        hash ^= hash >> 13
        return hash >> (32 - widths[Int(place / 16)] - (place % 37 == 5 ? 9 : 0))
      }
      return Encoded(values).bytes.count
    }
    // What the bytes are does not matter to readers, but a form that is not found any more would cost a third more.
    #expect(sizes.reduce(0, +) == 1695)
  }

  @Test("Gaps that add up to more than 32 bits are refused, though they come out at the last document")
  func wrapped() {
    func isRefused(_ docs: [UInt32], previous: UInt32) -> Bool {
      var bytes = [UInt8](repeating: 0, count: Int(GRD_BLOCK_BYTES) + Int(GRD_SLACK))
      let length = grd_encode_block(docs, [UInt32](repeating: 1, count: docs.count), docs.count, previous, &bytes)
      var found = [UInt32](repeating: 0, count: 128), tfs = found
      let last = docs[docs.count - 1]
      return grd_decode_block(bytes, length + Int(GRD_SLACK), docs.count, previous, last, &found, &tfs) == 0
    }
    #expect(!isRefused([5, 0x11, 0x42], previous: .max))
    #expect(isRefused([0xFFFF_FFF0, 0x11, 0x42], previous: .max))
    // 128 gaps of 25 bits: once round, and back at the document before.
    #expect(isRefused((1...128).map { 1000 &+ UInt32($0) &* (1 << 25) }, previous: 1000))
  }

  @Test("Any flipped bit of a block: refused, or documents that ascend to the last one")
  func flippedBits() {
    var generator = SeededGenerator(seed: 12)
    var refused = 0, accepted = 0
    for round in 0..<40 {
      let count = round % 4 == 0 ? 128 : 1 + generator.integer(below: 128)
      var doc = UInt32.max
      let docs = (0..<count).map { place -> UInt32 in
        let gap = place / 16 % 2 == 0 ? generator.integer(below: 3) : generator.integer(below: 300)
        doc = doc &+ 1 &+ UInt32(gap + (generator.integer(below: 30) == 0 ? 20_000 : 0))
        return doc
      }
      let tfs = (0..<count).map { _ in UInt32(1 + generator.integer(below: 2) + (generator.integer(below: 20) == 0 ? 30 : 0)) }
      var bytes = [UInt8](repeating: 0, count: Int(GRD_BLOCK_BYTES) + Int(GRD_SLACK))
      let length = grd_encode_block(docs, tfs, count, .max, &bytes)
      for bit in 0..<8 * length {
        var damaged = Array(bytes[..<(length + Int(GRD_SLACK))])
        damaged[bit / 8] ^= 1 << UInt8(bit % 8)
        var foundDocs = [UInt32](repeating: 0, count: 128)
        var foundTfs = [UInt32](repeating: 0, count: 128)
        let read = grd_decode_block(damaged, damaged.count, count, .max, docs[count - 1], &foundDocs, &foundTfs)
        guard read > 0 else {
          refused += 1
          continue
        }
        accepted += 1
        #expect(read <= length && foundDocs[count - 1] == docs[count - 1])
        #expect(zip(foundDocs[..<count], foundDocs[1..<max(1, count)]).allSatisfy { $0 < $1 })
      }
    }
    #expect(refused > 1000 && accepted > 1000)
  }
}
