import GradusCore

/// A safetensors file that must not be trusted, or a request that it cannot serve.
public enum SafetensorsError: GradusError, Equatable {
  /// Fewer than the eight bytes that hold the header's length.
  case tooShort(path: String)
  /// The header would be longer than the file, or than ``SafetensorsFile/maximumHeaderBytes``.
  case headerLength(path: String, length: UInt64)
  case headerNotUTF8(path: String, offset: Int)
  case headerNotJSON(path: String, error: JSONError)
  case duplicateKey(path: String, key: String)
  /// A tensor without `dtype`, `shape` or `data_offsets`.
  case missingField(path: String, tensor: String, field: String)
  case unknownType(path: String, tensor: String, type: String)
  /// A negative dimension, or more elements than can be counted.
  case invalidShape(path: String, tensor: String)
  /// Negative or descending offsets, or not two of them.
  case invalidOffsets(path: String, tensor: String)
  /// The offsets go past the end of the file.
  case outOfRange(path: String, tensor: String)
  /// Shape times element size is not the number of bytes.
  case sizeMismatch(path: String, tensor: String, expected: Int, found: Int)
  case overlap(path: String, first: String, second: String)
  /// Bytes that belong to no tensor, at this offset of the data.
  case hole(path: String, offset: Int)
  case noSuchTensor(path: String, tensor: String)
  /// The tensor has another type than the call needs.
  case wrongType(path: String, tensor: String, found: SafetensorsType)
  /// Written tensors must have as many bytes as shape and type say, and names of their own.
  case wrongByteCount(tensor: String, expected: Int, found: Int)

  public var failureKind: FailureKind {
    switch self {
    case .noSuchTensor, .wrongType: .missingInput
    case .wrongByteCount: .failed
    default: .badData
    }
  }

  public var description: String {
    switch self {
    case .tooShort(let path): "\(path): too short to be a safetensors file"
    case .headerLength(let path, let length):
      "\(path): the header is said to have \(length) bytes, which the file does not have; it is cut short or no safetensors file"
    case .headerNotUTF8(let path, let offset): "\(path): the header is not UTF-8 at byte \(offset)"
    case .headerNotJSON(let path, let error): "\(path): the header is \(error)"
    case .duplicateKey(let path, let key): "\(path): the header has '\(key)' twice"
    case .missingField(let path, let tensor, let field): "\(path): tensor '\(tensor)' has no \(field)"
    case .unknownType(let path, let tensor, let type):
      "\(path): tensor '\(tensor)' has the type \(type); known are "
        + SafetensorsType.allCases.map(\.rawValue).joined(separator: " ")
    case .invalidShape(let path, let tensor): "\(path): tensor '\(tensor)' has an impossible shape"
    case .invalidOffsets(let path, let tensor): "\(path): tensor '\(tensor)' has impossible offsets"
    case .outOfRange(let path, let tensor):
      "\(path): tensor '\(tensor)' lies past the end of the file, which is cut short or damaged"
    case .sizeMismatch(let path, let tensor, let expected, let found):
      "\(path): tensor '\(tensor)' has \(found) bytes where its shape needs \(expected)"
    case .overlap(let path, let first, let second): "\(path): tensors '\(first)' and '\(second)' overlap"
    case .hole(let path, let offset): "\(path): the data at byte \(offset) belong to no tensor"
    case .noSuchTensor(let path, let tensor): "\(path): there is no tensor '\(tensor)'"
    case .wrongType(let path, let tensor, let found): "\(path): tensor '\(tensor)' has the type \(found.rawValue)"
    case .wrongByteCount(let tensor, let expected, let found):
      "tensor '\(tensor)' has \(found) bytes where its shape needs \(expected)"
    }
  }
}
