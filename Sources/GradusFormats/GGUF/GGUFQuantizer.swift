/// Makes the bytes of GGUF tensors from numbers, by the rounding rules of the format's reference.
enum GGUFQuantizer {
  /// - Parameter values: Finite, and a whole number of the type's blocks; the type is one with
  ///   ``GGUFTensorType/isQuantizable``.
  static func bytes(_ type: GGUFTensorType, _ values: [Float]) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(values.count / type.blockSize * type.bytesPerBlock)
    for start in stride(from: 0, to: values.count, by: type.blockSize) {
      let block = values[start..<(start + type.blockSize)]
      switch type {
      case .f16: append(half(values[start]), to: &output)
      case .bf16: append(brain(values[start]), to: &output)
      case .q8_0: q8_0(block, &output)
      case .q4_0: q4_0(block, &output)
      case .q4_1: q4_1(block, &output)
      default: append(values[start].bitPattern, to: &output)
      }
    }
    return output
  }

  /// The largest magnitude becomes 127.
  private static func q8_0(_ block: ArraySlice<Float>, _ output: inout [UInt8]) {
    let scale = block.reduce(0) { max($0, $1.magnitude) } / 127
    let inverse = scale == 0 ? 0 : 1 / scale
    append(half(scale), to: &output)
    for value in block { output.append(UInt8(bitPattern: Int8((value * inverse).rounded(.toNearestOrAwayFromZero)))) }
  }

  /// The value of the largest magnitude becomes -8.
  private static func q4_0(_ block: ArraySlice<Float>, _ output: inout [UInt8]) {
    var extreme: Float = 0
    for value in block where value.magnitude > extreme.magnitude { extreme = value }
    let scale = extreme / -8
    let inverse = scale == 0 ? 0 : 1 / scale
    append(half(scale), to: &output)
    appendHalves(block.map { nibble($0 * inverse + 8.5) }, &output)
  }

  /// The smallest value becomes 0, the largest 15.
  private static func q4_1(_ block: ArraySlice<Float>, _ output: inout [UInt8]) {
    let (smallest, largest) = block.reduce((Float.infinity, -Float.infinity)) { (min($0.0, $1), max($0.1, $1)) }
    let scale = (largest - smallest) / 15
    let inverse = scale == 0 ? 0 : 1 / scale
    append(half(scale), to: &output)
    append(half(smallest), to: &output)
    appendHalves(block.map { nibble(($0 - smallest) * inverse + 0.5) }, &output)
  }

  /// A scale so small that its inverse is infinite gives infinities here; they are cut to the range like all else.
  private static func nibble(_ value: Float) -> UInt8 { value >= 15 ? 15 : value >= 1 ? UInt8(value) : 0 }

  private static func appendHalves(_ values: [UInt8], _ output: inout [UInt8]) {
    for index in 0..<16 { output.append(values[index] | values[index + 16] << 4) }
  }

  private static func append(_ value: some FixedWidthInteger, to output: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { output.append(contentsOf: $0) }
  }

  /// Single precision to bfloat16, ties to even.
  private static func brain(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
  }

  /// Single to half precision, ties to even, by bits: `Float16` is not there on every machine.
  static func half(_ value: Float) -> UInt16 {
    let sign = UInt16(value.bitPattern >> 16 & 0x8000)
    let magnitude = value.bitPattern & 0x7FFF_FFFF
    if magnitude > 0x7F80_0000 { return sign | 0x7E00 }
    // 65520 and more round to infinity.
    if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
    // Below the smallest normal half, adding a half's unit in the last place (as a float) rounds the value to it.
    if magnitude < 0x3880_0000 {
      let rounded = Float(bitPattern: magnitude) + 0.5
      return sign | UInt16(rounded.bitPattern &- Float(0.5).bitPattern)
    }
    let rounded = magnitude &+ 0xFFF &+ (magnitude >> 13 & 1)
    return sign | UInt16(truncatingIfNeeded: (rounded &- 0x3800_0000) >> 13)
  }
}
