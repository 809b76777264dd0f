/// Takes away the classes that confuse a guess until it is certain in what is left (Yang et al., "Shrinking Class Space for
/// Enhanced Certainty in Semi-Supervised Learning", ICCV 2023).
///
/// With the probabilities in descending order `p_0 >= p_1 >= ...`, the classes ranked 1 to c - 1 are taken away, with the least
/// c from 2 on for which
///
///     p_0 / (p_0 + sum of p_c, p_(c+1), ...) >= threshold
///
/// or with c = C - 1 where none reaches it. The loop starts at 2: the runner-up always goes.
///
///     let shrunk = ClassSpaceShrinking(threshold: 0.95).shrink([0.6, 0.38, 0.01, 0.005, 0.005])
///     shrunk?.kept         // [0, 2, 3, 4]
///     shrunk?.confidence   // 0.967742
struct ClassSpaceShrinking: Sendable, Equatable {
  struct Shrunk: Sendable, Equatable {
    /// The guess, then the classes that are left, by probability.
    let kept: [Int]
    /// Of the guess in what is left.
    let confidence: Double
    /// Classes taken away.
    let removed: Int
  }

  let threshold: Double

  /// Nil for a guess that is certain among all classes, and for fewer than three classes, which leave nothing to take away.
  func shrink(_ probabilities: [Double]) -> Shrunk? {
    let count = probabilities.count
    guard count >= 3 else { return nil }
    let order = probabilities.indices.sorted { (probabilities[$0], -$0) > (probabilities[$1], -$1) }
    let top = probabilities[order[0]]
    guard top < threshold else { return nil }
    // suffix[c] is the sum of p_c to p_(C-1).
    var suffix = [Double](repeating: 0, count: count + 1)
    for place in stride(from: count - 1, through: 0, by: -1) { suffix[place] = suffix[place + 1] + probabilities[order[place]] }
    var cut = 2
    while cut < count - 1, top / (top + suffix[cut]) < threshold { cut += 1 }
    return Shrunk(kept: [order[0]] + order[cut...], confidence: top / (top + suffix[cut]), removed: cut - 1)
  }
}
