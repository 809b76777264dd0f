import GradusCore

/// The index of a model in several files, `model.safetensors.index.json` or `pytorch_model.bin.index.json`: which of them holds
/// which tensor.
///
///     let index = try ShardIndex(path: "model.safetensors.index.json")
///     index.files   // ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
public struct ShardIndex: Sendable, Equatable {
  /// What the name of an index has behind the name that a single file would have.
  public static let suffix = ".index.json"

  public static func isIndex(_ path: String) -> Bool { path.hasSuffix(suffix) }

  public let path: String
  /// The shards' names, ordered by their bytes.
  public let files: [String]
  /// In the order of the index.
  public let tensors: [(name: String, file: String)]

  /// - Throws: ``ShardError`` where the index cannot be read or names files outside its folder; ``TextFileError``, `FileError`.
  public init(path: String) throws {
    let text = try TextFile.read(path)
    try self.init(json: text, path: path)
  }

  /// - Parameters:
  ///   - json: UTF-8.
  ///   - path: The index's place, which decides the folder and the format of its shards.
  public init(json: [UInt8], path: String) throws {
    var tensors: [(name: String, file: String)] = []
    var maps = 0
    do {
      try json.withUnsafeBufferPointer { bytes in
        guard UTF8Validation.firstInvalidByte(in: bytes) == nil else {
          throw JSONError(offset: 0, reason: .expected("UTF-8"))
        }
        var scanner = JSONScanner(bytes)
        var key: [UInt8] = []
        try scanner.beginObject()
        while try scanner.nextKey(into: &key) {
          guard key.elementsEqual("weight_map".utf8) else {
            try scanner.skipValue()
            continue
          }
          maps += 1
          try scanner.beginObject()
          while try scanner.nextKey(into: &key) {
            tensors.append((String(decoding: key, as: UTF8.self), try scanner.readString()))
          }
        }
        try scanner.finish()
      }
    } catch let error as JSONError {
      throw ShardError.notJSON(index: path, error: error)
    }
    guard maps == 1, !tensors.isEmpty else { throw ShardError.noWeightMap(index: path) }
    var seen: Set<[UInt8]> = []
    let ending = Self.ending(of: path)
    for (name, file) in tensors {
      guard seen.insert(Array(name.utf8)).inserted else { throw ShardError.listedTwice(index: path, tensor: name) }
      guard Self.isPlain(file), file.hasSuffix(ending) else {
        throw ShardError.fileName(index: path, tensor: name, file: file, ending: ending)
      }
    }
    self.path = path
    self.tensors = tensors
    files = Set(tensors.map(\.file)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  public static func == (a: ShardIndex, b: ShardIndex) -> Bool {
    a.path == b.path && a.tensors.elementsEqual(b.tensors) { $0.name == $1.name && $0.file == $1.file }
  }

  /// The shards' paths, in the order of ``files``.
  public var paths: [String] { files.map(path(of:)) }

  func path(of file: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return file }
    return String(path[...slash]) + file
  }

  /// `.bin` for `pytorch_model.bin.index.json`, else `.safetensors`.
  private static func ending(of path: String) -> String {
    path.hasSuffix(".bin" + suffix) ? ".bin" : ".safetensors"
  }

  /// A name in the index's own folder: no way out of it, and nothing that the system would read in another way.
  private static func isPlain(_ name: String) -> Bool {
    !name.hasPrefix(".") && name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\\") }
  }
}
