import GradusCore
import GradusTestSupport
import Testing

@testable import GradusFormats

@Suite("Safetensors")
struct SafetensorsTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func file(_ header: String, data: Int = 0, length: UInt64? = nil) throws -> String {
    let length = length ?? UInt64(header.utf8.count)
    let prefix = withUnsafeBytes(of: length.littleEndian, Array.init)
    return try folder.write(prefix + Array(header.utf8) + (0..<data).map { UInt8($0 & 0xFF) }, "x.safetensors")
  }

  @Test("Tensors of every type survive writing; names are ordered, the file has the same bytes each time")
  func roundTrip() throws {
    var contents: [[UInt8]] = []
    for name in ["one", "two"] {
      let path = folder.path + "/" + name
      let writer = SafetensorsWriter(path: path, metadata: ["format": "pt", "a": "\"b\""])
      let types = name == "one" ? SafetensorsType.allCases : SafetensorsType.allCases.reversed()
      for type in types {
        writer.add("t.\(type.rawValue)", type: type, shape: [3, 2]) { (0..<(6 * type.byteCount)).map { UInt8($0 & 0x3F) } }
      }
      writer.add("weight", shape: [2, 2], floats: [1, -2, .infinity, 0.1])
      writer.add("empty", shape: [0, 4], floats: [])
      writer.add("scalar", shape: [], floats: [7])
      try writer.commit()
      contents.append(try TemporaryFolder.read(path))
      let file = try SafetensorsFile(path: path)
      #expect(file.metadata == ["format": "pt", "a": "\"b\""])
      #expect(file.names == file.names.sorted() && file.names.count == 13)
      #expect(try file.floats("weight") == [1, -2, .infinity, 0.1])
      #expect(try file.withFloats("weight") { Array($0) } == file.floats("weight"))
      #expect(try file.floats("scalar") == [7] && file.floats("empty").isEmpty)
      #expect(file.tensorInfo("t.I16")?.shape == [3, 2] && file.tensorInfo("none") == nil)
      try file.withBytes("t.I64") { bytes, info in
        #expect(info.type == .int64 && Array(bytes) == (0..<48).map { UInt8($0 & 0x3F) })
      }
      #expect(throws: SafetensorsError.noSuchTensor(path: path, tensor: "none")) { try file.floats("none") }
      #expect(throws: SafetensorsError.wrongType(path: path, tensor: "t.I8", found: .int8)) { try file.floats("t.I8") }
      #expect(throws: SafetensorsError.wrongType(path: path, tensor: "t.F16", found: .float16)) {
        try file.withFloats("t.F16") { _ in }
      }
    }
    #expect(contents[0] == contents[1])
    #expect(contents[0][0] % 8 == 0)
  }

  @Test("Halves, bfloats and doubles become floats")
  func conversion() throws {
    let path = folder.path + "/x"
    let writer = SafetensorsWriter(path: path)
    let halves: [UInt16] = [0x3C00, 0xC000, 0x0001, 0x03FF, 0x0400, 0x7BFF, 0x7C00, 0xFC00, 0x8000, 0x3555]
    writer.add("half", type: .float16, shape: [halves.count]) { halves.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] } }
    writer.add("brain", type: .bfloat16, shape: [2]) { [0x80, 0x3F, 0x49, 0x40] }
    writer.add("double", type: .float64, shape: [1]) { withUnsafeBytes(of: 0.1.bitPattern.littleEndian, Array.init) }
    try writer.commit()
    let file = try SafetensorsFile(path: path)
    #expect(
      try file.floats("half") == [
        1, -2, 0x1p-24, 0x3FFp-24, 0x1p-14, 65504, .infinity, -.infinity, 0, 0x1.554p-2,
      ])
    #expect(try file.floats("half")[8].sign == .minus)
    #expect(SafetensorsFile.widen(half: 0x7E00).isNaN)
    #expect(try file.floats("brain") == [1, 3.140625] && file.floats("double") == [0.1])
  }

  @Test("A header that lies is refused, each lie by its own case")
  func hostile() throws {
    func error(_ header: String, data: Int = 8, length: UInt64? = nil) throws -> SafetensorsError? {
      let path = try file(header, data: data, length: length)
      return #expect(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
    }
    let path = folder.path + "/x.safetensors"
    func tensor(_ name: String, _ shape: String, _ offsets: String, _ type: String = "F32") -> String {
      "\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}"
    }
    let good = tensor("a", "[2]", "[0,8]")
    #expect(try SafetensorsFile(path: file("{\(good)}   ", data: 8)).names == ["a"])

    let short = try folder.write([1, 0, 0], "short")
    #expect(throws: SafetensorsError.tooShort(path: short)) { try SafetensorsFile(path: short) }
    for length in [17, 1 << 40, UInt64.max] {
      #expect(try error("{}", data: 0, length: length) == .headerLength(path: path, length: length))
    }
    let cut = JSONError(offset: good.utf8.count + 1, reason: .unexpectedEnd)
    #expect(try error("{\(good)") == .headerNotJSON(path: path, error: cut))
    #expect(try error("[]") == .headerNotJSON(path: path, error: JSONError(offset: 0, reason: .expected("an object"))))
    #expect(try error("{\(good),\(good)}") == .duplicateKey(path: path, key: "a"))
    #expect(try error("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"},\(good)}") == .duplicateKey(path: path, key: "k"))
    #expect(try error("{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}") == .missingField(path: path, tensor: "a", field: "dtype"))
    #expect(
      try error("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}") == .missingField(path: path, tensor: "a", field: "shape"))
    #expect(
      try error("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}") == .missingField(path: path, tensor: "a", field: "data_offsets"))
    #expect(try error("{\(tensor("a", "[2]", "[0,8]", "Q4"))}") == .unknownType(path: path, tensor: "a", type: "Q4"))
    for shape in ["[-1]", "[4611686018427387904,4]", "[0,-5]", "[9223372036854775807]"] {
      #expect(try error("{\(tensor("a", shape, "[0,8]"))}") == .invalidShape(path: path, tensor: "a"), "\(shape)")
    }
    for offsets in ["[-8,0]", "[8,0]", "[0]", "[0,4,8]", "[]"] {
      #expect(try error("{\(tensor("a", "[2]", offsets))}") == .invalidOffsets(path: path, tensor: "a"), "\(offsets)")
    }
    #expect(try error("{\(good)}", data: 7) == .outOfRange(path: path, tensor: "a"))
    #expect(
      try error("{\(tensor("a", "[2]", "[9223372036854775799,9223372036854775807]"))}") == .outOfRange(path: path, tensor: "a"))
    #expect(try error("{\(tensor("a", "[1]", "[0,8]"))}") == .sizeMismatch(path: path, tensor: "a", expected: 4, found: 8))
    #expect(try error("{\(good),\(tensor("b", "[1]", "[4,8]"))}") == .overlap(path: path, first: "a", second: "b"))
    #expect(try error("{\(good),\(tensor("b", "[1]", "[12,16]"))}", data: 16) == .hole(path: path, offset: 8))
    #expect(try error("{\(good)}", data: 9) == .hole(path: path, offset: 8))
    let notUTF8 = try folder.write([4, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x22, 0xFF, 0x7D], "u")
    #expect(throws: SafetensorsError.headerNotUTF8(path: notUTF8, offset: 2)) { try SafetensorsFile(path: notUTF8) }
  }

  @Test("A file with random damage in its header opens or is refused")
  func damage() throws {
    let path = folder.path + "/good"
    let writer = SafetensorsWriter(path: path, metadata: ["k": "v"])
    for index in 0..<4 { writer.add("tensor.\(index)", shape: [index, 3], floats: [Float](repeating: 1, count: index * 3)) }
    try writer.commit()
    let good = try TemporaryFolder.read(path)
    var generator = SeededGenerator(seed: 4)
    for _ in 0..<3000 {
      var bytes = good
      for _ in 0..<(1 + generator.integer(below: 3)) {
        bytes[generator.integer(below: bytes.count)] = UInt8(generator.integer(below: 256))
      }
      let kept = generator.integer(below: 4) == 0 ? generator.integer(below: bytes.count) : bytes.count
      let damaged = try folder.write(bytes.prefix(kept), "damaged")
      do {
        let file = try SafetensorsFile(path: damaged)
        for info in file.tensors where info.type == .float32 { #expect(try file.floats(info.name).count == info.elementCount) }
      } catch { #expect(error is SafetensorsError, "\(error)") }
    }
  }

  @Test("Tensors that contradict themselves are not written")
  func unwritable() throws {
    let path = folder.path + "/x"
    var writer = SafetensorsWriter(path: path)
    writer.add("a", shape: [3], floats: [1, 2])
    #expect(throws: SafetensorsError.wrongByteCount(tensor: "a", expected: 12, found: 8)) { try writer.commit() }
    writer = SafetensorsWriter(path: path)
    writer.add("a", shape: [1], floats: [1])
    writer.add("a", shape: [1], floats: [1])
    #expect(throws: SafetensorsError.duplicateKey(path: path, key: "a")) { try writer.commit() }
    writer = SafetensorsWriter(path: path)
    writer.add("a", shape: [-1], floats: [])
    #expect(throws: SafetensorsError.invalidShape(path: path, tensor: "a")) { try writer.commit() }
    #expect(try folder.names().isEmpty)
  }
}
