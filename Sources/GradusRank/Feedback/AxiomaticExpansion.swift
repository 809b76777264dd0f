import GradusCore
import GradusIndex

/// Axiomatic expansion by semantic term matching (Fang and Zhai, SIGIR 2006).
///
/// In a working set of the feedback documents and others drawn at random, two terms are the more alike the more their
/// presence in a document tells about each other:
///
///     s(q, t) = I(X_q; X_t) / I(X_q; X_q)          mutual information of presence, in bits
///     weight(t) = qtf + beta * (sum over the query's terms of qtf s(q, t)) / (sum of qtf)
///
/// where the first part is 0 for terms that are not in the query; the `terms` best others are kept. Query terms that all or
/// none of the working set hold say nothing and are left out of the sum. Terms that occur less often together than by chance
/// are not alike, whatever their mutual information.
public struct AxiomaticExpansion: RelevanceFeedback, Equatable {
  public var feedbackDocuments: Int
  public var backgroundDocuments: Int
  public var terms: Int
  public var beta: Double

  public init(docs: Int = 20, background: Int = 580, terms: Int = 20, beta: Double = 0.4) {
    feedbackDocuments = docs
    backgroundDocuments = background
    self.terms = terms
    self.beta = beta
  }

  public var description: String {
    "axiomatic(docs=\(feedbackDocuments),background=\(backgroundDocuments),terms=\(terms),beta=\(beta))"
  }

  public func expand(
    _ query: [WeightedTerm], feedback: [FeedbackDocument], background: [FeedbackDocument], in index: InvertedIndex
  ) -> [WeightedTerm] {
    let working = feedback + background
    var candidates = TermWeights()
    for document in feedback { for term in document.terms { candidates.add(1, to: term.term) } }
    var holding: [String: [Int]] = [:]
    for (number, document) in working.enumerated() {
      for term in document.terms { holding[term.term, default: []].append(number) }
    }
    let mass = query.reduce(0) { $0 + $1.weight }
    var alike = TermWeights()
    for term in query {
      let own = holding[term.term] ?? []
      let entropy = Self.mutualInformation(own.count, own.count, own.count, working.count)
      guard entropy > 0 else { continue }
      let places = Set(own)
      for other in candidates.terms where other != term.term {
        let theirs = holding[other] ?? []
        let both = theirs.count { places.contains($0) }
        guard both * working.count > own.count * theirs.count else { continue }
        let information = Self.mutualInformation(own.count, theirs.count, both, working.count)
        alike.add(term.weight * information / entropy / mass, to: other)
      }
    }
    let queryTerms = Set(query.map(\.term))
    var expanded = TermWeights()
    for term in query { expanded.add(term.weight + beta * alike[term.term], to: term.term) }
    let others = alike.all.filter { !queryTerms.contains($0.term) }
    for term in others.prefix(terms) { expanded.add(beta * term.weight, to: term.term) }
    return expanded.all
  }

  /// Of two terms' presence, from the documents that hold the first, the second, both, and all documents; in bits.
  private static func mutualInformation(_ first: Int, _ second: Int, _ both: Int, _ all: Int) -> Double {
    func part(_ joint: Int, _ left: Int, _ right: Int) -> Double {
      guard joint > 0 else { return 0 }
      let probability = Double(joint) / Double(all)
      return probability * binaryLogarithm(Double(joint) * Double(all) / (Double(left) * Double(right)))
    }
    return part(both, first, second) + part(first - both, first, all - second)
      + part(second - both, all - first, second) + part(all - first - second + both, all - first, all - second)
  }
}
