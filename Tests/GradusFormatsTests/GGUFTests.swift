import GradusCore
import GradusTestSupport
import Testing

@testable import GradusFormats

@Suite("GGUF")
struct GGUFTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let reference =
    #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    + "/Fixtures/GGUF/reference.gguf"

  // MARK: Against the reference

  @Test("Metadata of every type are read as the reference package wrote them")
  func metadata() throws {
    let file = try GGUFFile(path: Self.reference)
    #expect(file.version == 3 && file.keys.first == "general.architecture" && file.keys.count == file.metadata.count)
    #expect(file.metadata["a.uint8"] == .uint8(200) && file.metadata["a.int8"] == .int8(-100))
    #expect(file.metadata["a.uint16"] == .uint16(60000) && file.metadata["a.int16"] == .int16(-30000))
    #expect(file.metadata["a.uint32"] == .uint32(4_000_000_000) && file.metadata["a.int32"] == .int32(-2_000_000_000))
    #expect(file.metadata["a.uint64"] == .uint64(.max) && file.metadata["a.int64"] == .int64(.min))
    #expect(file.metadata["a.float32"] == .float32(0.1) && file.metadata["a.float64"] == .float64(0.1))
    #expect(try file.string("general.architecture") == "test" && file.string("a.string") == "Grüße, 世界 👋🏽")
    #expect(try file.integer("a.uint32") == 4_000_000_000 && file.double("a.float64") == 0.1 && file.bool("a.bool"))
    #expect(try file.double("a.int16") == -30000)
    #expect(try file.strings("a.strings") == ["", "one", "Ġtwo", "三"] && file.integers("a.integers") == [1, -2, 3])
    #expect(try file.floatArray("a.floats") == [0.5, -0.25])
    #expect(file.metadata["a.bools"]?.array?.bools == [true, false])
    #expect(file.hasKey("a.bool") && !file.hasKey("a.none"))
    #expect(throws: GGUFError.noSuchKey(path: Self.reference, key: "a.none")) { try file.string("a.none") }
    #expect(
      throws: GGUFError.wrongValueType(path: Self.reference, key: "a.bools", expected: "a string", found: "array of bool")
    ) { try file.string("a.bools") }
    #expect(
      throws: GGUFError.wrongValueType(path: Self.reference, key: "a.uint64", expected: "an integer", found: "uint64")
    ) { try file.integer("a.uint64") }
  }

  @Test("Blocks have the reference's values, to the bit", arguments: GGUFTensorType.allCases.filter(\.isDequantizable))
  func values(_ type: GGUFTensorType) throws {
    guard type != .f32 else { return }
    let file = try GGUFFile(path: Self.reference)
    let info = try #require(file.tensorInfo("blocks.\(type.name)"))
    #expect(info.type == type && info.dimensions == [256, 3] && info.shape == [3, 256])
    let expected = try file.floats("values.\(type.name)")
    #expect(expected.count == 768 && Set(expected).count > 100)
    #expect(try file.floats(info.name).map(\.bitPattern) == expected.map(\.bitPattern))
    #expect(try file.floats(info.name, rows: 1..<3) == Array(expected[256...]))
    #expect(throws: GGUFError.noSuchRows(path: Self.reference, tensor: info.name, rows: 2..<4, count: 3)) {
      try file.floats(info.name, rows: 2..<4)
    }
  }

  @Test(
    "Scales that are subnormal, the largest, negative or zero give the reference's values, to the bit",
    arguments: [GGUFTensorType.q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .q4_K, .q5_K, .q6_K])
  func extremes(_ type: GGUFTensorType) throws {
    let file = try GGUFFile(path: Self.reference)
    let expected = try file.floats("extreme-values.\(type.name)")
    #expect(expected.count == 2048 && expected.contains { abs($0) > 1e5 } && expected.contains { $0 != 0 && abs($0) < 1e-3 })
    #expect(try file.floats("extremes.\(type.name)").map(\.bitPattern) == expected.map(\.bitPattern))
  }

  @Test("Numbers become the reference's blocks, to the bit", arguments: GGUFTensorType.allCases.filter(\.isQuantizable))
  func quantization(_ type: GGUFTensorType) throws {
    guard type != .f32 else { return }
    let file = try GGUFFile(path: Self.reference)
    let found = GGUFQuantizer.bytes(type, try file.floats("source"))
    #expect(try file.withBytes(of: "quantized.\(type.name)") { bytes, _ in found.elementsEqual(bytes) })
  }

  @Test("Every half survives being widened and narrowed; ties go to the even half")
  func halves() {
    for bits in UInt16.min...UInt16.max where bits & 0x7C00 != 0x7C00 || bits & 0x3FF == 0 {
      #expect(GGUFQuantizer.half(SafetensorsFile.widen(half: bits)) == bits)
    }
    for bits in UInt16(0)..<0x7BFF {
      let (low, high) = (SafetensorsFile.widen(half: bits), SafetensorsFile.widen(half: bits + 1))
      let middle = (low + high) / 2
      #expect(GGUFQuantizer.half(middle) == (bits % 2 == 0 ? bits : bits + 1))
      #expect(GGUFQuantizer.half(middle.nextDown) == bits && GGUFQuantizer.half(-middle.nextUp) == (bits + 1) | 0x8000)
    }
    #expect(GGUFQuantizer.half(65520) == 0x7C00 && GGUFQuantizer.half(Float(65520).nextDown) == 0x7BFF)
    #expect(GGUFQuantizer.half(.nan) == 0x7E00)
  }

  // MARK: Writing

  @Test("What is written is read again, and the same calls give the same bytes")
  func roundTrip() throws {
    let values: [(String, GGUFValue)] = [
      ("a", .uint8(1)), ("b", .int8(-1)), ("c", .uint16(2)), ("d", .int16(-2)), ("e", .uint32(3)), ("f", .int32(-3)),
      ("g", .float32(0.5)), ("h", .bool(true)), ("i", .string("é\u{0}")), ("j", .uint64(4)), ("k", .int64(-4)),
      ("l", .float64(0.25)), ("m", .array(.array([.string(["x", ""]), .uint8([1, 2])]))),
      ("n", .array(.int8([-1]))), ("o", .array(.uint16([9]))), ("p", .array(.int16([-9]))), ("q", .array(.uint32([8]))),
      ("r", .array(.int32([-8]))), ("s", .array(.float32([1.5]))), ("t", .array(.bool([true, false]))),
      ("u", .array(.uint64([7]))), ("v", .array(.int64([-7]))), ("w", .array(.float64([2.5]))), ("x", .array(.string([]))),
    ]
    var contents: [[UInt8]] = []
    for name in ["one", "two"] {
      let path = folder.path + "/" + name
      let writer = GGUFWriter(path: path)
      for (key, value) in values { try writer.set(key, value) }
      try writer.add("matrix", dimensions: [32, 2], type: .q8_0, floats: (0..<64).map { Float($0 % 32) / 31 * 127 })
      try writer.add("odd", dimensions: [3], floats: [1, -0.0, .infinity])
      try writer.add("scalar", dimensions: [], type: .f16, floats: [2])
      try writer.add("raw", dimensions: [256], type: .q2_K, blocks: [UInt8](repeating: 7, count: 84))
      try writer.add("empty", dimensions: [32, 0], type: .q4_0, floats: [])
      #expect(throws: GGUFError.alreadyAdded("odd")) { try writer.add("odd", dimensions: [1], floats: [1]) }
      #expect(throws: GGUFError.alreadyAdded("a")) { try writer.set("a", .bool(true)) }
      #expect(throws: GGUFError.invalidTensor(tensor: "y", dimensions: [2, 2], type: .f32, values: 3)) {
        try writer.add("y", dimensions: [2, 2], floats: [1, 2, 3])
      }
      #expect(throws: GGUFError.invalidTensor(tensor: "y", dimensions: [16, 2], type: .q8_0, values: 32)) {
        try writer.add("y", dimensions: [16, 2], type: .q8_0, floats: [Float](repeating: 1, count: 32))
      }
      #expect(throws: GGUFError.notQuantizable(tensor: "y", type: .q6_K)) {
        try writer.add("y", dimensions: [256], type: .q6_K, floats: [Float](repeating: 1, count: 256))
      }
      #expect(throws: GGUFError.notFinite(tensor: "y", position: 31)) {
        try writer.add("y", dimensions: [32], type: .q4_0, floats: [Float](repeating: 1, count: 31) + [.nan])
      }
      try writer.commit()
      contents.append(try TemporaryFolder.read(path))
      let file = try GGUFFile(path: path)
      #expect(file.keys == values.map(\.0))
      for (key, value) in values { #expect(file.metadata[key] == value, "\(key)") }
      #expect(file.tensors.map(\.name) == ["matrix", "odd", "scalar", "raw", "empty"])
      #expect(file.tensors.allSatisfy { $0.byteRange.lowerBound % 32 == 0 })
      // The largest value of a row is 127, so its scale is 1 and whole numbers stay.
      #expect(try file.floats("matrix")[31] == 127)
      #expect(try file.floats("odd") == [1, -0.0, .infinity] && file.floats("scalar") == [2] && file.floats("empty").isEmpty)
      #expect(throws: GGUFError.notDequantizable(path: path, tensor: "raw", type: .q2_K)) { try file.floats("raw") }
      #expect(try file.withBytes(of: "raw") { bytes, info in bytes.count == 84 && info.rowCount == 1 })
      #expect(throws: GGUFError.noSuchTensor(path: path, tensor: "none")) { try file.floats("none") }
    }
    #expect(contents[0] == contents[1])
  }

  // MARK: Hostile files

  /// A header built by hand.
  private struct Bytes {
    var bytes: [UInt8] = []

    static func u32(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian, Array.init) }
    static func u64(_ value: UInt64) -> [UInt8] { withUnsafeBytes(of: value.littleEndian, Array.init) }
    static func text(_ text: String) -> [UInt8] { u64(UInt64(text.utf8.count)) + Array(text.utf8) }

    static func header(version: UInt32 = 3, tensors: UInt64 = 0, keys: UInt64 = 0) -> [UInt8] {
      Array("GGUF".utf8) + u32(version) + u64(tensors) + u64(keys)
    }

    static func tensor(
      _ dimensions: [UInt64], named name: String = "t", type: UInt32 = 0, offset: UInt64 = 0, count: UInt32? = nil
    ) -> [UInt8] {
      text(name) + u32(count ?? UInt32(dimensions.count)) + dimensions.flatMap(u64) + u32(type) + u64(offset)
    }
  }

  /// Where and why a file is refused.
  private func fault(_ bytes: [UInt8]) throws -> (offset: Int, part: String, reason: GGUFError.Reason)? {
    let path = try folder.write(bytes, "hostile.gguf")
    do {
      _ = try GGUFFile(path: path)
      return nil
    } catch GGUFError.malformed(path, let offset, let part, let reason) {
      return (offset, part, reason)
    }
  }

  @Test("Version 2 is read, other versions and other files are refused")
  func versions() throws {
    #expect(try fault(Bytes.header(version: 2)) == nil)
    #expect(try fault([])?.reason == .magic)
    #expect(try fault(Array("GGML".utf8) + Bytes.u32(3))?.reason == .magic)
    #expect(try fault(Array("GGUF".utf8))?.reason == .truncated(needed: 4, available: 0))
    #expect(try fault(Bytes.header(version: 1))?.reason == .version(1))
    #expect(try fault(Bytes.header(version: 4))?.reason == .version(4))
    #expect(try fault(Bytes.header(version: 3 << 24))?.reason == .bigEndian)
  }

  @Test("Counts and lengths that the file cannot hold are refused where they stand")
  func counts() throws {
    #expect(try fault(Bytes.header(tensors: .max))! == (8, "header", .count(.max, available: 8)))
    #expect(try fault(Bytes.header(keys: 1 << 60))! == (16, "header", .count(1 << 60, available: 0)))
    let key = Bytes.header(keys: 1) + Bytes.text("k")
    #expect(try fault(Bytes.header(keys: 1) + Bytes.u64(.max) + [1, 2, 3, 4, 5])!
      == (24, "key number 0", .truncated(needed: .max, available: 5)))
    #expect(try fault(key + Bytes.u32(8) + Bytes.u64(9))! == (37, "key 'k'", .truncated(needed: 9, available: 0)))
    #expect(try fault(key + Bytes.u32(13))! == (33, "key 'k'", .unknownValueType(13)))
    #expect(try fault(key + Bytes.u32(7) + [2])! == (37, "key 'k'", .boolean(2)))
    #expect(try fault(key + Bytes.u32(8) + Bytes.u64(2) + [0xC3, 0x28])! == (37, "key 'k'", .notUTF8))
    for type in UInt32(0)...12 where type != 9 {
      let array = key + Bytes.u32(9) + Bytes.u32(type) + Bytes.u64(1 << 61 | 1)
      #expect(try fault(array)! == (41, "key 'k'", .count(1 << 61 | 1, available: 0)))
    }
    let nested = key + Bytes.u32(9) + (0..<9).flatMap { _ in Bytes.u32(9) + Bytes.u64(1) } + Bytes.u32(0) + Bytes.u64(0)
    #expect(try fault(nested)?.reason == .tooDeep)
    let twice = Bytes.header(keys: 2) + Bytes.text("k") + Bytes.u32(0) + [1] + Bytes.text("k") + Bytes.u32(0) + [2]
    #expect(try fault(twice)! == (38, "key 'k'", .duplicate))
  }

  @Test("Alignment must be a 32-bit power of two")
  func alignment() throws {
    let key = Bytes.header(keys: 1) + Bytes.text("general.alignment")
    for stated: UInt32 in [0, 3, 48] { #expect(try fault(key + Bytes.u32(4) + Bytes.u32(stated))?.reason == .alignment) }
    #expect(try fault(key + Bytes.u32(10) + Bytes.u64(32))?.reason == .alignment)
    #expect(try fault(key + Bytes.u32(4) + Bytes.u32(1 << 31)) == nil)
    let eight = Bytes.header(tensors: 1, keys: 1) + Bytes.text("general.alignment") + Bytes.u32(4) + Bytes.u32(8)
    let file = eight + Bytes.tensor([1], offset: 8)
    let padded = file + [UInt8](repeating: 0, count: (8 - file.count % 8) % 8 + 8) + [0, 0, 0x80, 0x3F]
    #expect(try GGUFFile(path: folder.write(padded, "eight.gguf")).floats("t") == [1])
  }

  @Test("Tensors that overflow, lie outside, astray or over each other are refused")
  func tensors() throws {
    func reason(_ tensors: [UInt8]..., data: Int = 64) throws -> GGUFError.Reason? {
      let header = Bytes.header(tensors: UInt64(tensors.count)) + tensors.joined()
      return try fault(header + [UInt8](repeating: 0, count: (32 - header.count % 32) % 32 + data))?.reason
    }
    #expect(try reason(Bytes.tensor([16])) == nil)
    #expect(try reason(Bytes.tensor([1, 1, 1, 1, 1])) == .dimensionCount(5))
    #expect(try reason(Bytes.tensor([], count: .max)) == .dimensionCount(.max))
    #expect(try reason(Bytes.tensor([1 << 63])) == .tooManyElements)
    #expect(try reason(Bytes.tensor([1 << 32, 1 << 32])) == .tooManyElements)
    #expect(try reason(Bytes.tensor([0, 1 << 32, 1 << 32])) == .tooManyElements)
    #expect(try reason(Bytes.tensor([1 << 61, 2])) == .tooManyElements)
    #expect(try reason(Bytes.tensor([1 << 61, 0])) == .tooManyElements)
    #expect(try reason(Bytes.tensor([33], type: 8)) == .blocks(dimension: 33, blockSize: 32))
    #expect(try reason(Bytes.tensor([16, 16], type: 12)) == .blocks(dimension: 16, blockSize: 256))
    for unknown: UInt32 in [4, 5, 31, 99, .max] {
      #expect(try reason(Bytes.tensor([1], type: unknown)) == .unknownTensorType(unknown))
    }
    #expect(try reason(Bytes.tensor([1], offset: 4)) == .misaligned(offset: 4, alignment: 32))
    #expect(try reason(Bytes.tensor([17])) == .outside(offset: 0, bytes: 68, available: 64))
    #expect(try reason(Bytes.tensor([1], offset: 64)) == .outside(offset: 64, bytes: 4, available: 64))
    let last = UInt64.max - 31
    #expect(try reason(Bytes.tensor([1], offset: last)) == .outside(offset: last, bytes: 4, available: 64))
    #expect(try reason(Bytes.tensor([9], named: "a"), Bytes.tensor([1], named: "b", offset: 32)) == .overlaps("a"))
    #expect(try reason(Bytes.tensor([1], named: "a"), Bytes.tensor([1], named: "a", offset: 32)) == .duplicate)
    #expect(try reason(Bytes.tensor([0], named: "a"), Bytes.tensor([16], named: "b")) == nil)
  }

  @Test("Damaged files are read or refused, never worse")
  func mutations() throws {
    let original = try TemporaryFolder.read(Self.reference)
    let headerEnd = try #require(GGUFFile(path: Self.reference).tensors.map(\.byteRange.lowerBound).min())
    var random = SeededGenerator(seed: 7)
    var refused = 0
    var read = 0
    for _ in 0..<6000 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 4..<headerEnd, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes[place] = .random(in: 0...255, using: &random)
        case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: for index in place..<min(place + 8, bytes.count) { bytes[index] = 0xFF }
        case 3: bytes.removeSubrange(place..<min(place + Int.random(in: 1...9, using: &random), bytes.count))
        default: bytes.insert(contentsOf: original[place..<min(place + 8, headerEnd)], at: min(place, bytes.count))
        }
      }
      if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
      // Read where it lies, with nothing behind it that could hide an access past the end.
      do {
        try bytes.withUnsafeBytes { bytes in
          let header = try GGUFHeader(bytes, path: "damaged")
          for tensor in header.tensors {
            #expect(tensor.byteRange.lowerBound >= 0 && tensor.byteRange.upperBound <= bytes.count)
            if tensor.type.isDequantizable {
              let part = UnsafeRawBufferPointer(rebasing: bytes[tensor.byteRange])
              #expect(GGUFBlocks.floats(tensor.type, part).count == tensor.elementCount)
            }
          }
        }
        read += 1
      } catch GGUFError.malformed(_, let offset, _, _) {
        #expect(offset >= 0 && offset <= bytes.count)
        refused += 1
      }
    }
    #expect(refused > 1000 && read > 100)
  }
}
