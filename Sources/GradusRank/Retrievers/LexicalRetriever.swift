import GradusCore
import GradusIndex

/// BM25 over an inverted index.
///
///     let retriever = LexicalRetriever(index: try InvertedIndex(path: "faq.index"))
///     let run = try retriever.run(queries, depth: 100, name: "bm25")
public struct LexicalRetriever: Retriever {
  public let index: InvertedIndex
  public let model: BM25

  public init(index: InvertedIndex, model: BM25 = BM25()) {
    self.index = index
    self.model = model
  }

  public var scoreKind: ScoreKind { .bm25 }

  public func retrieve(_ queries: [Query], depth: Int) throws -> [Ranking] {
    try index.run(queries, name: "bm25", k: depth, model: model).rankings
  }
}
