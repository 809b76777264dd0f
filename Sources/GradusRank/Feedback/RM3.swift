import GradusCore
import GradusIndex

/// RM3: the query mixed with a relevance model (Lavrenko and Croft, SIGIR 2001; Abdul-Jaleel et al., TREC 2004).
///
///     p(t|R) = sum over feedback documents d of w_d tf / |d|,  cut to the `terms` best and scaled to sum to 1
///     p(t|q') = weight * p(t|q) + (1 - weight) * p(t|R)
///
/// w_d is proportional to the likelihood of the query where the first search was by query likelihood, and to the score
/// otherwise, as Anserini has it. Document models are not smoothed.
public struct RM3: RelevanceFeedback, Equatable {
  public var feedbackDocuments: Int
  public var terms: Int
  /// Of the original query, from 0 to 1.
  public var weight: Double

  public init(docs: Int = 10, terms: Int = 10, weight: Double = 0.5) {
    feedbackDocuments = docs
    self.terms = terms
    self.weight = weight
  }

  public var description: String { "rm3(docs=\(feedbackDocuments),terms=\(terms),weight=\(weight))" }

  public func expand(
    _ query: [WeightedTerm], feedback: [FeedbackDocument], background: [FeedbackDocument], in index: InvertedIndex
  ) -> [WeightedTerm] {
    var relevance = TermWeights()
    for document in feedback {
      let length = Double(document.length)
      for term in document.terms { relevance.add(document.weight * Double(term.frequency) / length, to: term.term) }
    }
    let best = relevance.heaviest(terms)
    let mass = best.reduce(0) { $0 + $1.weight }
    let queryMass = query.reduce(0) { $0 + $1.weight }
    var mixed = TermWeights()
    for term in query { mixed.add(weight * term.weight / queryMass, to: term.term) }
    for term in best { mixed.add((1 - weight) * term.weight / mass, to: term.term) }
    return mixed.all
  }
}
