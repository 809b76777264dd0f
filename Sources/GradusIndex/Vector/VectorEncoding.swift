import CGradusKernels

/// How an index stores the numbers of a vector.
public enum VectorEncoding: String, Sendable, Codable, CaseIterable {
  /// Four bytes a number, as given.
  case float32
  /// Two bytes: the nearest bfloat16, ties to even; magnitudes below 2^-50 become zero.
  case bfloat16
  /// One byte, and one scale a vector: the largest magnitude becomes 127.
  case int8

  var kernel: grd_vector_encoding {
    switch self {
    case .float32: GRD_VECTOR_FLOAT32
    case .bfloat16: GRD_VECTOR_BFLOAT16
    case .int8: GRD_VECTOR_INT8
    }
  }

  /// Bytes of a stored vector, padding to a multiple of 64 included.
  public func bytes(dimension: Int) -> Int { grd_vector_stride(kernel, dimension) }
}
