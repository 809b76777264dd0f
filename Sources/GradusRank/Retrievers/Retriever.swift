import GradusCore

/// The first stage: from a query to a ranked list of documents.
///
/// Implementations are values or immutable objects; `retrieve` may be called from several threads at once.
public protocol Retriever: Sendable {
  var scoreKind: ScoreKind { get }

  /// The best `depth` documents of each query, in query order.
  func retrieve(_ queries: [Query], depth: Int) throws -> [Ranking]
}

extension Retriever {
  /// The run of a topic set, under `name`.
  ///
  ///     let run = try retriever.run(queries, depth: 100, name: "bm25")
  public func run(_ queries: [Query], depth: Int, name: String) throws -> Run {
    Run(name: name, rankings: try retrieve(queries, depth: depth))
  }
}
