#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore
import GradusIndex

/// Two searches: the first documents of the first are taken as relevant, and what they have in common widens the query of the
/// second.
///
///     let retriever = PseudoRelevanceFeedback(index: index, model: BM25(), method: RM3())
///     let ranking = try retriever.retrieve([query], depth: 100)
///     print(try retriever.expand(query).terms)
///
/// A query for which the first search finds nothing stays as it is. Results depend on the query and the index alone:
/// documents that a method draws for comparison come from a stream of fixed seed.
///
/// - Complexity: Two searches and the analysis of the feedback documents' texts.
public struct PseudoRelevanceFeedback: Retriever {
  public let index: InvertedIndex
  /// Of both searches.
  public let model: any WeightingModel
  public let method: any RelevanceFeedback

  /// What a query became.
  public struct ExpandedQuery: Sendable, Equatable {
    /// Heaviest first.
    public let terms: [WeightedTerm]
    /// Documents that were taken as relevant, best first.
    public let feedbackDocnos: [String]
    public let queryLength: Int
    /// Terms of the query that no document holds.
    public let unknownTerms: [String]
  }

  public init(index: InvertedIndex, model: any WeightingModel = BM25(), method: any RelevanceFeedback) {
    self.index = index
    self.model = model
    self.method = method
  }

  public var scoreKind: ScoreKind { LexicalRetriever(index: index, model: model).scoreKind }

  /// The first search and what the method makes of it.
  public func expand(_ query: Query) throws -> ExpandedQuery {
    let first = try index.search(query.text, k: method.feedbackDocuments, model: model)
    let queryTerms = try index.queryTerms(query.text)
    guard !first.documents.isEmpty else {
      return ExpandedQuery(
        terms: queryTerms, feedbackDocnos: [], queryLength: first.queryLength, unknownTerms: first.unknownTerms)
    }
    let weights = documentWeights(first.documents.map(\.score))
    let feedback = try zip(first.documents, weights).map { try document($0.docno, weight: $1) }
    let unknown = Set(first.unknownTerms)
    let known = queryTerms.filter { !unknown.contains($0.term) }
    return ExpandedQuery(
      terms: try method.expand(known, feedback: feedback, background: background(feedback), in: index),
      feedbackDocnos: feedback.map(\.docno), queryLength: first.queryLength, unknownTerms: first.unknownTerms)
  }

  /// Both searches.
  public func search(_ query: Query, k: Int) throws -> SearchResult { try search(try expand(query), k: k) }

  /// The second search.
  public func search(_ expanded: ExpandedQuery, k: Int) throws -> SearchResult {
    let found = try index.search(terms: expanded.terms, k: k, model: model)
    return SearchResult(
      documents: found.documents, queryLength: expanded.queryLength, unknownTerms: expanded.unknownTerms,
      hasKnownTerms: found.hasKnownTerms)
  }

  /// Both searches for many queries, in their order, on the threads of `WorkerPool.shared`.
  public func search(_ queries: [Query], k: Int) throws -> [SearchResult] {
    var results = [Result<SearchResult, any Error>?](repeating: nil, count: queries.count)
    results.withUnsafeMutableBufferPointer { slots in
      nonisolated(unsafe) let slots = slots
      WorkerPool.shared.forEach(count: queries.count) { position in
        slots[position] = Result { try search(queries[position], k: k) }
      }
    }
    return try results.compactMap { try $0?.get() }
  }

  public func retrieve(_ queries: [Query], depth: Int) throws -> [Ranking] {
    zip(queries, try search(queries, k: depth)).map { $1.ranking(qid: $0.qid) }
  }

  /// Shares of the documents: likelihoods of the query from their logarithms, scores otherwise.
  private func documentWeights(_ scores: [Double]) -> [Double] {
    var weights: [Double]
    if model is QueryLikelihood {
      let largest = scores.max() ?? 0
      weights = scores.map { exp($0 - largest) }
    } else {
      weights = scores.map { max($0, 0) }
      // A model that gives nothing but scores of 0 and less does not say how much a document counts.
      if weights.allSatisfy({ $0 == 0 }) { weights = scores.map { _ in 1 } }
    }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }

  private func document(_ docno: String, weight: Double) throws -> FeedbackDocument {
    guard let doc = try index.docIndex(of: docno) else { throw IndexError.unknownDocno(docno) }
    return FeedbackDocument(docno: docno, weight: weight, terms: try index.termVector(of: doc))
  }

  /// Documents beside the feedback documents, the same for every query up to those.
  private func background(_ feedback: [FeedbackDocument]) throws -> [FeedbackDocument] {
    guard method.backgroundDocuments > 0 else { return [] }
    var generator = SeededGenerator(seed: 20_060_806)
    let taken = Set(feedback.map(\.docno))
    var documents: [FeedbackDocument] = []
    var drawn = Set<Int>()
    let wanted = min(method.backgroundDocuments, index.statistics.documents - feedback.count)
    while documents.count < wanted {
      let position = generator.integer(below: index.statistics.documents)
      guard drawn.insert(position).inserted else { continue }
      let docno = try index.docno(DocIndex(position))
      if !taken.contains(docno) { documents.append(try document(docno, weight: 0)) }
    }
    return documents
  }
}
