import GradusTensor

/// Ordinal regression: grades 0 to K - 1 as K - 1 questions "is the grade above k?".
///
/// Needs a scorer with one logit f_k a threshold, the log-odds of a grade above k: ``OrdinalScorer`` puts learned, ordered
/// thresholds on any scorer with one logit. A sample has the mean over its documents.
///
///     coral       sum_k BCE(sigmoid(f_k), [y > k])           Cao, Mirjalili and Raschka, 2020; allRank's ordinal loss
///     corn        sum_{k <= y} BCE(sigmoid(f_k), [y > k])    Shi, Cao and Raschka, 2023: question k is asked of those
///                                                            above k - 1 only; f_k is conditional
///     cumulative  -log( sigmoid(f_{y-1}) - sigmoid(f_y) )    McCullagh, 1980: proportional odds; logits in order
///
///     try OrdinalLoss(levels: 4, kind: .cumulative)
public struct OrdinalLoss: RankingLoss, Equatable {
  /// Rows of the table above.
  public enum Kind: String, Sendable, CaseIterable {
    case coral
    case corn
    case cumulative
  }

  /// Grades from 0 to `levels - 1`.
  public let levels: Int
  public let kind: Kind

  /// - Throws: ``LossError/parameter(_:found:expected:)`` for fewer than 2 grades.
  public init(levels: Int, kind: Kind = .coral) throws(LossError) {
    guard (2...1000).contains(levels) else {
      throw .parameter("levels", found: Double(levels), expected: "2 or more grades (1000 at most)")
    }
    self.levels = levels
    self.kind = kind
  }

  public var logitsPerDocument: Int { levels - 1 }

  /// - Throws: ``LossError/documentLabel(loss:qid:docno:label:expected:)`` for a label that is not one of the grades.
  public func perSample(_ input: LossInput) throws -> Tensor {
    let logits = try input.logits(levels - 1, for: self)
    try input.requireLabels(for: self, "that are whole grades from 0 to \(levels - 1)") { label in
      label >= 0 && label <= Double(levels - 1) && label == label.rounded()
    }
    let grades = input.samples.flatMap { $0.documents.map { Int($0.label) } }
    if kind == .cumulative { return cumulative(logits, grades).mean(axes: [1]) }
    let thresholds = 0..<levels - 1
    let isAbove = Tensor(grades.flatMap { grade in thresholds.map { grade > $0 ? 1.0 : 0 } }, shape: logits.shape)
      .cast(to: logits.type)
    var terms = logits.softplus() - logits * isAbove
    if kind == .corn {
      let isAsked = grades.flatMap { grade in thresholds.map { $0 <= grade ? 1.0 : 0 } }
      terms = terms * Tensor(isAsked, shape: logits.shape).cast(to: logits.type)
    }
    return terms.sum(axes: [2]).mean(axes: [1])
  }

  /// `[samples, documents]`. In logits that are "above k" the cumulative probabilities of the classes from below are
  /// `sigmoid(-f_k)`.
  private func cumulative(_ logits: Tensor, _ grades: [Int]) -> Tensor {
    let count = grades.count
    let losses = CumulativeLogitLoss().values(-logits.reshaped(to: [count, levels - 1]), classes: grades)
    return losses.reshaped(to: Array(logits.shape.prefix(2)))
  }
}
