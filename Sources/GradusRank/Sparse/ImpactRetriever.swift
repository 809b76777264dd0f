import GradusCore
import GradusIndex

/// Learned sparse retrieval: weighted terms of a query over an impact index.
///
///     let retriever = ImpactRetriever(index: try ImpactIndex(path: "faq.impacts"), encoder: SpladeQueryEncoder(splade))
///     let run = try retriever.run(queries, depth: 100, name: "splade")
public struct ImpactRetriever: Retriever {
  public let index: ImpactIndex
  /// Where given, only these documents are retrieved.
  public let filter: DocumentSet?
  private let encoder: any SparseQueryEncoder

  /// - Parameter filter: Of the index's ``ImpactIndex/documents(matching:)``; nil for all documents.
  public init(index: ImpactIndex, encoder: any SparseQueryEncoder, filter: DocumentSet? = nil) {
    self.index = index
    self.encoder = encoder
    self.filter = filter
  }

  public var scoreKind: ScoreKind { .termWeights }

  public func retrieve(_ queries: [Query], depth: Int) throws -> [Ranking] {
    zip(queries, try search(queries, depth: depth)).map { $1.ranking(qid: $0.qid) }
  }

  /// The results with what each query lost on the way.
  public func search(_ queries: [Query], depth: Int) throws -> [SearchResult] {
    try index.search(try encoder.terms(of: queries), k: depth, filter: filter)
  }
}
