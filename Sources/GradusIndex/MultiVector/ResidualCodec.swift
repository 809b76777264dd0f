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
  /// What the codes of each byte stand for: `[256][8 / bits]`.
  private let table: [Float]

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
    table = Self.table(bits, values)
  }

  /// - Parameter levels: Cut-offs, then values, as ``levels`` has them.
  init?(bits: Int, dimension: Int, levels: [Float]) {
    let codes = 1 << bits
    guard levels.count == 2 * codes - 1, levels.allSatisfy(\.isFinite) else { return nil }
    self.bits = bits
    self.dimension = dimension
    cutoffs = Array(levels[..<(codes - 1)])
    values = Array(levels[(codes - 1)...])
    table = Self.table(bits, values)
  }

  var levels: [Float] { cutoffs + values }
  var bytes: Int { dimension * bits / 8 }

  /// Writes the codes of what a centroid leaves of a vector: number i in bits [i * bits, (i + 1) * bits) of a little-endian bit
  /// stream of ``bytes`` bytes.
  ///
  /// - Returns: How many numbers lie beyond the outermost levels.
  func encode(
    _ vector: UnsafePointer<Float>, centroid: UnsafePointer<Float>, into bytes: UnsafeMutablePointer<UInt8>
  ) -> Int {
    let perByte = 8 / bits
    let (lowest, highest) = (values[0], values[values.count - 1])
    var clipped = 0
    cutoffs.withUnsafeBufferPointer { cutoffs in
      for start in stride(from: 0, to: dimension, by: perByte) {
        var byte: UInt8 = 0
        for place in 0..<perByte {
          let value = vector[start + place] - centroid[start + place]
          var code = 0
          while code < cutoffs.count, value > cutoffs[code] { code += 1 }
          byte |= UInt8(code << (place * bits))
          if value < lowest || value > highest { clipped += 1 }
        }
        bytes[start / perByte] = byte
      }
    }
    return clipped
  }

  private static func table(_ bits: Int, _ values: [Float]) -> [Float] {
    (0..<256).flatMap { byte in (0..<8 / bits).map { values[byte >> ($0 * bits) & ((1 << bits) - 1)] } }
  }

  /// out = centroid + residual, brought to unit length.
  func decode(_ code: UnsafePointer<UInt8>, centroid: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>) {
    switch bits {
    case 1: decode(code, centroid, out, as: SIMD8<Float>.self)
    case 2: decode(code, centroid, out, as: SIMD4<Float>.self)
    default: decode(code, centroid, out, as: SIMD2<Float>.self)
    }
  }

  /// - Parameter group: The numbers of a byte.
  @inline(__always)
  private func decode<Group: SIMD & BitwiseCopyable>(
    _ code: UnsafePointer<UInt8>, _ centroid: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, as group: Group.Type
  ) where Group.Scalar == Float {
    let width = Group.scalarCount
    let from = UnsafeRawPointer(centroid), to = UnsafeMutableRawPointer(out)
    var squares = Group.zero
    table.withUnsafeBytes { table in
      for number in 0..<dimension / width {
        let offset = 4 * width * number
        let residual = table.loadUnaligned(fromByteOffset: 4 * width * Int(code[number]), as: Group.self)
        let value = from.loadUnaligned(fromByteOffset: offset, as: Group.self) + residual
        to.storeBytes(of: value, toByteOffset: offset, as: Group.self)
        squares += value * value
      }
    }
    let sum = squares.sum()
    let factor = sum > 0 ? 1 / sum.squareRoot() : 0
    for place in 0..<dimension { out[place] *= factor }
  }
}
