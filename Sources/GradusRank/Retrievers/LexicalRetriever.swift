import GradusCore
import GradusIndex

/// BM25, or another ranking model, over an inverted index.
///
///     let retriever = LexicalRetriever(index: try InvertedIndex(path: "faq.index"))
///     let run = try retriever.run(queries, depth: 100, name: "bm25")
public struct LexicalRetriever: Retriever {
  public let index: InvertedIndex
  public let model: any WeightingModel

  public init(index: InvertedIndex, model: any WeightingModel = BM25()) {
    self.index = index
    self.model = model
  }

  public var scoreKind: ScoreKind { model is BM25 || model is BM25Variant ? .bm25 : .termWeights }

  public func retrieve(_ queries: [Query], depth: Int) throws -> [Ranking] {
    try index.run(queries, name: model.description, k: depth, model: model).rankings
  }
}
