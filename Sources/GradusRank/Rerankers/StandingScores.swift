import GradusCore

/// Numbers for scores that leave nothing but an order to compare.
public enum StandingScores {
  /// A number for each candidate, in input order, that orders as `CandidateScore.standing` and then the score do: the model's
  /// score of what it read to the end, and from there up or down by 1 a candidate for what left early. Where nothing left, the
  /// scores as they are.
  ///
  /// - Parameter scores: Of `candidates`.
  public static func numbers(_ scores: [CandidateScore], of candidates: [Candidate]) -> [Double] {
    guard scores.contains(where: { $0.exit != nil }) else { return scores.map(\.score) }
    var order = RescoredOrder(candidates)
    order.apply(scores)
    var numbers = [Double](repeating: 0, count: scores.count)
    for (position, score) in zip(order.order, order.headScores) { numbers[position] = score }
    return numbers
  }
}
