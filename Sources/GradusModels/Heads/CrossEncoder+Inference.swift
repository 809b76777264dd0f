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
  public func prepared(for precision: NumericPrecision) throws -> CrossEncoder {
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
    var best = [ExitedLogit?](repeating: nil, count: pairs.count)
    var lower = splitStates()
    for batch in BatchPlan(lengths: inputs.map(\.ids.count), maximumTokens: maximumTokens).batches {
      var done = 0
      for (position, logit) in zip(batch, try logits(of: batch.map { inputs[$0] }, lower: &lower)) {
        let pair = pairOf[position]
        if best[pair].map(logit.isBetter) ?? true { best[pair] = logit }
        waiting[pair] -= 1
        if waiting[pair] == 0 { done += 1 }
      }
      progress(done)
    }
    return zip(best, pairs).map {
      CandidateScore(score: Double($0?.logit ?? .nan), truncatedTokens: $1.truncatedTokens, exit: $0?.exit)
    }
  }

  /// One logit for each input of a batch.
  private func logits(of inputs: [TokenizedInput], lower: inout SplitStates?) throws -> [ExitedLogit] {
    if let thresholds { return try exitingLogits(inputs, thresholds, lower: &lower) }
    var tokens = TokenBatch()
    for input in inputs { append(input, to: &tokens) }
    let states = try lower?.states(of: inputs)
    return try inferredLogits(tokens, from: states).map { ExitedLogit(logit: $0, exit: nil) }
  }

  /// What computes the layers in which query and document are apart; nil where there are none, or no packed weights.
  func splitStates() -> SplitStates? {
    guard joinLayer > 0, let fused else { return nil }
    return SplitStates(
      fused: fused, joinLayer: joinLayer, documentPosition: documentPosition, documents: precomputed)
  }

  /// One logit for each packed sequence, without gradient; `states` as ``splitStates()`` or the layers up to an exit give them.
  func inferredLogits(_ tokens: TokenBatch, from states: LayerStates?) throws -> [Float] {
    guard let fused else { return withoutGradients { logits(tokens, .inference)[0] }.floats() }
    let width = encoder.configuration.hiddenSize
    if let classifier {
      let vectors = try fused.pooled(tokens, classifier.pooling, from: states)
      let pooled = Tensor(vectors, shape: [tokens.sequenceCount, width])
      return withoutGradients { classifier.logits(pooled, Dropout(rate: 0), .inference) }.floats()
    }
    guard let pairHead else { return [] }
    let vectors = pairHead.scale == nil
      ? try fused.pooled(tokens, .cls, from: states) : try fused.firstAndSegmentMeans(tokens, from: states)
    return pairHead.logits(ofVectors: vectors, width: width, sequences: tokens.sequenceCount)
  }
}
