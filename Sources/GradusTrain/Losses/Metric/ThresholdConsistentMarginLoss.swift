import GradusTensor

/// The threshold-consistent margin: a term beside another loss that pulls hard positives above one fixed cosine and pushes hard
/// negatives below another, the same for all queries, so that one threshold serves them all (Zhang et al., ICLR 2024, arXiv
/// 2307.04047). ``OPIS`` measures what it is for.
///
///     L = base + positiveWeight mean over { s+ <= m+ } of (m+ - s+) + negativeWeight mean over { s- >= m- } of (s- - m-)
///
/// The means run over the hard pairs of the batch alone, so that the pressure does not fade as they become rare; an empty set
/// adds nothing. Pairs are a query with each of its relevant documents, and with each document of the batch that may be its
/// negative (``EmbeddingLoss``). A sample's share is that of its own pairs, times the number of samples: the mean over the
/// samples is the batch's term. Margins are cosines: look at the histogram of the model's before choosing them.
///
///     try ThresholdConsistentMarginLoss(InfoNCELoss(), positiveMargin: 0.7, negativeMargin: 0.4)
public struct ThresholdConsistentMarginLoss: EmbeddingLoss {
  /// Nil for the term alone.
  public let base: (any EmbeddingLoss)?
  public let positiveMargin: Double
  public let negativeMargin: Double
  public let positiveWeight: Double
  public let negativeWeight: Double

  /// - Throws: ``LossError/parameter(_:found:expected:)`` for margins that are no cosines or not in order, and weights below 0.
  public init(
    _ base: (any EmbeddingLoss)? = nil, positiveMargin: Double = 0.9, negativeMargin: Double = 0.5, positiveWeight: Double = 1,
    negativeWeight: Double = 1
  ) throws(LossError) {
    for (name, margin) in [("positive", positiveMargin), ("negative", negativeMargin)] where !(-1...1).contains(margin) {
      throw .parameter(name, found: margin, expected: "a cosine, from -1 to 1")
    }
    guard positiveMargin > negativeMargin else {
      throw .parameter("positive", found: positiveMargin, expected: "above the negatives' margin, \(negativeMargin)")
    }
    self.base = base
    self.positiveMargin = positiveMargin
    self.negativeMargin = negativeMargin
    self.positiveWeight = try notNegative("positive-weight", positiveWeight)
    self.negativeWeight = try notNegative("negative-weight", negativeWeight)
  }

  public var couplesSamples: Bool { true }
  public var needsGuide: Bool { base?.needsGuide ?? false }

  public func perSample(_ input: EmbeddingInput) throws -> Tensor {
    let relations = input.relations.rows
    let term = rowTerms(
      Similarity.cosine.matrix(input.queries, input.allDocuments), isPositive: relations.map { $0.map { $0 == .relevant } },
      isNegative: relations.map { $0.map { $0 == .negative } }) * Double(input.samples.count)
    guard let base else { return term }
    return try base.perSample(input) + term
  }

  /// Each row's part of the term, `[rows]`; their sum is the term.
  func rowTerms(_ cosines: Tensor, isPositive: [[Bool]], isNegative: [[Bool]]) -> Tensor {
    let columns = cosines.shape[1]
    let values = cosines.doubles()
    func shares(_ isMember: [[Bool]], _ weight: Double, _ isHard: (Double) -> Bool) -> Tensor {
      let hard = isMember.enumerated().flatMap { row, members in
        members.indices.map { members[$0] && isHard(values[row * columns + $0]) ? 1.0 : 0 }
      }
      let count = hard.reduce(0, +)
      return Tensor(count > 0 ? hard.map { $0 * weight / count } : hard, shape: cosines.shape).cast(to: cosines.type)
    }
    let below = shares(isPositive, positiveWeight) { $0 <= positiveMargin }
    let above = shares(isNegative, negativeWeight) { $0 >= negativeMargin }
    return (below * (positiveMargin - cosines) + above * (cosines - negativeMargin)).sum(axes: [1])
  }
}
