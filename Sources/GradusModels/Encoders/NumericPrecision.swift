import CGradusKernels

/// The arithmetic of an encoder in inference.
///
///     let model = try BiEncoder(folder: folder).prepared(for: .bf16)
public enum NumericPrecision: String, Sendable, Codable, CaseIterable {
  /// Single precision throughout; within 1e-5 of the path that trains.
  case fp32
  /// Weights and the inputs of products in bfloat16, sums and norms in single precision.
  case bf16
  /// Projections in int8: weights with a scale for each output, activations with a scale for each token. Attention as in bf16.
  case int8

  var kernelValue: grd_encoder_precision {
    switch self {
    case .fp32: GRD_ENCODER_FP32
    case .bf16: GRD_ENCODER_BF16
    case .int8: GRD_ENCODER_INT8
    }
  }

  /// Whether this processor has instructions for the products; without them, they are emulated in single precision or in
  /// 16-bit integers, with the same bits and more slowly.
  public var isNative: Bool {
    switch self {
    case .fp32: true
    case .bf16: grd_encoder_strongest_level().rawValue >= GRD_ENCODER_AVX512_BF16.rawValue
    #if arch(arm64)
    case .int8: grd_encoder_strongest_level() == GRD_ENCODER_NEON_DOT
    #else
    case .int8: grd_encoder_strongest_level().rawValue >= GRD_ENCODER_AVX512_VNNI.rawValue
    #endif
    }
  }
}
