import GradusCore
import GradusTensor
import GradusText

extension CrossEncoder {
  /// A copy with fresh heads after the given numbers of layers, to be trained together with the last one (``MultiExitScorer``).
  ///
  ///     let model = try CrossEncoder(base: folder, head: .similarity, seed: 7).withExits(at: [2, 4], seed: 7)
  ///
  /// - Parameter layers: Ascending, below the encoder's number of layers, and not below ``joinLayer``. Empty for none.
  /// - Throws: ``ModelError/exitLayers(asked:layers:joinLayer:)``.
  public func withExits(at layers: [Int], seed: UInt64) throws -> CrossEncoder {
    try checkExits(layers)
    let kind: CrossEncoderHead = head == .similarity ? .similarity : .cls
    var result = self
    result.thresholds = nil
    result.exits = layers.map { layer in
      var generator = SeededGenerator(seed: seed).stream("exit", layer)
      return CrossEncoderExit(
        layer: layer, head: PairHead("exits.\(layer)", kind, encoder.configuration, using: &generator))
    }
    return result
  }

  func checkExits(_ layers: [Int]) throws {
    let isAscending = zip(layers, layers.dropFirst()).allSatisfy { $0 < $1 }
    guard isAscending, layers.allSatisfy({ $0 >= max(1, joinLayer) && $0 < encoder.configuration.layerCount }) else {
      throw ModelError.exitLayers(asked: layers, layers: encoder.configuration.layerCount, joinLayer: joinLayer)
    }
  }

  /// A copy that stops reading a candidate whose exit is sure; nil for one that reads all to the end.
  ///
  ///     let fast = try model.prepared(for: .bf16).exitingEarly(EarlyExitThresholds(notRelevant: 0.1))
  ///
  /// Layers above an exit are computed for those that went on alone. Whether and where a pair leaves, and its score, depend on
  /// the pair alone. With thresholds of 0 and 1 nothing leaves, and the scores have the bits of the plain model.
  ///
  /// A score is the logit of the last head that read the pair; compare it with others of the same place, and places by
  /// `CandidateScore.standing`: read to the end stands between what left as relevant and what left as not relevant.
  ///
  /// - Throws: ``ModelError/noExits``, ``ModelError/exitsNotCalibrated``.
  public func exitingEarly(_ thresholds: EarlyExitThresholds?) throws -> CrossEncoder {
    if thresholds != nil {
      guard !exits.isEmpty else { throw ModelError.noExits }
      guard exits.allSatisfy({ $0.calibration != nil }) else { throw ModelError.exitsNotCalibrated }
    }
    var result = self
    result.thresholds = thresholds
    return result
  }

  /// A copy whose exits tell probabilities: scaled on judged candidates that were not trained on. They stay as they are where all
  /// candidates are relevant, or none is.
  ///
  /// - Parameters:
  ///   - pairs: Not of the test queries.
  ///   - isRelevant: For each of them.
  ///   - maximumTokens: Budget of a batch; changes nothing else.
  public func calibratingExits(
    on pairs: [ScoringPair], isRelevant: [Bool], maximumTokens: Int = 8192
  ) throws -> CrossEncoder {
    guard !exits.isEmpty else { return self }
    let logits = try exitLogits(pairs, maximumTokens: maximumTokens)
    var result = self
    for number in exits.indices {
      result.exits[number].calibration = ExitCalibration(
        logits: logits.map { Double($0[number]) }, isRelevant: isRelevant)
    }
    return result
  }

  /// The logits of all exits and of the last head for each pair, `[pairs][exits + 1]`, by the path that trains; of its windows,
  /// the best of each.
  public func exitLogits(_ pairs: [ScoringPair], maximumTokens: Int = 8192) throws -> [[Float]] {
    let parts = try pairs.map { try self.parts(of: $0).inputs }
    let inputs = parts.flatMap(\.self)
    let pairOf = parts.indices.flatMap { [Int](repeating: $0, count: parts[$0].count) }
    var best = [[Float]](repeating: [Float](repeating: -.infinity, count: exits.count + 1), count: pairs.count)
    for batch in BatchPlan(lengths: inputs.map(\.ids.count), maximumTokens: maximumTokens).batches {
      var tokens = TokenBatch()
      for position in batch { append(inputs[position], to: &tokens) }
      let logits = withoutGradients { self.logits(tokens, .inference, withExits: true) }.map { $0.floats() }
      for (row, position) in batch.enumerated() {
        let pair = pairOf[position]
        for (number, own) in logits.enumerated() { best[pair][number] = max(best[pair][number], own[row]) }
      }
    }
    return best
  }

  /// An input's logit by the last head that read it.
  struct ExitedLogit {
    let logit: Float
    let exit: EarlyExit?

