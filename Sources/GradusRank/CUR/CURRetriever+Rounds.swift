import GradusCore
import GradusTensor

extension CURRetriever {
  /// The best `k` items of several rounds (ADACUR: Yadav et al., Findings of EMNLP 2023): after each round the decomposition is
  /// made anew for this query, with all items that were scored so far as its anchors, and predicts which to score next.
  ///
  /// The budget beyond the first items is shared evenly among the rounds. One round from the index's own anchors is
  /// ``search(_:k:budget:)`` with another order of the sums.
  ///
  /// - Parameters:
  ///   - budget: Scorer calls, the first items included.
  ///   - rounds: At least 1.
  ///   - first: Docnos of the items to be scored first, such as the best of a cheap first stage; nil for the index's anchors.
  /// - Throws: ``CURError``, `LinearAlgebraError`, and what the scorer throws.
  /// - Complexity: A round decomposes anchor queries x scored items and multiplies anchor queries x items.
  public func search(_ query: Query, k: Int, budget: Int, rounds: Int, first: [String]? = nil) throws -> Result {
    guard rounds >= 1 else { throw CURError.rounds(rounds) }
    let start = try first.map { try $0.map { docno -> Int in
      guard let number = numbers[docno] else { throw CURError.unknownAnchor(docno: docno) }
      return number
    } } ?? anchors
    guard !start.isEmpty, Set(start).count == start.count else {
      throw CURError.anchorItems(count: start.count, items: items.count)
    }
    guard budget > start.count || start.count == items.count else { throw CURError.budget(found: budget, anchors: start.count) }
    var scored = start
    var exact = try scores(of: start, for: query)
    let total = min(budget, items.count)
    for round in 0..<rounds where scored.count < total {
      // What is left, shared among the rounds that are left.
      let quota = (total - scored.count + rounds - round - 1) / (rounds - round)
      let prediction = try predicted(from: exact, of: scored)
      let known = Set(scored)
      let chosen = Ranking(qid: query.qid, bestOf: items.count, depth: quota + scored.count) {
        ScoredDocument(docno: items[$0].docno, score: prediction[$0])
      }.documents.compactMap { numbers[$0.docno] }.filter { !known.contains($0) }.prefix(quota)
      scored += chosen
      exact += try scores(of: Array(chosen), for: query)
    }
    let documents = zip(scored, exact).map { ScoredDocument(docno: items[$0].docno, score: $1) }
    return Result(
      documents: Ranking(qid: query.qid, documents: documents).prefix(k).documents, scorerCalls: scored.count)
  }

  /// Predicted scores of all items, in item order, from a query's scores for any of them.
  ///
  /// With R the scores of the anchor queries for all items and S its columns of the scored ones, the query is written as a
  /// combination x of anchor queries, `x S = exact`, and predicted as `x R`.
  func predicted(from exact: [Double], of scored: [Int]) throws -> [Double] {
    let s = scores.columns(scored)
    let combination: [Double]
    if case .ridge(let lambda) = solver, lambda > 0 {
      // x = exact (S^T S + lambda)^-1 S^T: s / (s^2 + lambda) for each singular value, without finding them.
      var gram = s.transposed * s
      for place in 0..<gram.rows { gram[place, place] += lambda }
      let weights = try gram.solve(symmetricPositive: exact)
      combination = (0..<s.rows).map { row in scored.indices.reduce(0) { $0 + s[row, $1] * weights[$1] } }
    } else {
      let inverse = try s.pseudoInverse(solver)
      combination = (0..<s.rows).map { row in scored.indices.reduce(0) { $0 + exact[$1] * inverse[$1, row] } }
    }
    return (Matrix(rows: 1, columns: combination.count, values: combination) * scores).values
  }
}
