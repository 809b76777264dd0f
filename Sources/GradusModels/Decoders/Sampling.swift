import CGradusKernels
import GradusCore

/// How the next token is chosen from its logits.
///
///     let options = GenerationOptions(maximumTokens: 64, sampling: .random(temperature: 0.7, topK: 40, topP: 0.95), seed: 7)
public enum Sampling: Sendable, Equatable {
  /// The most probable token; of equal ones the smallest id.
  case greedy
  /// By chance: logits divided by `temperature`, then the `topK` best (nil: all), then the fewest of those whose
  /// probabilities sum to `topP`, renormalised.
  case random(temperature: Double, topK: Int? = nil, topP: Double = 1)

  /// - Throws: ``DecoderError/option(name:value:allowed:)``.
  func check() throws(DecoderError) {
    guard case .random(let temperature, let topK, let topP) = self else { return }
    guard temperature > 0, temperature.isFinite else {
      throw .option(name: "temperature", value: "\(temperature)", allowed: "above 0; greedy takes the most probable token")
    }
    if let topK, topK < 1 { throw .option(name: "topK", value: "\(topK)", allowed: "1 or more") }
    guard topP > 0, topP <= 1 else { throw .option(name: "topP", value: "\(topP)", allowed: "above 0, at most 1") }
  }

  /// One of the candidates, which are in ascending order.
  func choose(_ candidates: [Int32], _ logits: [Float], _ generator: inout SeededGenerator) -> Int32 {
    guard case .random(let temperature, let topK, let topP) = self else {
      var best = candidates[0]
      for token in candidates where logits[Int(token)] > logits[Int(best)] { best = token }
      return best
    }
    var sorted = candidates
    sorted.sort { (logits[Int($0)], $1) > (logits[Int($1)], $0) }
    if let topK { sorted.removeLast(max(0, sorted.count - topK)) }
    let largest = Double(logits[Int(sorted[0])])
    let weights = sorted.map { exponential((Double(logits[Int($0)]) - largest) / temperature) }
    let total = weights.reduce(0, +)
    var kept = 0, mass = 0.0
    while kept < weights.count, kept == 0 || mass < topP * total {
      mass += weights[kept]
      kept += 1
    }
    var left = generator.uniform() * mass
    for (token, weight) in zip(sorted, weights).prefix(kept) {
      left -= weight
      if left < 0 { return token }
    }
    return sorted[kept - 1]
  }
}

/// log(sum(exp(logits))).
func logSumExp(_ logits: UnsafeBufferPointer<Float>) -> Double { grd_log_sum_exp(logits.baseAddress, logits.count) }

/// The same over some tokens.
func logSumExp(_ logits: [Float], over tokens: [Int32]) -> Double {
  tokens.count == logits.count
    ? logits.withUnsafeBufferPointer { logSumExp($0) }
    : tokens.map { logits[Int($0)] }.withUnsafeBufferPointer { logSumExp($0) }
}
