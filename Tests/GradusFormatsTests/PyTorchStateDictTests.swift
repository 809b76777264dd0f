import Foundation
import GradusCore
import GradusTestSupport
import Testing

@testable import GradusFormats

/// Fixtures/PyTorch/make_pytorch.py wrote the files with PyTorch.
@Suite("State dictionaries of PyTorch")
struct PyTorchStateDictTests {
  static let fixtures =
    #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/Fixtures/PyTorch/"
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private struct Expected: Decodable {
    let shape: [Int]
    let values: [Double]
  }

  private func reason(_ bytes: some Sequence<UInt8>) throws -> PyTorchError.Reason? {
    let path = try folder.write(bytes, "input.bin")
    return #expect(throws: PyTorchError.self) { try PyTorchStateDict(path: path) }?.reason
  }

  @Test("Archives, the older pickles and checkpoints have the tensors that PyTorch wrote", arguments: [
    "zip.bin", "legacy.pth", "checkpoint.pth",
  ])
  func golden(name: String) throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: Self.fixtures + "expected.json"))
    let expected = try JSONDecoder().decode([String: Expected].self, from: data)
    #expect(PyTorchStateDict.isPresent(at: Self.fixtures + name))
    let file = try PyTorchStateDict(path: Self.fixtures + name)
    #expect(
      file.names == ["layer.weight", "layer.bias", "scale", "double", "turned", "column", "empty", "ids", "größe"])
    for (tensor, own) in expected {
      #expect(file.tensorInfo(tensor)?.shape == own.shape, "\(tensor)")
      if tensor == "ids" {
        let error = PyTorchError(path: Self.fixtures + name, reason: .wrongType(tensor: "ids", found: .int64))
        #expect(throws: error) { try file.floats("ids") }
      } else {
        #expect(try file.floats(tensor) == own.values.map { Float($0) }, "\(tensor)")
      }
    }
    #expect(throws: PyTorchError(path: Self.fixtures + name, reason: .noSuchTensor("x"))) { try file.floats("x") }
  }

  @Test("A model instead of its state, and a view of more numbers than there are, are refused by name")
  func refused() throws {
    let module = #expect(throws: PyTorchError.self) { try PyTorchStateDict(path: Self.fixtures + "module.pth") }
    guard case .code(let name) = module?.reason else { return #expect(Bool(false), "\(String(describing: module))") }
    #expect(name.hasPrefix("torch.nn."))
    let wide = #expect(throws: PyTorchError.self) { try PyTorchStateDict(path: Self.fixtures + "expanded.bin") }
    guard case .tensor("wide", _) = wide?.reason else { return #expect(Bool(false), "\(String(describing: wide))") }
  }

  // MARK: - Hostile files

  private func little(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian, Array.init) }

  /// A stored zip archive.
  private func archive(_ entries: [(String, [UInt8])], method: UInt16 = 0) -> [UInt8] {
    var file: [UInt8] = [], directory: [UInt8] = []
    for (name, data) in entries {
      let size = little(UInt32(data.count))
      // Version, flags, method, time, checksum, sizes, lengths of name and extra field.
      var head: [UInt8] = [20, 0, 0, 0]
      head += little(method)
      head += [UInt8](repeating: 0, count: 8)
      head += size
      head += size
      head += little(UInt16(name.utf8.count))
      head += [0, 0]
      directory += little(UInt32(0x0201_4B50))
      directory += [20, 0]
      directory += head
      directory += [UInt8](repeating: 0, count: 10)
      directory += little(UInt32(file.count))
      directory += Array(name.utf8)
      file += little(UInt32(0x0403_4B50))
      file += head
      file += Array(name.utf8)
      file += data
    }
    let start = file.count
    file += directory
    file += little(UInt32(0x0605_4B50))
    file += [0, 0, 0, 0]
    for _ in 0..<2 { file += little(UInt16(entries.count)) }
    file += little(UInt32(directory.count))
    file += little(UInt32(start))
    return file + [0, 0]
  }

  private func op(_ character: Unicode.Scalar) -> UInt8 { UInt8(ascii: character) }

  /// `{"w": a float tensor}` as a pickle, in the parts that a test may spoil.
  private func pickle(
    class storage: String = "torch\nFloatStorage\n", count: Int = 4, offset: Int = 0, shape: [Int] = [2, 2],
    strides: [Int] = [2, 1], call: String = "torch._utils\n_rebuild_tensor_v2\n"
  ) -> [UInt8] {
    var code: [UInt8] = [0x80, 2, op("}")]
    func number(_ value: Int) -> [UInt8] {
      if let byte = UInt8(exactly: value) { return [op("K"), byte] }
      if let word = Int32(exactly: value) { return [op("J")] + little(word) }
      return [0x8A, 8] + little(Int64(value))
    }
    func add(text: String) { code += [0x8C, UInt8(text.utf8.count)] + Array(text.utf8) }
    func add(global: String) { code += [op("c")] + Array(global.utf8) }
    func add(tuple: [Int]) {
      code.append(op("("))
      for value in tuple { code += number(value) }
      code.append(op("t"))
    }
    add(text: "w")
    add(global: call)
    code += [op("("), op("(")]
    add(text: "storage")
    add(global: storage)
    add(text: "0")
    add(text: "cpu")
    code += number(count) + [op("t"), op("Q")] + number(offset)
    add(tuple: shape)
    add(tuple: strides)
    return code + [0x89, op("N"), op("t"), op("R"), op("s"), op(".")]
  }

  private func file(_ pickle: [UInt8], data: Int = 16) -> [UInt8] {
    archive([("m/data.pkl", pickle), ("m/data/0", [UInt8](repeating: 0, count: data))])
  }

  @Test("What a hostile file says is checked, each lie by its own case")
  func hostile() throws {
    let path = try folder.write(file(pickle()), "good.bin")
    #expect(try PyTorchStateDict(path: path).floats("w") == [0, 0, 0, 0])
    #expect(try reason(Array("PK".utf8)) == .archive("has no directory; it is cut short"))
    #expect(try reason(Array("something else".utf8)) == .notPyTorch)
    #expect(try reason([]) == .notPyTorch)
    #expect(try reason(archive([("m/other", [])])) == .missingEntry("data.pkl"))
    #expect(try reason(archive([("m/data.pkl", pickle())])) == .missingEntry("m/data/0"))
    #expect(try reason(archive([("m/data.pkl", pickle())], method: 8)) == .archive("has the packed entry 'm/data.pkl'"))
    #expect(
      try reason(archive([("m/data.pkl", pickle()), ("m/byteorder", Array("big".utf8)), ("m/data/0", [0, 0, 0, 0])]))
        == .bigEndian)
    // What Python would run.
    for name in ["os\nsystem\n", "builtins\neval\n", "torch.nn.modules.linear\nLinear\n"] {
      let known = name.dropLast().replacingOccurrences(of: "\n", with: ".")
      #expect(try reason(file(pickle(call: name))) == .code(known))
    }
    #expect(try reason(file(pickle(class: "torch\nQUInt8Storage\n"))) == .code("torch.QUInt8Storage"))
    // Views that leave their storage, storages that leave the file.
    for wrong in [
      pickle(count: 3), pickle(offset: 1), pickle(offset: 5), pickle(shape: [2, 3]), pickle(strides: [3, 1]),
      pickle(shape: [5], strides: [0]), pickle(shape: [2, 2], strides: [1]),
    ] {
      guard case .tensor("w", _) = try reason(file(wrong)) else { return #expect(Bool(false), "\(wrong)") }
    }
    guard case .tensor("w", _) = try reason(file(pickle(), data: 15)) else { return #expect(Bool(false)) }
    #expect(try reason(file([0x80, 2, op("}"), op(".")])) == .noTensors)
    #expect(try reason(file([0x80, 2, op("}")])) == .cutShort(byte: 3))
    #expect(try reason(file([0x80, 2, op("."), 0])) == .instruction(op("."), byte: 2))
    #expect(try reason(file([0x80, 2, op("i")])) == .instruction(op("i"), byte: 2))
    #expect(try reason(file([0x80, 2, op("h"), 9])) == .instruction(op("h"), byte: 2))
    // A list within a list, a million deep, and one that holds itself.
    let deep = [UInt8](repeating: op("]"), count: 1_000_000) + [UInt8](repeating: op("a"), count: 999_999)
    #expect(try reason(file(deep + [op(".")])) == .noTensors)
    let own = [op("]"), op("q"), 0, op("h"), 0, op("a"), op(".")]
    #expect(try reason(file(own)) == .noTensors)
    // Values that are remembered once and used again and again: shapes of many dimensions, names of many letters.
    let wide = [Int](repeating: 1, count: 65)
    #expect(try reason(file(pickle(shape: wide, strides: wide))) == .instruction(op("R"), byte: 351))
    let long = [op("X")] + little(UInt32(1025)) + [UInt8](repeating: op("a"), count: 1025)
    #expect(try reason(file(long + [0x8C, 0, 0x93, op(".")])) == .instruction(0x93, byte: 1032))
    let all = [Int](repeating: 1, count: 64)
    let path64 = try folder.write(file(pickle(count: 1, shape: all, strides: all), data: 4), "dimensions.bin")
    #expect(try PyTorchStateDict(path: path64).tensorInfo("w")?.shape.count == 64)
    #expect("\(PyTorchError(path: "x.bin", reason: .code("os.system")))".contains("'os.system', and only state dictionaries"))
  }

  @Test("Numbers that are negative or too large to add up, storages of wide numbers, and names that come twice")
  func hostileNumbers() throws {
    let most = Int(Int32.max)
    for wrong in [
      pickle(offset: -1), pickle(offset: Int.min), pickle(shape: [-1, 2]), pickle(shape: [2, 2], strides: [-2, 1]),
      pickle(offset: 3, shape: [2], strides: [-1]), pickle(shape: [most, most, most], strides: [0, 0, 0]),
      pickle(shape: [3], strides: [Int.max]), pickle(offset: 4, shape: [2, 2], strides: [Int.max, 1]),
      pickle(class: "torch\nDoubleStorage\n"),
    ] {
      let found = try reason(file(wrong))
      guard case .tensor("w", _) = found else { return #expect(Bool(false), "\(wrong): \(String(describing: found))") }
    }
    #expect(try reason(file(pickle(count: -1))) == .instruction(op("Q"), byte: 84))
    #expect(try reason(file(pickle(count: Int.max))) != nil)
    // No numbers need no place.
    let none = try folder.write(file(pickle(offset: 3, shape: [1, 0], strides: [9, 9])), "none.bin")
    #expect(try PyTorchStateDict(path: none).floats("w").isEmpty)
    let double = try folder.write(file(pickle(class: "torch\nDoubleStorage\n"), data: 32), "double.bin")
    #expect(try PyTorchStateDict(path: double).floats("w") == [0, 0, 0, 0])
    // A number of more than eight bytes, as a count: a number, but none that counts.
    let long = pickle(count: 4).split(separator: op("Q"), maxSplits: 1, omittingEmptySubsequences: false)
    let many = Array(long[0].dropLast(3)) + [0x8A, 9] + [UInt8](repeating: 1, count: 9) + [op("t"), op("Q")] + Array(long[1])
    #expect(try reason(file(many)) == .instruction(op("Q"), byte: 90))

    let twice = Array(pickle().dropLast()) + Array(pickle().dropFirst(3))
    #expect(try reason(file(twice)) == .duplicateTensor("w"))
    let other = Array(pickle().dropLast()) + Array(pickle(count: 5).dropFirst(3))
    guard case .instruction(op("Q"), _) = try reason(file(other)) else { return #expect(Bool(false)) }
    #expect(
      try reason(archive([("m/data.pkl", pickle()), ("m/data.pkl", [])])) == .archive("has the entry 'm/data.pkl' twice"))
  }

  @Test("A directory that contradicts the archive is refused: sizes, numbers of entries, places")
  func hostileArchive() throws {
    let good = file(pickle())
    // The last entry of the directory, and the directory's end, which is 22 bytes long.
    let end = good.count - 22
    let last = try #require((0..<end).last { Array(good[$0..<$0 + 4]) == little(UInt32(0x0201_4B50)) })
    func changed(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
      var bytes = good
      change(&bytes)
      return bytes
    }
    let size = little(UInt32(17)), far = little(UInt32(1 << 20))
    // A byte of the directory that is behind the data, which a reader may see: it lies in the file.
    let longer = try folder.write(changed { $0.replaceSubrange(last + 20..<last + 28, with: size + size) }, "longer.bin")
    #expect(try PyTorchStateDict(path: longer).floats("w") == [0, 0, 0, 0])
    #expect(
      try reason(changed { $0.replaceSubrange(last + 20..<last + 28, with: far + far) })
        == .archive("ends within the entry 'm/data/0'"))
    #expect(try reason(changed { $0[last + 20] = 9 }) == .archive("has the packed entry 'm/data/0'"))
    #expect(try reason(changed { $0[last + 8] = 1 }) == .archive("has the packed entry 'm/data/0'"))
    #expect(
      try reason(changed { $0.replaceSubrange(last + 42..<last + 46, with: far) })
        == .archive("has no entry 'm/data/0' where its directory says"))
    #expect(try reason(changed { $0[last + 28] = 99 }) == .archive("has a directory that ends within an entry"))
    #expect(try reason(changed { $0[end + 10] = 3 }) == .archive("has a directory of other entries than it says"))
    #expect(
      try reason(changed { $0.replaceSubrange(end + 16..<end + 20, with: far) })
        == .archive("says that its directory lies elsewhere"))
    #expect(
      try reason(changed { $0.replaceSubrange(end + 16..<end + 20, with: [255, 255, 255, 255]) })
        == .archive("is larger than 4 GB, which is not read"))
  }

  @Test("Damaged files are read or refused, never worse", arguments: ["zip.bin", "legacy.pth", "checkpoint.pth"])
  func damage(name: String) throws {
    let good = try TemporaryFolder.read(Self.fixtures + name)
    var generator = SeededGenerator(seed: 6)
    for _ in 0..<1500 {
      var bytes = good
      for _ in 0..<(1 + generator.integer(below: 4)) {
        bytes[generator.integer(below: bytes.count)] = UInt8(generator.integer(below: 256))
      }
      let kept = generator.integer(below: 4) == 0 ? generator.integer(below: bytes.count) : bytes.count
      let path = try folder.write(bytes.prefix(kept), "damaged")
      do {
        let file = try PyTorchStateDict(path: path)
        for info in file.tensors where info.type.isFloatingPoint {
          #expect(try file.floats(info.name).count == info.elementCount)
        }
      } catch { #expect(error is PyTorchError, "\(error)") }
    }
  }
}
