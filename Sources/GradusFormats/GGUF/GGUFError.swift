import GradusCore

/// A GGUF file that must not be trusted, or a request that it cannot serve.
public enum GGUFError: GradusError, Equatable {
  /// What is wrong with a file.
  public enum Reason: Equatable, Sendable {
    /// The first four bytes are not `GGUF`.
    case magic
    /// A version other than 2 and 3.
    case version(UInt32)
    /// The numbers are stored with the most significant byte first.
    case bigEndian
    /// The file ends before the item does.
    case truncated(needed: UInt64, available: Int)
    /// So many items cannot lie in the bytes that are left.
    case count(UInt64, available: Int)
    case notUTF8
    case unknownValueType(UInt32)
    /// A Boolean that is neither 0 nor 1.
    case boolean(UInt8)
    /// Arrays inside arrays, deeper than ``GGUFFile/maximumArrayDepth``.
    case tooDeep
    case duplicate
    /// `general.alignment` is not a power of two, or no 32-bit number.
    case alignment
    /// More dimensions than ``GGUFFile/maximumDimensions``.
    case dimensionCount(UInt32)
    /// More elements than can be counted.
    case tooManyElements
    /// The first dimension is no whole number of blocks.
    case blocks(dimension: Int, blockSize: Int)
    case unknownTensorType(UInt32)
    /// The tensor's place is no multiple of the alignment.
    case misaligned(offset: UInt64, alignment: Int)
    /// The tensor lies past the end of the file.
    case outside(offset: UInt64, bytes: Int, available: Int)
    case overlaps(String)
  }

  /// - Parameters:
  ///   - offset: Byte of the file where the faulty statement begins.
  ///   - part: `header`, `key 'general.name'` or `tensor 'output.weight'`.
  case malformed(path: String, offset: Int, part: String, reason: Reason)
  case noSuchKey(path: String, key: String)
  /// The metadata value has another type than the call needs.
  case wrongValueType(path: String, key: String, expected: String, found: String)
  case noSuchTensor(path: String, tensor: String)
  /// The tensor has a type that this library does not turn into numbers.
  case notDequantizable(path: String, tensor: String, type: GGUFTensorType)
  /// Rows that the tensor does not have.
  case noSuchRows(path: String, tensor: String, rows: Range<Int>, count: Int)
  /// Of the writer: dimensions that do not fit the type or the number of values.
  case invalidTensor(tensor: String, dimensions: [Int], type: GGUFTensorType, values: Int)
  /// Of the writer: the type cannot be made from numbers.
  case notQuantizable(tensor: String, type: GGUFTensorType)
  /// Of the writer: a value that is not finite has no place in a block.
  case notFinite(tensor: String, position: Int)
  /// Of the writer: the key or name was added before.
  case alreadyAdded(String)

  public var failureKind: FailureKind {
    switch self {
    case .malformed, .wrongValueType: .badData
    case .noSuchKey, .noSuchTensor, .notDequantizable: .missingInput
    case .noSuchRows, .invalidTensor, .notQuantizable, .notFinite, .alreadyAdded: .failed
    }
  }

  public var description: String {
    switch self {
    case .malformed(let path, let offset, let part, let reason): "\(path): \(part) at byte \(offset): \(reason.text)"
    case .noSuchKey(let path, let key): "\(path): the metadata have no '\(key)'"
    case .wrongValueType(let path, let key, let expected, let found):
      "\(path): '\(key)' is \(found), expected \(expected)"
    case .noSuchTensor(let path, let tensor): "\(path): there is no tensor '\(tensor)'"
    case .notDequantizable(let path, let tensor, let type):
      "\(path): tensor '\(tensor)' has the type \(type.name), which is not supported; supported are "
        + GGUFTensorType.allCases.filter(\.isDequantizable).map(\.name).joined(separator: " ")
    case .noSuchRows(let path, let tensor, let rows, let count):
      "\(path): tensor '\(tensor)' has \(count) rows, asked for \(rows.lowerBound) to \(rows.upperBound)"
    case .invalidTensor(let tensor, let dimensions, let type, let values):
      "tensor '\(tensor)': \(values) values do not make a \(type.name) tensor of dimensions \(dimensions)"
    case .notQuantizable(let tensor, let type): "tensor '\(tensor)': \(type.name) cannot be written"
    case .notFinite(let tensor, let position): "tensor '\(tensor)': value \(position) is not finite and cannot be quantised"
    case .alreadyAdded(let name): "'\(name)' was added before"
    }
  }
}

extension GGUFError.Reason {
  var text: String {
    switch self {
    case .magic: "no GGUF file: it does not begin with 'GGUF'"
    case .version(let version): "version \(version) is not supported, only 2 and 3; convert the file anew"
    case .bigEndian: "the file is big-endian; convert it to little-endian"
    case .truncated(let needed, let available):
      "needs \(needed) bytes where the file has \(available) left; it is cut short or damaged"
    case .count(let count, let available): "\(count) items cannot lie in the \(available) bytes that are left"
    case .notUTF8: "not UTF-8"
    case .unknownValueType(let type): "unknown value type \(type); known are 0 to 12"
    case .boolean(let byte): "a Boolean is 0 or 1, found \(byte)"
    case .tooDeep: "arrays inside arrays, more than \(GGUFFile.maximumArrayDepth) deep"
    case .duplicate: "occurs twice"
    case .alignment: "must be a 32-bit power of two"
    case .dimensionCount(let count): "\(count) dimensions; at most \(GGUFFile.maximumDimensions) are allowed"
    case .tooManyElements: "more elements than can be counted"
    case .blocks(let dimension, let blockSize): "its first dimension, \(dimension), is no multiple of the block size \(blockSize)"
    case .unknownTensorType(let type): "unknown tensor type \(type)"
    case .misaligned(let offset, let alignment): "its data offset \(offset) is no multiple of \(alignment)"
    case .outside(let offset, let bytes, let available):
      "\(bytes) bytes at data offset \(offset) lie outside the \(available) bytes of data; the file is cut short or damaged"
    case .overlaps(let other): "overlaps tensor '\(other)'"
    }
  }
}
