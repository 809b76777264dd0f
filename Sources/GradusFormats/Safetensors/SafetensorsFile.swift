import GradusCore

/// Tensors by name, in the format that Hugging Face's models come in; memory-mapped and checked before use.
///
///     let file = try SafetensorsFile(path: "model.safetensors")
///     let weights = try file.floats("encoder.layer.0.output.dense.weight")
///
/// Eight bytes of length, a JSON header, then the tensors row-major and without holes. Every statement of the header is
/// checked against the file on opening, so that a hostile file can neither crash the process nor show it other memory.
public final class SafetensorsFile: Sendable {
  /// The format's own limit.
  public static let maximumHeaderBytes = 100_000_000

  public let path: String
  /// By the bytes of their names.
  public let tensors: [TensorInfo]
  public let metadata: [String: String]
  private let file: MappedFile
  private let dataStart: Int
  private let positions: [[UInt8]: Int]

  /// - Throws: ``SafetensorsError``, a case for each way in which the header can be wrong; `FileError`.
  public init(path: String) throws {
    self.path = path
    file = try MappedFile(path: path)
    guard file.count >= 8 else { throw SafetensorsError.tooShort(path: path) }
    let length = UInt64(littleEndian: try file.load(UInt64.self, at: 0))
    guard length <= UInt64(min(file.count - 8, Self.maximumHeaderBytes)) else {
      throw SafetensorsError.headerLength(path: path, length: length)
    }
    dataStart = 8 + Int(length)
    let header = try SafetensorsHeader(
      file.bytes(in: 8..<dataStart).bindMemory(to: UInt8.self), dataCount: file.count - dataStart, path: path)
    tensors = header.tensors
    metadata = header.metadata
    var positions: [[UInt8]: Int] = [:]
    for (position, tensor) in tensors.enumerated() { positions[Array(tensor.name.utf8)] = position }
    self.positions = positions
  }

  /// In byte order.
  public var names: [String] { tensors.map(\.name) }

  /// Nil where the file has no such tensor. O(1).
  public func tensorInfo(_ name: String) -> TensorInfo? { positions[Array(name.utf8)].map { tensors[$0] } }

  /// Calls `body` with the tensor's bytes in the file, little-endian; they need not be aligned.
  public func withBytes<Result>(
    _ name: String, _ body: (UnsafeRawBufferPointer, TensorInfo) throws -> Result
  ) throws -> Result {
    guard let info = tensorInfo(name) else { throw SafetensorsError.noSuchTensor(path: path, tensor: name) }
    let range = (dataStart + info.dataRange.lowerBound)..<(dataStart + info.dataRange.upperBound)
    return try body(file.bytes(in: range), info)
  }

  /// The values as `Float`: F16 and BF16 exactly, F64 rounded to nearest.
  ///
  /// - Throws: ``SafetensorsError/noSuchTensor(path:tensor:)``; ``SafetensorsError/wrongType(path:tensor:found:)`` for
  ///   integers and Booleans.
  public func floats(_ name: String) throws -> [Float] {
    try withBytes(name) { bytes, info in
      guard let values = info.type.floats(bytes) else {
        throw SafetensorsError.wrongType(path: path, tensor: name, found: info.type)
      }
      return values
    }
  }

  /// Calls `body` with the values of an F32 tensor where they lie in the file, without a copy.
  ///
  /// Where the file puts them at an odd address, which the usual writers do not, they are copied first.
  public func withFloats<Result>(_ name: String, _ body: (UnsafeBufferPointer<Float>) throws -> Result) throws -> Result {
    try withBytes(name) { bytes, info in
      guard info.type == .float32 else {
        throw SafetensorsError.wrongType(path: path, tensor: name, found: info.type)
      }
      guard UInt(bitPattern: bytes.baseAddress) % 4 == 0 else {
        return try floats(name).withUnsafeBufferPointer(body)
      }
      return try body(bytes.bindMemory(to: Float.self))
    }
  }

  /// IEEE half to single precision, by bits: `Float16` is not there on every machine.
  static func widen(half: UInt16) -> Float {
    let sign = UInt32(half & 0x8000) << 16
    let exponent = UInt32(half >> 10 & 0x1F)
    let fraction = UInt32(half & 0x3FF)
    switch exponent {
    case 0: return Float(bitPattern: sign | Float(Float(fraction) * 0x1p-24).bitPattern)
    case 0x1F: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }
}
