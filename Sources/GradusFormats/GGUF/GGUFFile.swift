import GradusCore

/// Tensors and metadata of a decoder in GGUF, versions 2 and 3; memory-mapped and checked before use.
///
///     let file = try GGUFFile(path: "SmolLM2-135M-Instruct.Q4_1.gguf")
///     try file.string("general.architecture")                  // "llama"
///     try file.integer("llama.block_count")                    // 30
///     try file.tensorInfo("blk.0.ffn_up.weight")?.dimensions   // [576, 1536]: 1536 rows of 576
///     let row = try file.floats("token_embd.weight", rows: 42..<43)
///
/// Every statement of the header is checked against the file on opening: no count, length, dimension or offset of a
/// hostile file leads to a read outside it, or to memory that the file's own size does not justify.
public final class GGUFFile: Sendable {
  /// The format's own limit.
  public static let maximumDimensions = 4
  /// Arrays of arrays are allowed, but no known file has them.
  public static let maximumArrayDepth = 8

  public let path: String
  /// 2 or 3; they differ in nothing that a little-endian reader sees.
  public let version: Int
  public let metadata: [String: GGUFValue]
  /// The metadata's keys in the file's order.
  public let keys: [String]
  /// In the file's order.
  public let tensors: [GGUFTensorInfo]
  private let file: MappedFile
  private let positions: [String: Int]

  /// - Throws: ``GGUFError/malformed(path:offset:part:reason:)``; `FileError`.
  /// - Complexity: O(metadata): the tensors are not touched.
  public init(path: String) throws {
    self.path = path
    let mapped = try MappedFile(path: path)
    let header = try GGUFHeader(mapped.bytes, path: path)
    file = mapped
    version = Int(header.version)
    metadata = header.metadata
    keys = header.keys
    tensors = header.tensors
    positions = Dictionary(uniqueKeysWithValues: header.tensors.enumerated().map { ($1.name, $0) })
  }

  // MARK: Metadata

  /// - Throws: ``GGUFError/noSuchKey(path:key:)``, ``GGUFError/wrongValueType(path:key:expected:found:)``; so do all
  ///   typed accessors.
  public func string(_ key: String) throws(GGUFError) -> String { try value(key, "a string", \.string) }

  /// An integer of any width; also `Int`'s range is checked.
  public func integer(_ key: String) throws(GGUFError) -> Int { try value(key, "an integer", \.integer) }

  /// A number of any type.
  public func double(_ key: String) throws(GGUFError) -> Double { try value(key, "a number", \.double) }

  public func bool(_ key: String) throws(GGUFError) -> Bool { try value(key, "a Boolean", \.bool) }

  public func strings(_ key: String) throws(GGUFError) -> [String] { try value(key, "an array of strings", \.array?.strings) }

  public func integers(_ key: String) throws(GGUFError) -> [Int] { try value(key, "an array of integers", \.array?.integers) }

  /// An array of 32- or 64-bit floating-point numbers. For a tensor's values, see ``floats(_:)``.
  public func floatArray(_ key: String) throws(GGUFError) -> [Float] { try value(key, "an array of numbers", \.array?.floats) }

  /// Whether the metadata have the key: what an optional value is asked for first.
  public func hasKey(_ key: String) -> Bool { metadata[key] != nil }

  private func value<Value>(
    _ key: String, _ expected: String, _ convert: (GGUFValue) -> Value?
  ) throws(GGUFError) -> Value {
    guard let value = metadata[key] else { throw .noSuchKey(path: path, key: key) }
    guard let converted = convert(value) else {
      throw .wrongValueType(path: path, key: key, expected: expected, found: value.typeName)
    }
    return converted
  }

  // MARK: Tensors

  /// Nil where the file has no such tensor. O(1).
  public func tensorInfo(_ name: String) -> GGUFTensorInfo? { positions[name].map { tensors[$0] } }

  /// Calls `body` with the tensor's bytes where they lie in the file, little-endian.
  ///
  /// They are aligned to `general.alignment` (32 by default) and valid as long as this object lives: an engine that keeps
  /// the object may keep the pointer.
  ///
  /// - Throws: ``GGUFError/noSuchTensor(path:tensor:)``, and what `body` throws.
  public func withBytes<Result>(
    of name: String, _ body: (UnsafeRawBufferPointer, GGUFTensorInfo) throws -> Result
  ) throws -> Result {
    guard let info = tensorInfo(name) else { throw GGUFError.noSuchTensor(path: path, tensor: name) }
    return try body(file.bytes(in: info.byteRange), info)
  }

  /// The values as `Float`, row after row: the reference that faster kernels are compared with.
  ///
  /// - Throws: ``GGUFError/noSuchTensor(path:tensor:)``, ``GGUFError/notDequantizable(path:tensor:type:)``.
  public func floats(_ name: String) throws -> [Float] {
    try floats(name, rows: 0..<(tensorInfo(name)?.rowCount ?? 0))
  }

  /// The values of some rows (see ``GGUFTensorInfo/rowLength``), for example of a few tokens' embeddings.
  public func floats(_ name: String, rows: Range<Int>) throws -> [Float] {
    try withBytes(of: name) { bytes, info in
      guard info.type.isDequantizable else {
        throw GGUFError.notDequantizable(path: path, tensor: name, type: info.type)
      }
      guard rows.lowerBound >= 0, rows.upperBound <= info.rowCount else {
        throw GGUFError.noSuchRows(path: path, tensor: name, rows: rows, count: info.rowCount)
      }
      let range = (rows.lowerBound * info.bytesPerRow)..<(rows.upperBound * info.bytesPerRow)
      return GGUFBlocks.floats(info.type, UnsafeRawBufferPointer(rebasing: bytes[range]))
    }
  }

  /// Tells the system how the pages will be used. Only speed depends on it.
  public func advise(_ access: MappedFile.Access) { file.advise(access) }
}
