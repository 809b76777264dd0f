import CGradusKernels

/// How a linear layer's products are computed in training.
public enum ProductPrecision: String, Sendable, Codable, CaseIterable {
  /// Single precision throughout.
  case fp32
  /// Operands rounded to bf16, sums in fp32; weights, their gradients and the optimizer's state stay fp32. Faster than fp32
  /// where the processor's bf16 instructions are (AMD Zen 4 and later: about twice its rate; Intel without AMX: about its
  /// rate, with less traffic).
  case bf16
  /// Operands scaled by powers of two, row by row or panel by panel, and rounded to half precision; products summed in half
  /// precision in chains of 32, the chains in fp32. Weights, their gradients and the optimizer's state stay fp32. Errors are
  /// about a third of bf16's, since a number has eleven bits instead of eight. About twice the rate of fp32 with AVX512-FP16
  /// (Intel from Sapphire Rapids on); without it the products are emulated, hundreds of times slower.
  case fp16

  /// Whether this processor has instructions for the products; without them they are emulated, with the same bits.
  public var isNative: Bool {
    switch self {
    case .fp32: true
    case .bf16: grd_encoder_strongest_level().rawValue >= GRD_ENCODER_AVX512_BF16.rawValue
    case .fp16: grd_fp16_strongest_level() != GRD_FP16_PORTABLE
    }
  }
}
