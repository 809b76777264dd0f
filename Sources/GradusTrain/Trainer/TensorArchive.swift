import GradusFormats
import GradusTensor

/// Named tensors as a safetensors file, to the bit.
enum TensorArchive {
  static func write(_ tensors: [NamedTensor], to path: String) throws {
    let writer = SafetensorsWriter(path: path)
    for named in tensors {
      let tensor = named.tensor
      writer.add(named.name, type: fileType(of: tensor.type), shape: tensor.shape) { bytes(of: tensor) }
    }
    try writer.commit()
  }

  /// In the byte order of their names.
  ///
  /// - Throws: `SafetensorsError`; ``CheckpointError/corrupt(file:problem:)`` for element types that tensors do not have.
  static func read(_ path: String) throws -> [NamedTensor] {
    let file = try SafetensorsFile(path: path)
    return try file.names.map { name in
      try file.withBytes(name) { bytes, info in
        let tensor: Tensor
        switch info.type {
        case .float32: tensor = Tensor(values(bytes, as: UInt32.self).map { Float(bitPattern: $0) }, shape: info.shape)
        case .float64: tensor = Tensor(values(bytes, as: UInt64.self).map { Double(bitPattern: $0) }, shape: info.shape)
        case .int32:
          tensor = Tensor(indices: values(bytes, as: UInt32.self).map { Int32(bitPattern: $0) }, shape: info.shape)
        case .bool: tensor = Tensor(mask: values(bytes, as: UInt8.self).map { $0 != 0 }, shape: info.shape)
        default:
          throw CheckpointError.corrupt(file: path, problem: "'\(name)' has the element type \(info.type.rawValue)")
        }
        return NamedTensor(name, tensor)
      }
    }
  }

  private static func fileType(of type: ScalarType) -> SafetensorsType {
    switch type {
    case .float32: .float32
    case .float64: .float64
    case .int32: .int32
    case .bool: .bool
    }
  }

  private static func bytes(of tensor: Tensor) -> [UInt8] {
    switch tensor.type {
    case .float32: littleEndian(tensor.floats().map(\.bitPattern))
    case .float64: littleEndian(tensor.doubles().map(\.bitPattern))
    case .int32: littleEndian(tensor.indices().map { UInt32(bitPattern: $0) })
    case .bool: tensor.bools().map { $0 ? 1 : 0 }
    }
  }

  private static func littleEndian<Bits: FixedWidthInteger>(_ values: [Bits]) -> [UInt8] {
    values.map(\.littleEndian).withUnsafeBytes(Array.init)
  }

  private static func values<Bits: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: UnsafeRawBufferPointer, as type: Bits.Type
  ) -> [Bits] {
    let width = MemoryLayout<Bits>.size
    return (0..<(bytes.count / width)).map {
      Bits(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * width, as: Bits.self))
    }
  }
}
