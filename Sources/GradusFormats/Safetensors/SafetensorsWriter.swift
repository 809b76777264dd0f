import GradusCore

/// Writes tensors as a safetensors file, one after the other, so that no model is held in memory twice.
///
///     let writer = SafetensorsWriter(path: "model.safetensors", metadata: ["format": "pt"])
///     writer.add("weight", shape: [2, 3], floats: [1, 2, 3, 4, 5, 6])
///     try writer.commit()
///
/// Same tensors, same bytes: they are ordered by the bytes of their names, metadata too. The data start at a multiple of
/// eight bytes. The file appears only when it is complete.
public final class SafetensorsWriter {
  private struct Pending {
    let type: SafetensorsType
    let shape: [Int]
    let bytes: () throws -> [UInt8]
  }

  public let path: String
  private let metadata: [String: String]
  private var pending: [(name: String, tensor: Pending)] = []

  public init(path: String, metadata: [String: String] = [:]) {
    self.path = path
    self.metadata = metadata
  }

  /// - Parameter bytes: Asked for once, when the tensor's turn comes in ``commit()``; little-endian, row-major.
  public func add(
    _ name: String, type: SafetensorsType, shape: [Int], bytes: @escaping () throws -> [UInt8]
  ) {
    pending.append((name, Pending(type: type, shape: shape, bytes: bytes)))
  }

  /// An F32 tensor.
  public func add(_ name: String, shape: [Int], floats: [Float]) {
    add(name, type: .float32, shape: shape) { floats.withUnsafeBytes(Array.init) }
  }

  /// Writes the file.
  ///
  /// - Throws: ``SafetensorsError/invalidShape(path:tensor:)``, ``SafetensorsError/duplicateKey(path:key:)``,
  ///   ``SafetensorsError/wrongByteCount(tensor:expected:found:)``; `FileError`. The file is not written then.
  public func commit() throws {
    let ordered = pending.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    let header = try header(of: ordered)
    let file = try OutputFile(path: path)
    try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try file.write($0) }
    try file.write(header)
    for (name, tensor) in ordered {
      let bytes = try tensor.bytes()
      let expected = TensorInfo.byteCount(tensor.type, tensor.shape) ?? 0
      guard bytes.count == expected else {
        throw SafetensorsError.wrongByteCount(tensor: name, expected: expected, found: bytes.count)
      }
      try file.write(bytes)
    }
    try file.commit()
  }

  private func header(of ordered: [(name: String, tensor: Pending)]) throws(SafetensorsError) -> [UInt8] {
    var header = Array("{".utf8)
    if !metadata.isEmpty {
      header.append(contentsOf: "\"__metadata__\":".utf8)
      JSONText.appendObject(metadata, to: &header)
    }
    var offset = 0
    var previous: String?
    for (name, tensor) in ordered {
      if let previous, previous.utf8.elementsEqual(name.utf8) { throw .duplicateKey(path: path, key: name) }
      if name == "__metadata__" { throw .duplicateKey(path: path, key: name) }
      previous = name
      guard let count = TensorInfo.byteCount(tensor.type, tensor.shape) else {
        throw .invalidShape(path: path, tensor: name)
      }
      if header.count > 1 { header.append(UInt8(ascii: ",")) }
      JSONText.appendQuoted(name, to: &header)
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      header.append(
        contentsOf:
          ":{\"dtype\":\"\(tensor.type.rawValue)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(offset + count)]}".utf8)
      offset += count
    }
    header.append(UInt8(ascii: "}"))
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
    return header
  }
}
