import GradusCore
import GradusIndex

/// Rocchio's formula without negative documents (Rocchio, 1971): the query moves towards the mean of the feedback documents.
///
///     q' = alpha q / |q| + beta (mean of the documents d / |d|, cut to the `terms` largest components)
///
/// Vectors hold term frequencies and are scaled to length 1.
public struct Rocchio: RelevanceFeedback, Equatable {
  public var feedbackDocuments: Int
  public var terms: Int
  public var alpha: Double
  public var beta: Double

  public init(docs: Int = 10, terms: Int = 10, alpha: Double = 1, beta: Double = 0.75) {
    feedbackDocuments = docs
    self.terms = terms
    self.alpha = alpha
    self.beta = beta
  }

  public var description: String { "rocchio(docs=\(feedbackDocuments),terms=\(terms),alpha=\(alpha),beta=\(beta))" }

  public func expand(
    _ query: [WeightedTerm], feedback: [FeedbackDocument], background: [FeedbackDocument], in index: InvertedIndex
  ) -> [WeightedTerm] {
    var mean = TermWeights()
    for document in feedback {
      let norm = document.terms.reduce(0) { $0 + Double($1.frequency * $1.frequency) }.squareRoot()
      for term in document.terms {
        mean.add(Double(term.frequency) / norm / Double(feedback.count), to: term.term)
      }
    }
    let norm = query.reduce(0) { $0 + $1.weight * $1.weight }.squareRoot()
    var moved = TermWeights()
    for term in query { moved.add(alpha * term.weight / norm, to: term.term) }
    for term in mean.heaviest(terms) { moved.add(beta * term.weight, to: term.term) }
    return moved.all
  }
}
