import GradusCore
import GradusText

/// A term of a document, as the analyzer makes it, and how often it stands there.
public struct TermFrequency: Sendable, Equatable {
  public let term: String
  /// At least 1.
  public let frequency: Int

  public init(_ term: String, frequency: Int) {
    self.term = term
    self.frequency = frequency
  }
}

extension InvertedIndex {
  /// The distinct terms of a query text in the order of their first appearance, each with how often it stands there.
  public func queryTerms(_ text: String) throws -> [WeightedTerm] {
    try withSearcher { searcher in
      Self.count(searcher.analyzer.terms(text)).map { WeightedTerm($0.term, weight: Double($0.frequency)) }
    }
  }

  /// The terms of a document in the order of their first appearance, with their frequencies.
  ///
  /// The stored text is analysed again, which takes some 10 microseconds per thousand characters: feedback from ten passages
  /// costs less than the second search, so that the index need not hold each document's terms a second time.
  public func termVector(of doc: DocIndex) throws -> [TermFrequency] {
    let document = try document(doc)
    return try withSearcher { Self.count($0.analyzer.terms(fields?.contents(of: document) ?? document.contents)) }
  }

  private static func count(_ terms: [String]) -> [TermFrequency] {
    var places: [String: Int] = [:]
    var counts: [(term: String, frequency: Int)] = []
    for term in terms {
      if let place = places[term] {
        counts[place].frequency += 1
      } else {
        places[term] = counts.count
        counts.append((term, 1))
      }
    }
    return counts.map { TermFrequency($0.term, frequency: $0.frequency) }
  }
}
