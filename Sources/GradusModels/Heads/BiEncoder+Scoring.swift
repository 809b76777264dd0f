import GradusCore
import GradusTensor
import GradusText

extension BiEncoder: EmbeddingScorer {
  /// The scale of cosines that sentence-transformers' losses use: a temperature of 0.05.
  public static let cosineScale = 20.0

  /// The weights after pooling, which usually train with a higher learning rate; empty for most folders.
  public var headParameters: [Parameter] { steps.flatMap(\.parameters) }

  /// Queries and documents share one pass through the encoder; each has the prompt that the folder names for it.
  ///
  /// - Throws: as ``encode(_:prompt:maximumTokens:progress:)``.
  public func embeddings(
    queries: [Query], documents: [Document], context: ForwardContext
  ) throws -> (queries: Tensor, documents: Tensor) {
    let (queryInputs, queryPrompt) = try inputs(queries.map(\.text), prompt: .query)
    let (documentInputs, documentPrompt) = try inputs(documents.map(\.contents), prompt: .document)
    var all = TokenBatch(), ofQueries = TokenBatch(), ofDocuments = TokenBatch()
    for input in queryInputs {
      all.append(input)
      ofQueries.append(input)
    }
    for input in documentInputs {
      all.append(input)
      ofDocuments.append(input)
    }
    let hidden = encoder(all, context)
    let border = ofQueries.tokenCount
    return (
      pooledVectors(hidden.slice(axis: 0, from: 0, to: border), ofQueries, skipping: queryPrompt),
      pooledVectors(hidden.slice(axis: 0, from: border, to: all.tokenCount), ofDocuments, skipping: documentPrompt)
    )
  }

  public func tokens(of pair: ScoringPair) throws -> (read: Int, truncated: Int) {
    let both = try inputs([pair.query.text], prompt: .query).inputs + inputs([pair.document.contents], prompt: .document).inputs
    return (both.reduce(0) { $0 + $1.ids.count }, both.reduce(0) { $0 + $1.truncatedTokens })
  }

  /// Each query and each document is encoded once.
  public func inferredScores(
    _ pairs: [ScoringPair], maximumTokens: Int, progress: (Int) -> Void
  ) throws -> [CandidateScore] {
    let (queries, queryRows) = distinct(pairs.map(\.query.text))
    let (documents, documentRows) = distinct(pairs.map(\.document.contents))
    let left = try encode(queries, prompt: .query, maximumTokens: maximumTokens)
    let right = try encode(documents, prompt: .document, maximumTokens: maximumTokens)
    let scores = zip(queryRows, documentRows).map { query, document in
      var product: Float = 0
      for (a, b) in zip(left.vectors[Int(query)], right.vectors[Int(document)]) { product += a * b }
      return CandidateScore(
        score: Double(product) * scoreScale,
        truncatedTokens: left.truncatedTokens[Int(query)] + right.truncatedTokens[Int(document)])
    }
    progress(pairs.count)
    return scores
  }
}
