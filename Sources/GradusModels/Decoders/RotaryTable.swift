#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The angles of rotary embeddings, computed in `Double`.
struct RotaryTable: Sendable {
  /// Radians per position, for each pair of dimensions.
  let frequencies: [Double]

  init(_ configuration: DecoderConfiguration) {
    let size = configuration.rotarySize
    frequencies = (0..<size / 2).map { pair in
      let frequency = pow(configuration.rotaryBase, -Double(2 * pair) / Double(size))
      switch configuration.rotaryScaling {
      case .none: return frequency
      case .linear(let factor): return frequency / factor
      case .factors(let factors): return frequency / Double(factors[pair])
      case .llama3(let factor, let low, let high, let positions):
        let turns = Double(positions) * frequency / (2 * Double.pi)  // over the original context
        if turns < low { return frequency / factor }
        if turns > high { return frequency }
        let kept = (turns - low) / (high - low)
        return (1 - kept) * frequency / factor + kept * frequency
      }
    }
  }

  /// Writes the cosines and sines of one position.
  func write(position: Int, cosines: UnsafeMutablePointer<Float>, sines: UnsafeMutablePointer<Float>) {
    for (pair, frequency) in frequencies.enumerated() {
      let angle = Double(position) * frequency
      cosines[pair] = Float(cos(angle))
      sines[pair] = Float(sin(angle))
    }
  }
}
