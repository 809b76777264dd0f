import GradusCore
import GradusIndex

/// Query expansion by divergence from randomness (Amati's thesis, 2003; Carpineto et al., TOIS 19(1), 2001): the terms whose
/// frequency in the feedback documents is the least likely by chance.
///
///     Bo1   f log2((1 + m) / m) + log2(1 + m),  f in all feedback documents together, m = F / N
///     KL    p log2(p / (F / tokens)),  p = f / tokens of the feedback documents
///
/// The new query holds the query's terms and the `terms` best others:
///
///     weight(t) = qtf / max qtf + weight * w(t) / max w
///
/// Terms that stand in fewer than `mindocs` feedback documents are passed over, unless the query has them. Defaults are
/// Terrier's.
public struct DivergenceExpansion: RelevanceFeedback, Equatable {
  public enum Measure: String, Sendable, CaseIterable {
    case bo1, kl
  }

  public var measure: Measure
  public var feedbackDocuments: Int
  public var terms: Int
  /// Of the expansion's weights against the query's.
  public var weight: Double
  public var mindocs: Int

  public init(_ measure: Measure, docs: Int = 3, terms: Int = 10, weight: Double = 1, mindocs: Int = 2) {
    self.measure = measure
    feedbackDocuments = docs
    self.terms = terms
    self.weight = weight
    self.mindocs = mindocs
  }

  public var description: String {
    "\(measure.rawValue)(docs=\(feedbackDocuments),terms=\(terms),weight=\(weight),mindocs=\(mindocs))"
  }

  public func expand(
    _ query: [WeightedTerm], feedback: [FeedbackDocument], background: [FeedbackDocument], in index: InvertedIndex
  ) throws -> [WeightedTerm] {
    var frequencies = TermWeights(), documents = TermWeights()
    for document in feedback {
      for term in document.terms {
        frequencies.add(Double(term.frequency), to: term.term)
        documents.add(1, to: term.term)
      }
    }
    let tokens = frequencies.terms.reduce(0) { $0 + frequencies[$1] }
    // With a single feedback document every term stands in one.
    let needed = Double(min(mindocs, feedback.count))
    let queryTerms = Set(query.map(\.term))
    var weights = TermWeights()
    for term in frequencies.terms where documents[term] >= needed || queryTerms.contains(term) {
      let frequency = Double(try index.collectionFrequency(of: term))
      guard frequency > 0 else { continue }
      weights.add(informativeness(frequencies[term], tokens, frequency, index.statistics), to: term)
    }
    let best = weights.heaviest(terms)
    let largest = best.first?.weight ?? 1
    let largestCount = query.map(\.weight).max() ?? 1
    var expanded = TermWeights()
    for term in query { expanded.add(term.weight / largestCount, to: term.term) }
    for term in best { expanded.add(weight * term.weight / largest, to: term.term) }
    return expanded.all
  }

  private func informativeness(
    _ frequency: Double, _ tokens: Double, _ collectionFrequency: Double, _ statistics: IndexStatistics
  ) -> Double {
    switch measure {
    case .bo1:
      let mean = collectionFrequency / Double(statistics.documents)
      return frequency * binaryLogarithm((1 + mean) / mean) + binaryLogarithm(1 + mean)
    case .kl:
      let share = frequency / tokens
      return share * binaryLogarithm(share / (collectionFrequency / Double(statistics.tokens)))
    }
  }
}