    /// Whether it says more about a document than another of its windows.
    func isBetter(than other: ExitedLogit) -> Bool {
      CandidateScore(score: Double(logit), exit: exit)
        .isBetter(than: CandidateScore(score: Double(other.logit), exit: other.exit))
    }
  }

  /// One for each input, without gradient. The layers up to an exit run for all that are still there, those above it for the
  /// rest.
  ///
  /// - Parameter lower: As ``splitStates()`` gives it.
  func exitingLogits(
    _ inputs: [TokenizedInput], _ thresholds: EarlyExitThresholds, lower: inout SplitStates?
  ) throws -> [ExitedLogit] {
    var results = [ExitedLogit?](repeating: nil, count: inputs.count)
    var rest = Array(inputs.indices)
    var tokens = TokenBatch()
    for input in inputs { append(input, to: &tokens) }
    var states = try lower?.states(of: inputs)
    for exit in exits {
      let reached = try self.states(tokens, before: exit.layer, from: states)
      let vectors = reached.vectors(tokens, width: encoder.configuration.hiddenSize, withMeans: exit.head.scale != nil)
      let logits = exit.head.logits(
        ofVectors: vectors, width: encoder.configuration.hiddenSize, sequences: tokens.sequenceCount)
      var staying: [Int] = []
      for (row, logit) in logits.enumerated() {
        let probability = exit.calibration?.probability(of: Double(logit)) ?? .nan
        if probability < thresholds.notRelevant {
          results[rest[row]] = ExitedLogit(logit: logit, exit: EarlyExit(layer: exit.layer, isRelevant: false))
        } else if probability > thresholds.relevant {
          results[rest[row]] = ExitedLogit(logit: logit, exit: EarlyExit(layer: exit.layer, isRelevant: true))
        } else {
          staying.append(row)
        }
      }
      states = reached
      guard staying.count < rest.count else { continue }
      states = reached.keeping(staying, of: tokens)
      rest = staying.map { rest[$0] }
      tokens = TokenBatch()
      for position in rest { append(inputs[position], to: &tokens) }
      if rest.isEmpty { break }
    }
    if !rest.isEmpty {
      for (position, logit) in zip(rest, try lastLogits(tokens, from: states)) {
        results[position] = ExitedLogit(logit: logit, exit: nil)
      }
    }
    return results.map { $0 ?? ExitedLogit(logit: .nan, exit: nil) }
  }

  private func states(_ tokens: TokenBatch, before layer: Int, from states: LayerStates?) throws -> LayerStates {
    if let fused { return try fused.states(tokens, before: layer, from: states) }
    return encoder.inferredStates(tokens, before: layer, from: states, joinLayer: joinLayer)
  }

  private func lastLogits(_ tokens: TokenBatch, from states: LayerStates?) throws -> [Float] {
    if fused != nil { return try inferredLogits(tokens, from: states) }
    let width = encoder.configuration.hiddenSize
    let last = encoder.inferredStates(tokens, before: encoder.configuration.layerCount, from: states, joinLayer: joinLayer)
    return withoutGradients {
      logits(ofLast: Tensor(last.values, shape: [tokens.tokenCount, width]), tokens, .inference).floats()
    }
  }
}

extension LayerStates {
  /// Each sequence's first token's vector, followed where asked for by the means of its two texts; zeros for an empty part.
  func vectors(_ tokens: TokenBatch, width: Int, withMeans: Bool) -> [Float] {
    let segments = tokens.segmentOffsets
    var result: [Float] = []
    result.reserveCapacity(tokens.sequenceCount * (withMeans ? 3 : 1) * width)
    func appendMean(_ rows: Range<Int>) {
      var sum = [Float](repeating: 0, count: width)
      for row in rows { for j in 0..<width { sum[j] += values[row * width + j] } }
      if rows.count > 1 { for j in 0..<width { sum[j] /= Float(rows.count) } }
      result += sum
    }
    for sequence in 0..<tokens.sequenceCount {
      let start = Int(tokens.offsets[sequence]), end = Int(tokens.offsets[sequence + 1])
      appendMean(start..<min(start + 1, end))
      guard withMeans else { continue }
      for part in 0..<2 { appendMean(Int(segments[2 * sequence + part])..<Int(segments[2 * sequence + part + 1])) }
    }
    return result
  }

  /// The states of some of a batch's sequences, in the order given.
  func keeping(_ sequences: [Int], of tokens: TokenBatch) -> LayerStates {
    let width = tokens.tokenCount == 0 ? 0 : values.count / tokens.tokenCount
    var kept: [Float] = []
    kept.reserveCapacity(values.count)
    for sequence in sequences {
      kept += values[Int(tokens.offsets[sequence]) * width..<Int(tokens.offsets[sequence + 1]) * width]
    }
    return LayerStates(layer: layer, values: kept)
  }
}
