import GradusTensor

extension BertEncoder {
  /// Tables of which a batch looks up rows, by word, position and segment.
  public var embeddingTables: [Parameter] { tables.map(\.weight) }

  /// Bytes that the activations of a training pass need at its peak: what the forward pass keeps for the backward pass, and
  /// what one layer's backward pass needs beside it. A plan, not a measurement: it follows the layers' operations.
  ///
  /// - Parameters:
  ///   - tokens: Of the batch, after packing.
  ///   - sequences: Of the batch.
  ///   - readsFirstTokens: Whether only each sequence's first token is read (``firstTokens(_:_:)``).
  ///   - checkpoints: As in `ForwardContext`.
  public func trainingBytes(tokens: Int, sequences: Int, readsFirstTokens: Bool, checkpoints: Bool) -> Int {
    let trained = layers.filter { !$0.trainableParameters.isEmpty }.count
    let isEmbeddingTrained = !embeddingNorm.trainableParameters.isEmpty || tables.contains { $0.weight.isTrainable }
    // Layers below the first trained one record nothing.
    let recorded = isEmbeddingTrained ? layers.count : trained
    guard recorded > 0 else { return 0 }
    let width = configuration.hiddenSize, inner = configuration.intermediateSize
    // Floats a token: the input, queries with keys and values, contexts, two sums before layer norms and the state between
    // them, the feed-forward activations before and after GELU; one logarithm a head.
    let input = width
    let mixing = 3 * width + width + configuration.headCount
    let rest = 3 * width + 2 * inner
    // Upstream gradients, and the packed operands and results of the widest products.
    let transient = 2 * width + 3 * inner
    let lastRows = readsFirstTokens ? sequences : tokens
    func layer(_ rows: Int) -> Int { tokens * (input + mixing) + rows * rest }
    let embeddings = isEmbeddingTrained ? 3 * tokens * width : 0
    let floats = checkpoints
      ? embeddings + recorded * tokens * input + layer(recorded > 1 ? tokens : lastRows) + tokens * transient
      : embeddings + (recorded - 1) * layer(tokens) + layer(lastRows) + tokens * transient
    return floats * 4
  }
}
