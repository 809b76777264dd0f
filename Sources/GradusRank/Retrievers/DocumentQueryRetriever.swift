import GradusCore
import GradusIndex

/// Retrieval with whole documents as queries: which documents correspond to this one?
///
///     let retriever = DocumentQueryRetriever(index: index, view: .topTerms(50))
///     let similar = try retriever.retrieve([Query(qid: document.docno, text: document.contents)], depth: 100)
///
/// A document of the index that has the query's name is left out of its ranking: it would match itself. (By name, not by
/// rank: a document need not be the best answer to itself.)
public struct DocumentQueryRetriever: Retriever {
  /// What of a document becomes the query.
  public enum View: Sendable, Equatable {
    /// Every term, as often as it stands there. The search skips nothing for it, and stays exact: see `long_queries.sh`.
    case full
    /// The terms with the greatest tf * idf, with their frequencies as weights; idf is that of BM25, ties go by bytes.
    case topTerms(Int)
  }

  public let index: InvertedIndex
  public let model: any WeightingModel
  public let view: View

  public init(index: InvertedIndex, model: any WeightingModel = BM25(), view: View = .full) {
    self.index = index
    self.model = model
    self.view = view
  }

  public var scoreKind: ScoreKind { LexicalRetriever(index: index, model: model).scoreKind }

  /// The weighted terms that stand for a text.
  public func terms(of text: String) throws -> [WeightedTerm] {
    let all = try index.queryTerms(text)
    guard case .topTerms(let count) = view else { return all }
    var weighed: [(term: WeightedTerm, weight: Double)] = []
    for term in all {
      let frequency = try index.documentFrequency(of: term.term)
      guard frequency > 0 else { continue }
      let idf = BM25.inverseDocumentFrequency(documentFrequency: frequency, documents: index.statistics.documents)
      weighed.append((term, term.weight * idf))
    }
    weighed.sort { first, second in
      first.weight != second.weight
        ? first.weight > second.weight : first.term.term.utf8.lexicographicallyPrecedes(second.term.term.utf8)
    }
    return weighed.prefix(max(0, count)).map(\.term)
  }

  public func retrieve(_ queries: [Query], depth: Int) throws -> [Ranking] {
    var results = [Result<Ranking, any Error>?](repeating: nil, count: queries.count)
    results.withUnsafeMutableBufferPointer { slots in
      nonisolated(unsafe) let slots = slots
      WorkerPool.shared.forEach(count: queries.count) { position in
        slots[position] = Result { try ranking(queries[position], depth: depth) }
      }
    }
    return try results.compactMap { try $0?.get() }
  }

  private func ranking(_ query: Query, depth: Int) throws -> Ranking {
    // One more, in case the document itself is among them.
    let k = depth == .max ? depth : depth + 1
    let found = try index.search(terms: try terms(of: query.text), k: k, model: model)
    let others = found.documents.filter { $0.docno != query.qid }
    return Ranking(qid: query.qid, alreadyOrdered: Array(others.prefix(depth)))
  }
}
