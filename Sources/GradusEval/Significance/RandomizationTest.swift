import GradusCore

/// Fisher's randomisation test on the sum of differences under random signs.
enum RandomizationTest {
  static let exactLimit = 20
  /// Permutations of one piece of work; fixed, so that the random streams do not depend on the number of threads.
  private static let pieceSize = 1024

  /// Sums that differ from the observed one by rounding alone count as equally extreme.
  private static func threshold(_ differences: [Double]) -> Double {
    abs(differences.reduce(0, +)) - 1e-12 * differences.reduce(0) { $0 + abs($1) }
  }

  /// Share of the `2^n` assignments of signs whose sum is as extreme as the observed one.
  ///
  /// Sums of the two halves are tabulated, so each of the at most 2^20 sums is one addition.
  static func exact(_ differences: [Double]) -> Double {
    let limit = threshold(differences)
    let half = differences.count / 2
    let low = signedSums(differences[..<half])
    let high = signedSums(differences[half...])
    var extreme = 0
    for first in high { for second in low where abs(first + second) >= limit { extreme += 1 } }
    return Double(extreme) / Double(low.count * high.count)
  }

  private static func signedSums(_ values: ArraySlice<Double>) -> [Double] {
    var sums = [0.0]
    for value in values { sums = sums.map { $0 + value } + sums.map { $0 - value } }
    return sums
  }

  static func sampled(_ differences: [Double], permutations: Int, seed: UInt64, pool: WorkerPool) -> Double {
    let limit = threshold(differences)
    let generator = SeededGenerator(seed: seed)
    let pieces = (permutations + pieceSize - 1) / pieceSize
    var extremes = [Int](repeating: 0, count: pieces)
    extremes.withUnsafeMutableBufferPointer { buffer in
      nonisolated(unsafe) let extremes = buffer
      pool.forEach(count: pieces) { piece in
        var stream = generator.stream("randomization", piece)
        var extreme = 0
        for _ in 0..<min(pieceSize, permutations - piece * pieceSize) {
          if abs(randomlySignedSum(differences, &stream)) >= limit { extreme += 1 }
        }
        extremes[piece] = extreme
      }
    }
    return Double(1 + extremes.reduce(0, +)) / Double(1 + permutations)
  }

  /// One random bit a difference, which goes straight into its sign.
  private static func randomlySignedSum(_ differences: [Double], _ generator: inout SeededGenerator) -> Double {
    var sum = 0.0
    var bits: UInt64 = 0
    for (index, difference) in differences.enumerated() {
      if index & 63 == 0 { bits = generator.next() }
      sum += Double(bitPattern: difference.bitPattern ^ (bits << 63))
      bits >>= 1
    }
    return sum
  }
}
