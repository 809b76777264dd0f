import Foundation
import GradusCore
import GradusTestSupport
import Testing

@testable import GradusFormats

@Suite("Models in several files")
struct ShardTests {
  let folder: TemporaryFolder
  private let index = "model.safetensors.index.json"

  init() throws { folder = try TemporaryFolder() }

  private static let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]

  private func write(_ name: String, _ tensors: [(String, [Float])]) throws {
    let writer = SafetensorsWriter(path: folder.path(name))
    for (name, values) in tensors { writer.add(name, shape: [values.count], floats: values) }
    try writer.commit()
  }

  /// Two shards with three tensors.
  private func writeShards() throws {
    try write(Self.names[0], [("a", [1, 2]), ("b", [3])])
    try write(Self.names[1], [("c", [4, 5, 6])])
  }

  @discardableResult
  private func writeIndex(_ map: String, named name: String? = nil) throws -> String {
    try folder.write(#"{"metadata": {"total_size": 24}, "weight_map": {\#(map)}}"#, name ?? index)
  }

  private var map: String { #""a": "\#(Self.names[0])", "b": "\#(Self.names[0])", "c": "\#(Self.names[1])""# }

  @Test("Shards read as one file; each tensor knows its own")
  func whole() throws {
    try writeShards()
    let path = try writeIndex(map)
    let file = try TensorFiles.open(path)
    #expect(file.path == path && file.names == ["a", "b", "c"])
    #expect(try file.floats("a") == [1, 2] && file.floats("b") == [3] && file.floats("c") == [4, 5, 6])
    #expect(file.shape("c") == [3] && file.type("c") == .float32 && file.shape("d") == nil && file.type("d") == nil)
    #expect(file.path(of: "b") == folder.path(Self.names[0]) && file.path(of: "c") == folder.path(Self.names[1]))
    #expect(file.path(of: "d") == path)
    #expect(throws: ShardError.noSuchTensor(index: path, tensor: "d")) { try file.floats("d") }
    #expect(try TensorFiles.paths(path) == Self.names.map(folder.path))
    #expect(try TensorFiles.paths("x.safetensors") == ["x.safetensors"])
    // A tensor that only the shard knows is read as well.
    try write(Self.names[1], [("c", [4, 5, 6]), ("more", [7])])
    #expect(try TensorFiles.open(path).floats("more") == [7])
  }

  @Test("A shard that is not there is named, with what it holds")
  func missingShard() throws {
    try writeShards()
    let path = try writeIndex(map)
    try writeIndex(map.replacingOccurrences(of: Self.names[0], with: "model-00009-of-00002.safetensors"))
    let error = #expect(throws: ShardError.self) { try TensorFiles.open(path) }
    #expect(error == .missingShard(index: path, file: "model-00009-of-00002.safetensors", tensors: 2))
    #expect(error?.failureKind == .missingInput)
  }

  @Test("A tensor that is not where the index has it, and one in two shards, are named")
  func contradictions() throws {
    try writeShards()
    let path = try writeIndex(map + #", "d": "\#(Self.names[1])""#)
    #expect(throws: ShardError.missingTensor(index: path, file: Self.names[1], tensor: "d")) { try TensorFiles.open(path) }
    // It is there, but in the other one.
    try writeIndex(map.replacingOccurrences(of: #""b": "\#(Self.names[0])""#, with: #""b": "\#(Self.names[1])""#))
    #expect(throws: ShardError.missingTensor(index: path, file: Self.names[1], tensor: "b")) { try TensorFiles.open(path) }
    try writeIndex(map)
    try write(Self.names[1], [("c", [4, 5, 6]), ("a", [1, 2])])
    #expect(
      throws: ShardError.tensorInTwoShards(tensor: "a", first: Self.names[0], second: folder.path(Self.names[1]))
    ) { try TensorFiles.open(path) }
  }

  @Test("A shard that is cut short, or no safetensors file, is named")
  func damagedShard() throws {
    try writeShards()
    let path = try writeIndex(map)
    let bytes = try folder.bytes(Self.names[1])
    try folder.write(Array(bytes.dropLast(3)), Self.names[1])
    #expect(throws: SafetensorsError.outOfRange(path: folder.path(Self.names[1]), tensor: "c")) { try TensorFiles.open(path) }
    try folder.write(Array(bytes.prefix(5)), Self.names[1])
    #expect(throws: SafetensorsError.tooShort(path: folder.path(Self.names[1]))) { try TensorFiles.open(path) }
    try folder.write(Array(bytes.prefix(20)), Self.names[1])
    let error = #expect(throws: SafetensorsError.self) { try TensorFiles.open(path) }
    if case .headerLength(folder.path(Self.names[1]), _)? = error {} else { Issue.record("\(String(describing: error))") }
  }

  @Test("What a clone without Git LFS leaves is told from damaged weights")
  func pointers() throws {
    try writeShards()
    let path = try writeIndex(map)
    let text = "version https://git-lfs.github.com/spec/v1\noid sha256:53aa51172d142c89\nsize 90868376\n"
    for name in [Self.names[1], "model.safetensors", "pytorch_model.bin"] {
      let file = try folder.write(text, name)
      #expect(throws: ShardError.pointer(path: file)) { try TensorFiles.open(name == Self.names[1] ? path : file) }
    }
  }

  @Test(
    "An index names files of its own folder and format alone",
    arguments: [
      "../model.safetensors", "/etc/model.safetensors", "sub/model.safetensors", #"..\\model.safetensors"#, "..safetensors",
      ".safetensors", "model.bin", "model", "", #"a\u0000.safetensors"#, #"a\n.safetensors"#,
    ])
  func names(name: String) throws {
    try writeShards()
    let path = try writeIndex(map + #", "d": "\#(name)""#)
    let error = #expect(throws: ShardError.self) { try TensorFiles.open(path) }
    if case .fileName(path, "d", _, ".safetensors")? = error {} else { Issue.record("\(String(describing: error))") }
    #expect(error?.failureKind == .badData)
  }

  @Test("An index is one JSON object with one map of texts")
  func badIndex() throws {
    try writeShards()
    let path = folder.path(index)
    func error(_ text: String) throws -> ShardError? {
      try folder.write(text, index)
      return #expect(throws: ShardError.self) { try TensorFiles.open(path) }
    }
    for text in ["{}", #"{"weight_map": {}}"#, #"{"weight_map": {"a": "a.safetensors"}, "weight_map": {"b": "b.safetensors"}}"#] {
      #expect(try error(text) == .noWeightMap(index: path), "\(text)")
    }
    #expect(
      try error(#"{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}"#) == .listedTwice(index: path, tensor: "a"))
    let broken = ["", "[]", #"{"weight_map": [1]}"#, #"{"weight_map": {"a": 1}}"#, #"{"weight_map": {"a": "x"}"#]
    for text in broken {
      if case .notJSON(path, _)? = try error(text) {} else { Issue.record("\(text) is no JSON that an index could be") }
    }
    try folder.write(Array(#"{"weight_map": {"a": ""#.utf8) + [0xFF] + Array(#"x.safetensors"}}"#.utf8), index)
    #expect(throws: TextFileError.self) { try TensorFiles.open(path) }
    #expect(throws: FileError.self) { try TensorFiles.open(folder.path("none.safetensors.index.json")) }
  }

  @Test("State dictionaries of PyTorch's in shards, and nothing else under their names")
  func pytorch() throws {
    let fixture = PyTorchStateDictTests.fixtures + "zip.bin"
    let bytes = try TemporaryFolder.read(fixture)
    try folder.write(bytes, "pytorch_model-00001-of-00001.bin")
    let whole = try PyTorchStateDict(path: fixture)
    let map = whole.names.map { #""\#($0)": "pytorch_model-00001-of-00001.bin""# }.joined(separator: ", ")
    let path = try writeIndex(map, named: "pytorch_model.bin.index.json")
    let file = try TensorFiles.open(path)
    #expect(file.names == whole.names)
    for name in whole.names where whole.tensorInfo(name)?.type.isFloatingPoint == true {
      #expect(try file.floats(name) == whole.floats(name) && file.shape(name) == whole.shape(name))
    }
    try folder.write(Array(bytes.dropLast(9)), "pytorch_model-00001-of-00001.bin")
    let cut = #expect(throws: PyTorchError.self) { try TensorFiles.open(path) }
    #expect(cut?.path == folder.path("pytorch_model-00001-of-00001.bin"))
    try write("pytorch_model-00001-of-00001.bin", [("a", [1])])
    #expect(throws: PyTorchError(path: folder.path("pytorch_model-00001-of-00001.bin"), reason: .notPyTorch)) {
      try TensorFiles.open(path)
    }
    try writeIndex(#""a": "model.safetensors""#, named: "pytorch_model.bin.index.json")
    #expect(throws: ShardError.fileName(index: path, tensor: "a", file: "model.safetensors", ending: ".bin")) {
      try TensorFiles.open(path)
    }
  }
}
