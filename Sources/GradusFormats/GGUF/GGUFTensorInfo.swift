/// What a GGUF file says of one tensor.
public struct GGUFTensorInfo: Sendable, Equatable {
  public let name: String
  /// In GGUF's order: the first dimension is the one that runs fastest, so a matrix of 192 rows and 576 columns has
  /// `[576, 192]`. At most four; a scalar has none.
  public let dimensions: [Int]
  public let type: GGUFTensorType
  /// Where the tensor lies, in bytes from the start of the file.
  public let byteRange: Range<Int>

  /// The dimensions in the order of safetensors and of this library's tensors, rows first: `[192, 576]`.
  public var shape: [Int] { dimensions.reversed() }

  public var elementCount: Int { dimensions.reduce(1, *) }

  /// Elements that follow each other in a row: the first dimension, 1 for a scalar.
  public var rowLength: Int { dimensions.first ?? 1 }

  /// All dimensions but the first, multiplied.
  public var rowCount: Int { dimensions.dropFirst().reduce(1, *) }

  /// Bytes of a row: a whole number of blocks.
  public var bytesPerRow: Int { rowLength / type.blockSize * type.bytesPerBlock }
}
