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
    var places: [String: Int] = [:]
    var distinct: [(term: String, weight: Double)] = []
    for weighted in query {
      guard weighted.weight >= 0, weighted.weight.isFinite else {
        throw ImpactIndexError.invalidQueryWeight(term: weighted.term, weight: weighted.weight)
      }
      guard weighted.weight > 0 else { continue }
      if let place = places[weighted.term] {
        distinct[place].weight += weighted.weight
      } else {
        places[weighted.term] = distinct.count
        distinct.append((weighted.term, weighted.weight))
      }
    }
    count = distinct.count
    let scale = Double(index.statistics.scale)
    for (term, weight) in distinct {
      guard weight.isFinite else { throw ImpactIndexError.invalidQueryWeight(term: term, weight: weight) }
      var bytes = term
      guard let number = try bytes.withUTF8({ try index.terms.number(of: $0) }) else {
        unknownTerms.append(term)
        continue
      }
      terms.append(
        Term(
          entry: index.terms[number], number: number, queryWeight: weight, weight: weight * scale,
          greatestImpact: index.greatestImpact(number)))
    }
    terms.sort { first, second in
      first.bound != second.bound ? first.bound > second.bound : first.number < second.number
    }
  }
}
