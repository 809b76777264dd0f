#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// `KL(softmax(scores) || uniform) = sum_k p_k log(K p_k)`, between 0 and log K.
func divergenceFromUniform(_ scores: [Double]) -> Double {
  let largest = scores.max() ?? 0
  let terms = scores.map { exp($0 - largest) }
  let sum = terms.reduce(0, +)
  let logCount = log(Double(scores.count)), logSum = log(sum)
  let total = zip(scores, terms).reduce(0.0) { $0 + $1.1 / sum * ($1.0 - largest - logSum + logCount) }
  return min(max(total, 0), logCount)
}
