import GradusCore

/// A query's terms, found in the dictionaries and put in the order in which their contributions are added: by what they can
/// contribute at most, the greatest first, and by bytes among equals. The order depends on the query and the live documents
/// alone, so sums have the same bits whatever is skipped, and however the documents lie in segments.
struct ImpactQuery {
  struct Term {
    /// By segment, its place in the dictionary there; nil where no live document holds it.
    let numbers: [Int?]
    /// UTF-8, in the mapped dictionary of a segment.
    let bytes: UnsafeBufferPointer<UInt8>
    /// Weight in the query.
    let queryWeight: Double
    /// The same times the index's scale: what an impact of 1 contributes.
    let weight: Double
    /// In all live documents.
    let greatestImpact: Int

    var bound: Double { weight * Double(greatestImpact) }

    var text: String { String(decoding: bytes, as: UTF8.self) }
  }

  private(set) var terms: [Term] = []
  private(set) var unknownTerms: [String] = []
  /// Terms of the query that have a weight, each once.
  private(set) var count = 0

  /// A term that is listed several times counts with the sum of its weights.
  ///
  /// - Throws: ``ImpactIndexError/invalidQueryWeight(term:weight:)``.
  init(_ query: [WeightedTerm], in index: ImpactIndex) throws {
    /// A term by the first segment that holds it, and its place there.
    var found: [(segment: Int, number: Int, weight: Double)] = []
    found.reserveCapacity(query.count)
    for weighted in query {
      guard weighted.weight >= 0, weighted.weight.isFinite else {
        throw ImpactIndexError.invalidQueryWeight(term: weighted.term, weight: weighted.weight)
      }
      guard weighted.weight > 0 else { continue }
      if let (segment, number) = try Self.place(of: weighted.term, in: index) {
        found.append((segment, number, weighted.weight))
      } else if !unknownTerms.contains(weighted.term) {
        unknownTerms.append(weighted.term)
      }
    }
    // A stable order: weights of one term are added as they are listed.
    let order = found.indices.sorted { (found[$0].segment, found[$0].number, $0) < (found[$1].segment, found[$1].number, $1) }
    terms.reserveCapacity(found.count)
    var place = 0
    while place < order.count {
      let (segment, number, _) = found[order[place]]
      var weight = 0.0
      while place < order.count, found[order[place]].segment == segment, found[order[place]].number == number {
        weight += found[order[place]].weight
        place += 1
      }
      terms.append(try Self.term(segment, number, weight: weight, in: index))
    }
    count = terms.count + unknownTerms.count
    terms.sort { first, second in
      first.bound != second.bound ? first.bound > second.bound : compareBytes(first.bytes, second.bytes) < 0
    }
  }

  private static func place(of term: String, in index: ImpactIndex) throws -> (segment: Int, number: Int)? {
    var term = term
    return try term.withUTF8 { term in
      for (segment, opened) in index.segments.enumerated() {
        if let number = try opened.number(of: term) { return (segment, number) }
      }
      return nil
    }
  }

  /// - Parameter segment: The first that holds the term.
  private static func term(_ segment: Int, _ number: Int, weight: Double, in index: ImpactIndex) throws -> Term {
    let dictionary = index.segments[segment].terms
    let bytes = try dictionary.bytes(of: dictionary[number])
    guard weight.isFinite else {
      throw ImpactIndexError.invalidQueryWeight(term: String(decoding: bytes, as: UTF8.self), weight: weight)
    }
    var numbers = [Int?](repeating: nil, count: index.segments.count)
    numbers[segment] = number
    for other in segment + 1..<index.segments.count { numbers[other] = try index.segments[other].number(of: bytes) }
    let greatest = zip(numbers, index.segments).map { number, segment in number.map { segment.greatestImpact($0) } ?? 0 }
    return Term(
      numbers: numbers, bytes: bytes, queryWeight: weight, weight: weight * Double(index.statistics.scale),
      greatestImpact: greatest.max() ?? 0)
  }
}
