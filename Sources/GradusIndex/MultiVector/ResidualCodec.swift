/// What is left of a token's vector when its centroid is taken off, in 1, 2 or 4 bits a number.
///
/// The levels are quantiles of the residuals' numbers, all dimensions together: each code is used equally often.
struct ResidualCodec: Equatable {
  let bits: Int
  let dimension: Int
  /// Between the codes, ascending: `2^bits - 1` of them.
  let cutoffs: [Float]
  /// What a code stands for, ascending: `2^bits`.
  let values: [Float]

  /// - Parameter residuals: Numbers of residuals from which the quantiles are taken; not empty.
  init(bits: Int, dimension: Int, residuals: [Float]) {
    let sorted = residuals.sorted()
    func quantile(_ part: Double) -> Float {
      let place = part * Double(sorted.count - 1)
      let low = Int(place), high = min(low + 1, sorted.count - 1)
      return sorted[low] + Float(place - Double(low)) * (sorted[high] - sorted[low])
    }
    let codes = 1 << bits
    self.bits = bits
    self.dimension = dimension
    cutoffs = (1..<codes).map { quantile(Double($0) / Double(codes)) }
    values = (0..<codes).map { quantile((Double($0) + 0.5) / Double(codes)) }
  }

  /// - Parameter levels: Cut-offs, then values, as ``levels`` has them.
  init?(bits: Int, dimension: Int, levels: [Float]) {
    let codes = 1 << bits
    guard levels.count == 2 * codes - 1, levels.allSatisfy(\.isFinite) else { return nil }
    self.bits = bits
    self.dimension = dimension
    cutoffs = Array(levels[..<(codes - 1)])
    values = Array(levels[(codes - 1)...])
  }

  var levels: [Float] { cutoffs + values }
  var bytes: Int { dimension * bits / 8 }

  /// Number i in bits [i * bits, (i + 1) * bits) of a little-endian bit stream.
  func encode(_ residual: [Float], into bytes: inout [UInt8]) {
    let perByte = 8 / bits
    for start in stride(from: 0, to: dimension, by: perByte) {
      var byte: UInt8 = 0
      for place in 0..<perByte {
        let value = residual[start + place]
        var code = 0
        while code < cutoffs.count, value > cutoffs[code] { code += 1 }
        byte |= UInt8(code << (place * bits))
      }
      bytes.append(byte)
    }
  }

  /// out = centroid + residual, brought to unit length.
  func decode(
    _ code: UnsafeBufferPointer<UInt8>, centroid: UnsafeBufferPointer<Float>, into out: UnsafeMutableBufferPointer<Float>
  ) {
    let perByte = 8 / bits, mask = UInt8((1 << bits) - 1)
    var squares: Float = 0
    values.withUnsafeBufferPointer { values in
      for (number, byte) in code.enumerated() {
        for place in 0..<perByte {
          let at = number * perByte + place
          let value = centroid[at] + values[Int(byte >> UInt8(place * bits) & mask)]
          out[at] = value
          squares += value * value
        }
      }
    }
    let factor = squares > 0 ? 1 / squares.squareRoot() : 0
    for place in 0..<dimension { out[place] *= factor }
  }
}
