import GradusTensor

/// Consistency of two views of unlabelled samples, in a class space shrunk until the guess is certain (ShrinkMatch, ICCV 2023).
///
///     L_i = cross-entropy of the guess among the classes that are left, on the strong view's logits of an auxiliary head
///     w_i = p_0 where the guess became certain, 0 where it did not, or was certain from the start
///     loss = sum of w_i L_i over the uncertain samples, divided by the number of all samples
///
/// The trainer's business is the mean, so this gives `w_i L_i` for each sample. The auxiliary head is there because the shrunk
/// loss hurts the main one; it is dropped after training. In ranking the classes are the candidates of a query and the
/// probabilities a softmax over the list: near-ties of the top candidate, the likely false negatives, are never punished.
///
///     let loss = try ShrinkConsistencyLoss()
///     let result = try loss.perSample(targets: weakProbabilities, logits: strongLogits)
///     result.losses          // [samples]
///     result.certainShare    // of samples that were certain without shrinking
public struct ShrinkConsistencyLoss: Sendable, Equatable {
  /// The losses of a batch, and what became of its samples.
  public struct Result {
    /// `[samples]`; differentiable in the logits.
    public let losses: Tensor
    /// Classes that were taken away, 0 for a sample that was certain from the start.
    public let removed: [Int]
    public let weights: [Double]
    /// Share of samples that were certain from the start.
    public let certainShare: Double
    /// Share of samples that were certain from the start or became so.
    public let usedShare: Double
  }

  public let threshold: Double
  /// Weighs an uncertain sample by the probability of its guess, and drops it where the smallest space is not certain either:
  /// the first reweighting principle. Without it every uncertain sample weighs 1.
  public let weighsByConfidence: Bool

  /// - Throws: ``WeightingError/parameter(name:found:expected:)`` for a threshold outside `(0.5, 1)`.
  public init(threshold: Double = 0.95, weighsByConfidence: Bool = true) throws(WeightingError) {
    guard threshold > 0.5 && threshold < 1 else {
      throw .parameter(name: "the threshold of certainty", found: threshold, expected: "between 0.5 and 1")
    }
    self.threshold = threshold
    self.weighsByConfidence = weighsByConfidence
  }

  /// - Parameters:
  ///   - targets: Probabilities of the weak view, one row a sample; plain numbers, so that no gradient flows into them.
  ///   - logits: Of the auxiliary head on the strong view, `[samples, classes]`.
  /// - Throws: ``LossError/shape(expected:found:)``; ``WeightingError/parameter(name:found:expected:)`` for a row that does not
  ///   sum to 1.
  public func perSample(targets: [[Double]], logits: Tensor) throws -> Result {
    let classes = try Self.check(targets, logits)
    let shrinking = ClassSpaceShrinking(threshold: threshold)
    var removed: [Int] = []
    var weights: [Double] = []
    var guesses: [Int32] = []
    // What is taken away gets a logit so low that its share is exactly 0.
    var penalties = [Double](repeating: 0, count: targets.count * classes)
    var certain = 0
    for (sample, row) in targets.enumerated() {
      let guess = row.indices.dropFirst().reduce(0) { row[$1] > row[$0] ? $1 : $0 }
      guesses.append(Int32(guess))
      if row[guess] >= threshold { certain += 1 }
      guard let shrunk = shrinking.shrink(row) else {
        removed.append(0)
        weights.append(0)
        continue
      }
      removed.append(shrunk.removed)
      weights.append(weighsByConfidence ? (shrunk.confidence >= threshold ? row[guess] : 0) : 1)
      let kept = Set(shrunk.kept)
      for position in 0..<classes where !kept.contains(position) { penalties[sample * classes + position] = -1e9 }
    }
    let shape = [targets.count, classes]
    let masked = logits + Tensor(penalties, shape: shape).cast(to: logits.type)
    let losses = crossEntropy(masked, targets: Tensor(indices: guesses, shape: [guesses.count]))
    return Result(
      losses: losses * Tensor(weights, shape: [weights.count]).cast(to: logits.type), removed: removed, weights: weights,
      certainShare: Double(certain) / Double(targets.count),
      usedShare: Double(certain + weights.count { $0 > 0 }) / Double(targets.count))
  }

  /// The number of classes, if rows and logits agree and every row is a distribution.
  static func check(_ targets: [[Double]], _ logits: Tensor) throws -> Int {
    guard let classes = targets.first?.count, logits.shape == [targets.count, classes] else {
      throw LossError.shape(expected: [targets.count, targets.first?.count ?? 0], found: logits.shape)
    }
    for row in targets {
      let sum = row.reduce(0, +)
      guard row.count == classes, abs(sum - 1) < 1e-4, row.allSatisfy({ $0 >= 0 }) else {
        throw WeightingError.parameter(name: "the sum of a row of probabilities", found: sum, expected: "1")
      }
    }
    return classes
  }
}

/// Consistency of two views of unlabelled samples whose guess is certain (Sohn et al., FixMatch, NeurIPS 2020): the baseline
/// of ``ShrinkConsistencyLoss``, and its first part.
///
///     loss_i = cross-entropy of the strong view's logits with the weak view's probabilities where their largest reaches the
///              threshold, 0 elsewhere
///
///     try FixMatchLoss(isSoft: false).perSample(targets: weakProbabilities, logits: strongLogits)
public struct FixMatchLoss: Sendable, Equatable {
  public let threshold: Double
  /// All probabilities as targets, or the guess alone.
  public let isSoft: Bool

  /// - Throws: ``WeightingError/parameter(name:found:expected:)`` for a threshold outside `(0.5, 1)`.
  public init(threshold: Double = 0.95, isSoft: Bool = true) throws(WeightingError) {
    guard threshold > 0.5 && threshold < 1 else {
      throw .parameter(name: "the threshold of certainty", found: threshold, expected: "between 0.5 and 1")
    }
    self.threshold = threshold
    self.isSoft = isSoft
  }

  /// - Returns: `[samples]`.
  /// - Throws: as ``ShrinkConsistencyLoss/perSample(targets:logits:)``.
  public func perSample(targets: [[Double]], logits: Tensor) throws -> Tensor {
    let classes = try ShrinkConsistencyLoss.check(targets, logits)
    let rows = targets.map { row -> [Double] in
      let top = row.max() ?? 0
      guard top >= threshold else { return row.map { _ in 0 } }
      guard !isSoft else { return row }
      let guess = row.firstIndex(of: top)
      return row.indices.map { $0 == guess ? 1 : 0 }
    }
    let shares = Tensor(rows.flatMap { $0 }, shape: [rows.count, classes]).cast(to: logits.type)
    return -(shares * logits.logSoftmax()).sum(axes: [1])
  }
}
