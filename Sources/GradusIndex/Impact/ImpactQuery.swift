import GradusCore

/// A query's terms, found in the dictionary and put in the order in which their contributions are added: by what they can
/// contribute at most, the greatest first, and by bytes among equals. The order depends on the query and the index alone, so sums
/// have the same bits whatever is skipped.
struct ImpactQuery {
  struct Term {
    let entry: TermEntry
    /// Place in the dictionary, which is in byte order.
    let number: Int
    /// Weight in the query.
    let queryWeight: Double
    /// The same times the index's scale: what an impact of 1 contributes.
    let weight: Double
    let greatestImpact: Int

    var bound: Double { weight * Double(greatestImpact) }
  }

  private(set) var terms: [Term] = []
  private(set) var unknownTerms: [String] = []
  /// Terms of the query that have a weight, each once.
  private(set) var count = 0

  /// A term that is listed several times counts with the sum of its weights.
  ///
  /// - Throws: ``ImpactIndexError/invalidQueryWeight(term:weight:)``.
  init(_ query: [WeightedTerm], in index: ImpactIndex) throws {
    var found: [(number: Int, weight: Double)] = []
    found.reserveCapacity(query.count)
    for weighted in query {
      guard weighted.weight >= 0, weighted.weight.isFinite else {
        throw ImpactIndexError.invalidQueryWeight(term: weighted.term, weight: weighted.weight)
      }
      guard weighted.weight > 0 else { continue }
      var term = weighted.term
      if let number = try term.withUTF8({ try index.terms.number(of: $0) }) {
        found.append((number, weighted.weight))
      } else if !unknownTerms.contains(term) {
        unknownTerms.append(term)
      }
    }
    // A stable order: weights of one term are added as they are listed.
    let order = found.indices.sorted { (found[$0].number, $0) < (found[$1].number, $1) }
    let scale = Double(index.statistics.scale)
    terms.reserveCapacity(found.count)
    var place = 0
    while place < order.count {
      let number = found[order[place]].number
      var weight = 0.0
      while place < order.count, found[order[place]].number == number {
        weight += found[order[place]].weight
        place += 1
      }
      let entry = index.terms[number]
      guard weight.isFinite else {
        let term = String(decoding: try index.terms.bytes(of: entry), as: UTF8.self)
        throw ImpactIndexError.invalidQueryWeight(term: term, weight: weight)
      }
      terms.append(
        Term(
          entry: entry, number: number, queryWeight: weight, weight: weight * scale,
          greatestImpact: index.greatestImpact(number)))
    }
    count = terms.count + unknownTerms.count
    terms.sort { first, second in
      first.bound != second.bound ? first.bound > second.bound : first.number < second.number
    }
  }
}
