/// The element types of GGUF tensors: plain numbers, and blocks of quantised ones.
///
///     GGUFTensorType.q4_1.byteCount(576)   // 360: 18 blocks of 20 bytes
///
/// A tensor's first dimension is a whole number of blocks. The raw values are the file's own. Types that are read as
/// numbers by ``GGUFFile/floats(_:)`` are those with ``isDequantizable``; of all others the bytes can be had.
public enum GGUFTensorType: UInt32, Sendable, CaseIterable {
  case f32 = 0
  case f16 = 1
  case q4_0 = 2
  case q4_1 = 3
  case q5_0 = 6
  case q5_1 = 7
  case q8_0 = 8
  case q8_1 = 9
  case q2_K = 10
  case q3_K = 11
  case q4_K = 12
  case q5_K = 13
  case q6_K = 14
  case q8_K = 15
  case iq2_xxs = 16
  case iq2_xs = 17
  case iq3_xxs = 18
  case iq1_s = 19
  case iq4_nl = 20
  case iq3_s = 21
  case iq2_s = 22
  case iq4_xs = 23
  case i8 = 24
  case i16 = 25
  case i32 = 26
  case i64 = 27
  case f64 = 28
  case iq1_m = 29
  case bf16 = 30
  case tq1_0 = 34
  case tq2_0 = 35
  case mxfp4 = 39

  /// Elements that are stored together.
  public var blockSize: Int {
    switch self {
    case .f32, .f16, .bf16, .f64, .i8, .i16, .i32, .i64: 1
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q8_1, .iq4_nl, .mxfp4: 32
    case .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .q8_K, .iq2_xxs, .iq2_xs, .iq3_xxs, .iq1_s, .iq3_s, .iq2_s, .iq4_xs, .iq1_m,
      .tq1_0, .tq2_0:
      256
    }
  }

  /// Bytes of one block.
  public var bytesPerBlock: Int {
    switch self {
    case .i8: 1
    case .f16, .bf16, .i16: 2
    case .f32, .i32: 4
    case .f64, .i64: 8
    case .mxfp4: 17
    case .q4_0, .iq4_nl: 18
    case .q4_1: 20
    case .q5_0: 22
    case .q5_1: 24
    case .q8_0: 34
    case .q8_1: 40
    case .iq1_s: 50
    case .tq1_0: 54
    case .iq1_m: 56
    case .iq2_xxs, .tq2_0: 66
    case .iq2_xs: 74
    case .iq2_s: 82
    case .q2_K: 84
    case .iq3_xxs: 98
    case .q3_K, .iq3_s: 110
    case .iq4_xs: 136
    case .q4_K: 144
    case .q5_K: 176
    case .q6_K: 210
    case .q8_K: 292
    }
  }

  /// Whether this library turns the type into `Float`.
  public var isDequantizable: Bool {
    switch self {
    case .f32, .f16, .bf16, .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q4_K, .q5_K, .q6_K: true
    default: false
    }
  }

  /// Whether ``GGUFWriter`` makes the type from `Float`.
  public var isQuantizable: Bool {
    switch self {
    case .f32, .f16, .bf16, .q4_0, .q4_1, .q8_0: true
    default: false
    }
  }

  /// Bytes of so many elements; nil where they are no whole number of blocks, or more than can be counted.
  public func byteCount(_ elements: Int) -> Int? {
    guard elements >= 0, elements % blockSize == 0 else { return nil }
    let (bytes, overflow) = (elements / blockSize).multipliedReportingOverflow(by: bytesPerBlock)
    return overflow ? nil : bytes
  }

  /// The name that GGUF tools print, such as `Q4_1`.
  public var name: String {
    let text = String(describing: self)
    switch self {
    case .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .q8_K: return "Q" + text.dropFirst()
    default: return text.uppercased()
    }
  }
}
