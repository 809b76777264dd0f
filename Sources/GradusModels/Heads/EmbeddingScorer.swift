import GradusCore
import GradusTensor

/// A pair scorer that reads queries and documents apart: each text has a vector of its own, and a pair's score is the inner
/// product of its two vectors times a constant.
///
/// Losses over pairs and lists train it as any other scorer; losses over vectors (contrastive ones with the negatives of the
/// whole batch) need one.
///
///     let (queries, documents) = try scorer.embeddings(queries: [query], documents: [first, second], context: .inference)
///     scorer.scores(queries: queries, documents: documents.expandingDims(at: 0))   // [1, 2]
public protocol EmbeddingScorer: PairScorer {
  /// Length of a vector.
  var dimension: Int { get }

  /// What the inner product of two vectors is multiplied with. Losses over scores want numbers that spread over some units,
  /// which cosines do not.
  var scoreScale: Double { get }

  /// The vectors of some texts, `[queries, dimension]` and `[documents, dimension]`, in their order; differentiable. A text's
  /// vector must not depend on its batch mates.
  func embeddings(
    queries: [Query], documents: [Document], context: ForwardContext
  ) throws -> (queries: Tensor, documents: Tensor)
}

extension EmbeddingScorer {
  /// Scores of each query's own documents.
  ///
  /// - Parameters:
  ///   - queries: `[samples, dimension]`.
  ///   - documents: `[samples, documents, dimension]`.
  /// - Returns: `[samples, documents]`.
  public func scores(queries: Tensor, documents: Tensor) -> Tensor {
    (queries.expandingDims(at: 1) * documents).sum(axes: [2]) * scoreScale
  }

  /// Each query and each document is read once, however many pairs it stands in.
  public func scores(_ batch: [ScoringPair], context: ForwardContext) throws -> Tensor {
    let (queries, queryRows) = distinct(batch.map(\.query))
    let (documents, documentRows) = distinct(batch.map(\.document))
    let vectors = try embeddings(queries: queries, documents: documents, context: context)
    let left = vectors.queries.indexSelect(Tensor(indices: queryRows, shape: [batch.count]))
    let right = vectors.documents.indexSelect(Tensor(indices: documentRows, shape: [batch.count]))
    return scores(queries: left, documents: right.expandingDims(at: 1)).reshaped(to: [batch.count])
  }
}

/// The values without repetitions, in the order of their first appearance, and where each one is.
func distinct<Value: Hashable>(_ values: [Value]) -> (values: [Value], rows: [Int32]) {
  var known: [Value: Int32] = [:]
  var found: [Value] = []
  let rows = values.map { value -> Int32 in
    if let row = known[value] { return row }
    let row = Int32(found.count)
    known[value] = row
    found.append(value)
    return row
  }
  return (found, rows)
}
