import GradusCore

/// Writes a GGUF file of version 3: metadata first, then tensors one after the other.
///
///     let writer = GGUFWriter(path: "tiny.gguf")
///     try writer.set("general.architecture", .string("llama"))
///     try writer.add("token_embd.weight", dimensions: [64, 256], type: .q8_0, floats: weights)
///     try writer.commit()
///
/// Keys and tensors stand in the file in the order in which they were added, so the same calls give the same bytes. The
/// file appears only when it is complete.
public final class GGUFWriter {
  private struct Pending {
    let name: String
    let dimensions: [Int]
    let type: GGUFTensorType
    let byteCount: Int
    let bytes: () throws -> [UInt8]
  }

  /// The format's default, which a reader takes where the metadata say nothing.
  private static let alignment = 32

  public let path: String
  private var metadata: [(key: String, value: GGUFValue)] = []
  private var pending: [Pending] = []
  private var names: Set<String> = []
  private var keys: Set<String> = []

  public init(path: String) { self.path = path }

  /// Adds a metadata value.
  ///
  /// - Throws: ``GGUFError/alreadyAdded(_:)``.
  public func set(_ key: String, _ value: GGUFValue) throws(GGUFError) {
    guard keys.insert(key).inserted, key != "general.alignment" else { throw .alreadyAdded(key) }
    metadata.append((key, value))
  }

  /// Adds a tensor of numbers, rounded or quantised as `type` says when it is written.
  ///
  /// - Parameters:
  ///   - dimensions: In GGUF's order, the fastest first; at most four.
  ///   - type: One with ``GGUFTensorType/isQuantizable``.
  /// - Throws: ``GGUFError/alreadyAdded(_:)``, ``GGUFError/notQuantizable(tensor:type:)``,
  ///   ``GGUFError/invalidTensor(tensor:dimensions:type:values:)``, and ``GGUFError/notFinite(tensor:position:)`` for
  ///   quantised types.
  public func add(_ name: String, dimensions: [Int], type: GGUFTensorType = .f32, floats: [Float]) throws(GGUFError) {
    guard type.isQuantizable else { throw .notQuantizable(tensor: name, type: type) }
    if type.blockSize > 1, let position = floats.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(tensor: name, position: position)
    }
    try add(name, dimensions: dimensions, type: type, count: floats.count) { GGUFQuantizer.bytes(type, floats) }
  }

  /// Adds a tensor whose blocks exist already.
  public func add(_ name: String, dimensions: [Int], type: GGUFTensorType, blocks: [UInt8]) throws(GGUFError) {
    let count = blocks.count / type.bytesPerBlock * type.blockSize
    guard blocks.count % type.bytesPerBlock == 0 else {
      throw .invalidTensor(tensor: name, dimensions: dimensions, type: type, values: count)
    }
    try add(name, dimensions: dimensions, type: type, count: count) { blocks }
  }

  private func add(
    _ name: String, dimensions: [Int], type: GGUFTensorType, count: Int, bytes: @escaping () throws -> [UInt8]
  ) throws(GGUFError) {
    var product: Int? = 1
    for dimension in dimensions {
      let (next, overflow) = (product ?? 0).multipliedReportingOverflow(by: dimension)
      product = overflow || dimension < 0 ? nil : next
      if product == nil { break }
    }
    guard dimensions.count <= GGUFFile.maximumDimensions, product == count, (dimensions.first ?? 1) % type.blockSize == 0,
      let byteCount = type.byteCount(count)
    else { throw .invalidTensor(tensor: name, dimensions: dimensions, type: type, values: count) }
    guard names.insert(name).inserted else { throw .alreadyAdded(name) }
    pending.append(Pending(name: name, dimensions: dimensions, type: type, byteCount: byteCount, bytes: bytes))
  }

  /// Writes the file.
  ///
  /// - Throws: `FileError`; the file is not written then.
  public func commit() throws {
    var header = HeaderBytes()
    header.bytes.append(contentsOf: "GGUF".utf8)
    header.append(UInt32(3))
    header.append(UInt64(pending.count))
    header.append(UInt64(metadata.count))
    for (key, value) in metadata {
      header.append(key)
      header.append(value.type.rawValue)
      header.append(value)
    }
    var offset = 0
    for tensor in pending {
      header.append(tensor.name)
      header.append(UInt32(tensor.dimensions.count))
      for dimension in tensor.dimensions { header.append(UInt64(dimension)) }
      header.append(tensor.type.rawValue)
      header.append(UInt64(offset))
      offset += padded(tensor.byteCount)
    }
    let file = try OutputFile(path: path)
    try file.write(header.bytes + padding(after: header.bytes.count))
    for tensor in pending {
      try file.write(try tensor.bytes())
      try file.write(padding(after: tensor.byteCount))
    }
    try file.commit()
  }

  private func padded(_ count: Int) -> Int { (count + Self.alignment - 1) / Self.alignment * Self.alignment }
  private func padding(after count: Int) -> [UInt8] { [UInt8](repeating: 0, count: padded(count) - count) }
}

/// The header as it grows.
private struct HeaderBytes {
  var bytes: [UInt8] = []

  mutating func append(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func append(_ text: String) {
    append(UInt64(text.utf8.count))
    bytes.append(contentsOf: text.utf8)
  }

  mutating func append(_ value: GGUFValue) {
    switch value {
    case .uint8(let value): append(value)
    case .int8(let value): append(value)
    case .uint16(let value): append(value)
    case .int16(let value): append(value)
    case .uint32(let value): append(value)
    case .int32(let value): append(value)
    case .float32(let value): append(value.bitPattern)
    case .bool(let value): append(value ? UInt8(1) : 0)
    case .string(let value): append(value)
    case .array(let value): append(value)
    case .uint64(let value): append(value)
    case .int64(let value): append(value)
    case .float64(let value): append(value.bitPattern)
    }
  }

  mutating func append(_ array: GGUFArray) {
    append(array.type.rawValue)
    append(UInt64(array.count))
    switch array {
    case .uint8(let values): bytes.append(contentsOf: values)
    case .int8(let values): for value in values { append(value) }
    case .uint16(let values): for value in values { append(value) }
    case .int16(let values): for value in values { append(value) }
    case .uint32(let values): for value in values { append(value) }
    case .int32(let values): for value in values { append(value) }
    case .float32(let values): for value in values { append(value.bitPattern) }
    case .bool(let values): for value in values { append(value ? UInt8(1) : 0) }
    case .string(let values): for value in values { append(value) }
    case .array(let values): for value in values { append(value) }
    case .uint64(let values): for value in values { append(value) }
    case .int64(let values): for value in values { append(value) }
    case .float64(let values): for value in values { append(value.bitPattern) }
    }
  }
}
