import GradusCore
import GradusIndex

/// A document that is taken as relevant, with its terms.
public struct FeedbackDocument: Sendable, Equatable {
  public let docno: String
  /// How much the document counts, `>= 0`; the weights of a feedback set sum to 1.
  public let weight: Double
  public let terms: [TermFrequency]

  public init(docno: String, weight: Double, terms: [TermFrequency]) {
    self.docno = docno
    self.weight = weight
    self.terms = terms
  }

  /// Tokens.
  public var length: Int { terms.reduce(0) { $0 + $1.frequency } }
}

/// A way to make a better query of a query and documents that are taken as relevant.
///
///     let method = try RelevanceFeedbackMethods.parse("rm3(docs=10,terms=10,weight=0.5)")
///     let retriever = PseudoRelevanceFeedback(index: index, model: BM25(), method: method)
public protocol RelevanceFeedback: Sendable, CustomStringConvertible {
  /// How many of the first documents are taken as relevant.
  var feedbackDocuments: Int { get }
  /// Documents that are drawn from the rest of the collection for comparison; 0 for most methods.
  var backgroundDocuments: Int { get }
  /// Weights of terms, of any scale; terms that are listed twice count with the sum. Weights that are not positive are
  /// dropped.
  ///
  /// - Parameters:
  ///   - query: The query's distinct terms.
  ///   - feedback: Best first; not empty.
  ///   - background: See ``backgroundDocuments``.
  func expand(
    _ query: [WeightedTerm], feedback: [FeedbackDocument], background: [FeedbackDocument], in index: InvertedIndex
  ) throws -> [WeightedTerm]
}

extension RelevanceFeedback {
  public var backgroundDocuments: Int { 0 }
}

/// Sums by term, in the order of first appearance, so that results do not depend on hashing.
struct TermWeights {
  private(set) var terms: [String] = []
  private var weights: [String: Double] = [:]

  mutating func add(_ weight: Double, to term: String) {
    if let known = weights[term] {
      weights[term] = known + weight
    } else {
      terms.append(term)
      weights[term] = weight
    }
  }

  subscript(term: String) -> Double { weights[term] ?? 0 }

  /// The `count` heaviest terms of positive weight, heaviest first, equal ones in byte order.
  func heaviest(_ count: Int) -> [WeightedTerm] {
    let ordered = terms.map { WeightedTerm($0, weight: self[$0]) }.filter { $0.weight > 0 && $0.weight.isFinite }
      .sorted { first, second in
        first.weight != second.weight
          ? first.weight > second.weight : first.term.utf8.lexicographicallyPrecedes(second.term.utf8)
      }
    return Array(ordered.prefix(count))
  }

  /// All terms of positive weight, heaviest first.
  var all: [WeightedTerm] { heaviest(terms.count) }
}
