import GradusCore
import GradusTensor
import GradusText

extension CrossEncoder {
  /// The arithmetic of ``PairScorer/rankingScores(_:maximumTokens:progress:)``.
  public var precision: NumericPrecision { fused?.precision ?? .fp32 }

  /// The same model with its present weights packed for inference: several times faster to rank with. Training the copy, or
  /// this model, does not change the copy's ranking scores.
  ///
  ///     let scores = try model.prepared(for: .bf16).rankingScores(pairs)
  ///
  /// ModernBERT, which has no fused kernels, runs on the path that trains: at fp32 this returns the model as it is, and throws
  /// ``ModelError/precisionUnsupported(precision:)`` at any other.
  public func prepared(for precision: NumericPrecision) throws -> CrossEncoder {
    guard encoder.configuration.isFusable else {
      guard precision == .fp32 else { throw ModelError.precisionUnsupported(precision: precision) }
      return self
    }
    return try fusedCopy(precision)
  }

  private func fusedCopy(_ precision: NumericPrecision) throws -> CrossEncoder {
    withFused(try FusedBertEncoder(encoder, precision: precision))
  }

  /// Every pair is tokenized once; inputs of like length share a batch, windows of one document as well as pairs.
  public func inferredScores(
    _ pairs: [ScoringPair], maximumTokens: Int, progress: (Int) -> Void
  ) throws -> [CandidateScore] {
    try inferredScores(read: try pairs.map(read), maximumTokens: maximumTokens, progress: progress)
  }

  public func read(_ pair: ScoringPair) throws -> ReadPair {
    let parts = try self.parts(of: pair)
    return ReadPair(
      pair: pair, tokens: parts.inputs.reduce(0) { $0 + $1.ids.count }, truncatedTokens: parts.truncatedTokens,
      inputs: parts.inputs)
  }

  public func inferredScores(
    read pairs: [ReadPair], maximumTokens: Int, progress: (Int) -> Void
  ) throws -> [CandidateScore] {
    let inputs = pairs.flatMap(\.inputs)
    let pairOf = pairs.indices.flatMap { [Int](repeating: $0, count: pairs[$0].inputs.count) }
    var waiting = [Int](repeating: 0, count: pairs.count)
    for pair in pairOf { waiting[pair] += 1 }
    var best = [Float?](repeating: nil, count: pairs.count)
    var lower = splitStates()
    for batch in BatchPlan(lengths: inputs.map(\.ids.count), maximumTokens: maximumTokens).batches {
      var tokens = TokenBatch()
      for position in batch { append(inputs[position], to: &tokens) }
      let states = try lower?.states(of: batch.map { inputs[$0] })
      var done = 0
      for (position, logit) in zip(batch, try inferredLogits(tokens, from: states)) {
        let pair = pairOf[position]
        // A logit that is not a number must not hide behind one that is.
        if let known = best[pair] { best[pair] = known.isNaN || known > logit ? known : logit } else { best[pair] = logit }
        waiting[pair] -= 1
        if waiting[pair] == 0 { done += 1 }
      }
      progress(done)
    }
    return zip(best, pairs).map { CandidateScore(score: Double($0 ?? .nan), truncatedTokens: $1.truncatedTokens) }
  }

  /// What computes the layers in which query and document are apart; nil where there are none, or no packed weights.
  func splitStates() -> SplitStates? {
    guard joinLayer > 0, let fused else { return nil }
    return SplitStates(
      fused: fused, joinLayer: joinLayer, documentPosition: documentPosition, documents: precomputed)
  }

  /// One logit for each packed sequence, without gradient; `states` as ``splitStates()`` computes them.
  private func inferredLogits(_ tokens: TokenBatch, from states: LayerStates?) throws -> [Float] {
    guard let fused else { return withoutGradients { logits(tokens, .inference) }.floats() }
    let width = encoder.configuration.hiddenSize
    if let classifier {
      let vectors = try fused.pooled(tokens, classifier.pooling, from: states)
      let pooled = Tensor(vectors, shape: [tokens.sequenceCount, width])
      return withoutGradients { classifier.logits(pooled, Dropout(rate: 0), .inference) }.floats()
    }
    guard let linear else { return [] }
    let weights = linear.weight.value.floats(), bias = linear.bias?.value.floats()[0] ?? 0
    let scale = self.scale?.value.floats()[0]
    var vectors = scale == nil
      ? try fused.pooled(tokens, .cls, from: states) : try fused.firstAndSegmentMeans(tokens, from: states)
    let stride = scale == nil ? width : 3 * width
    return (0..<tokens.sequenceCount).map { sequence in
      let first = sequence * stride
      var sum: Float = 0
      for j in 0..<width { sum += vectors[first + j] * weights[j] }
      guard let scale else { return sum + bias }
      let query = first + width, document = first + 2 * width
      normalize(&vectors, query..<document)
      normalize(&vectors, document..<document + width)
      var cosine: Float = 0
      for j in 0..<width { cosine += vectors[query + j] * vectors[document + j] }
      return cosine * scale + (sum + bias)
    }
  }
}
