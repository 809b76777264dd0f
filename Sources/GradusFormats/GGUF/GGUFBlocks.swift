/// The values that stand in blocks of quantised numbers, by the definitions of the format: one rounding per operation, in
/// the order of the reference, and no fused multiply-add.
enum GGUFBlocks {
  /// - Parameter bytes: Whole blocks of a type with ``GGUFTensorType/isDequantizable``.
  static func floats(_ type: GGUFTensorType, _ bytes: UnsafeRawBufferPointer) -> [Float] {
    let blocks = bytes.count / type.bytesPerBlock
    let count = blocks * type.blockSize
    return [Float](unsafeUninitializedCapacity: count) { output, initialized in
      defer { initialized = count }
      guard let base = bytes.baseAddress, let start = output.baseAddress else { return }
      for block in 0..<blocks {
        let source = base + block * type.bytesPerBlock
        let target = start + block * type.blockSize
        switch type {
        case .f32: target.initialize(to: Float(bitPattern: integer(source, 0)))
        case .f16: target.initialize(to: half(source, 0))
        case .bf16: target.initialize(to: Float(bitPattern: UInt32(integer(source, 0) as UInt16) << 16))
        case .q8_0: q8_0(source, target)
        case .q4_0: q4_0(source, target)
        case .q4_1: q4_1(source, target)
        case .q5_0: q5_0(source, target)
        case .q5_1: q5_1(source, target)
        case .q4_K: q4_K(source, target)
        case .q5_K: q5_K(source, target)
        case .q6_K: q6_K(source, target)
        default: target.initialize(repeating: .nan, count: type.blockSize)
        }
      }
    }
  }


  private static func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ source: UnsafeRawPointer, _ offset: Int
  ) -> Integer {
    Integer(littleEndian: source.loadUnaligned(fromByteOffset: offset, as: Integer.self))
  }

  private static func half(_ source: UnsafeRawPointer, _ offset: Int) -> Float {
    SafetensorsFile.widen(half: integer(source, offset))
  }

  private static func byte(_ source: UnsafeRawPointer, _ offset: Int) -> Int {
    Int(source.load(fromByteOffset: offset, as: UInt8.self))
  }

  /// Scale, then 32 signed bytes.
  private static func q8_0(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let scale = half(source, 0)
    for index in 0..<32 {
      (target + index).initialize(to: scale * Float(source.load(fromByteOffset: 2 + index, as: Int8.self)))
    }
  }

  /// Scale, then 16 bytes: element i in the low half of byte i, element i + 16 in its high half; 8 is zero.
  private static func q4_0(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let scale = half(source, 0)
    for index in 0..<16 {
      let pair = byte(source, 2 + index)
      (target + index).initialize(to: scale * Float(pair & 15 - 8))
      (target + index + 16).initialize(to: scale * Float(pair >> 4 - 8))
    }
  }

  /// Scale and minimum, then 16 bytes as in Q4_0.
  private static func q4_1(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let scale = half(source, 0)
    let minimum = half(source, 2)
    for index in 0..<16 {
      let pair = byte(source, 4 + index)
      (target + index).initialize(to: scale * Float(pair & 15) + minimum)
      (target + index + 16).initialize(to: scale * Float(pair >> 4) + minimum)
    }
  }

  /// Scale, 32 fifth bits, then 16 bytes as in Q4_0; 16 is zero.
  private static func q5_0(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let scale = half(source, 0)
    let high: UInt32 = integer(source, 2)
    for index in 0..<16 {
      let pair = byte(source, 6 + index)
      let first = pair & 15 | Int(high >> UInt32(index) & 1) << 4
      let second = pair >> 4 | Int(high >> UInt32(index + 16) & 1) << 4
      (target + index).initialize(to: scale * Float(first - 16))
      (target + index + 16).initialize(to: scale * Float(second - 16))
    }
  }

  /// Scale and minimum, 32 fifth bits, then 16 bytes as in Q4_0.
  private static func q5_1(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let scale = half(source, 0)
    let minimum = half(source, 2)
    let high: UInt32 = integer(source, 4)
    for index in 0..<16 {
      let pair = byte(source, 8 + index)
      let first = pair & 15 | Int(high >> UInt32(index) & 1) << 4
      let second = pair >> 4 | Int(high >> UInt32(index + 16) & 1) << 4
      (target + index).initialize(to: scale * Float(first) + minimum)
      (target + index + 16).initialize(to: scale * Float(second) + minimum)
    }
  }

  /// The six-bit scale and minimum of one of the eight groups of a K block; they lie in 12 bytes.
  private static func scaleAndMinimum(_ source: UnsafeRawPointer, _ group: Int) -> (scale: Float, minimum: Float) {
    if group < 4 { return (Float(byte(source, group) & 63), Float(byte(source, group + 4) & 63)) }
    let low = byte(source, group + 4)
    return (
      Float(low & 15 | (byte(source, group - 4) >> 6) << 4),
      Float(low >> 4 | (byte(source, group) >> 6) << 4)
    )
  }

  /// Two scales for scales and minimums, 12 bytes of these, then 4 times 32 bytes with two groups of 32 each.
  private static func q4_K(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let scaleOfScales = half(source, 0)
    let scaleOfMinimums = half(source, 2)
    for group in 0..<8 {
      let (scale, minimum) = scaleAndMinimum(source + 4, group)
      let (step, base) = (scaleOfScales * scale, scaleOfMinimums * minimum)
      for index in 0..<32 {
        let pair = byte(source, 16 + group / 2 * 32 + index)
        let value = group % 2 == 0 ? pair & 15 : pair >> 4
        (target + group * 32 + index).initialize(to: step * Float(value) - base)
      }
    }
  }

  /// As Q4_K, with 32 bytes of fifth bits before the rest: bit g of byte i belongs to element i of group g.
  private static func q5_K(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let scaleOfScales = half(source, 0)
    let scaleOfMinimums = half(source, 2)
    for group in 0..<8 {
      let (scale, minimum) = scaleAndMinimum(source + 4, group)
      let (step, base) = (scaleOfScales * scale, scaleOfMinimums * minimum)
      for index in 0..<32 {
        let pair = byte(source, 48 + group / 2 * 32 + index)
        let low = group % 2 == 0 ? pair & 15 : pair >> 4
        let value = low | (byte(source, 16 + index) >> group & 1) << 4
        (target + group * 32 + index).initialize(to: step * Float(value) - base)
      }
    }
  }

  /// 128 bytes of low halves, 64 of two high bits each, 16 signed scales, and their scale; 32 is zero.
  private static func q6_K(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let scaleOfScales = half(source, 208)
    for element in 0..<256 {
      let (part, place) = (element / 128, element % 128)
      let pair = byte(source, part * 64 + place % 64)
      let low = place < 64 ? pair & 15 : pair >> 4
      let high = byte(source, 128 + part * 32 + place % 32) >> (place / 32 * 2) & 3
      let step = scaleOfScales * Float(source.load(fromByteOffset: 192 + element / 16, as: Int8.self))
      (target + element).initialize(to: step * Float((low | high << 4) - 32))
    }
  }
}
