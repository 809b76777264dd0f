/// How probable a model finds a sequence.
public struct SequenceScore: Sendable, Equatable {
  /// Natural logarithm of each token's probability, given all tokens before it.
  public let tokenLogProbabilities: [Double]

  public var logProbability: Double { tokenLogProbabilities.reduce(0, +) }
  public var meanLogProbability: Double {
    tokenLogProbabilities.isEmpty ? 0 : logProbability / Double(tokenLogProbabilities.count)
  }
  /// exp of the negative mean: as many tokens, equally probable, would be as hard to predict. 1 without any token.
  public var perplexity: Double { exponential(-meanLogProbability) }

  /// log-probability / tokens^lengthPenalty, as ``BeamSearch`` ranks: 0 the sum, 1 the mean.
  public func score(lengthPenalty: Double) -> Double {
    lengthNormalized(logProbability, tokens: tokenLogProbabilities.count, lengthPenalty: lengthPenalty)
  }
}

/// log-probability / tokens^lengthPenalty; without tokens as with one.
func lengthNormalized(_ logProbability: Double, tokens: Int, lengthPenalty: Double) -> Double {
  lengthPenalty == 0 ? logProbability : logProbability / power(Double(max(1, tokens)), lengthPenalty)
}

extension LlamaDecoder {
  /// The logits at the given positions of a text, by itself.
  ///
  ///     let next = try decoder.logits(tokens, at: [tokens.count - 1])[0]
  ///
  /// - Throws: As ``append(_:to:computing:arithmetic:)``.
  public func logits(_ tokens: [Int32], at positions: [Int]) throws -> [[Float]] {
    var cache = makeCache()
    return try append(tokens, to: &cache, computing: DecoderRequest(logits: positions)).logits
  }

  /// Log-probabilities of several continuations of one prefix, computed together.
  ///
  ///     var cache = decoder.makeCache()
  ///     try decoder.append(prompt, to: &cache)
  ///     let scores = try decoder.score([yes, no], after: cache)
  ///
  /// Each is scored as if it stood alone, to the bit. The prefix is not computed again, except for its last token.
  ///
  /// - Parameter cache: At least one token; not changed.
  /// - Returns: One score for each continuation, in order; an empty continuation has none of the probabilities.
  /// - Throws: ``DecoderError``: an empty cache, a token out of range, a context exceeded.
  public func score(
    _ continuations: [[Int32]], after cache: KVCache, arithmetic: Arithmetic = .bfloat16
  ) throws -> [SequenceScore] {
    guard let last = cache.tokens.last else { throw DecoderError.noTokens }
    for continuation in continuations where !continuation.isEmpty { try check(continuation, after: cache) }
    var prefix = cache
    prefix.cut(to: cache.count - 1)
    let output = try append([last], to: &prefix, computing: DecoderRequest(logits: [0]), arithmetic: arithmetic)
    let first = output.logits[0]
    let firstTotal = first.withUnsafeBufferPointer { logSumExp($0) }
    var scores = continuations.map { $0.first.map { [Double(first[Int($0)]) - firstTotal] } ?? [] }
    // The last token of a continuation need not be computed: nothing is asked about what follows it.
    var group: [(number: Int, tokens: [Int32])] = [], rows = 0
    func flush() throws {
      guard !group.isEmpty else { return }
      let members = group
      let forks = members.map { member in
        var fork = prefix
        fork.extend(by: member.tokens)
        return (cache: fork, count: member.tokens.count)
      }
      let places = members.flatMap { member in member.tokens.indices.map { (member.number, $0) } }
      try compute(forks, arithmetic: arithmetic) { pass in
        pass.logits(of: Array(places.indices)) { index, logits in
          let (number, position) = places[index]
          scores[number].append(Double(logits[Int(continuations[number][position + 1])]) - logSumExp(logits))
        }
      }
      group = []
      rows = 0
    }
    for (number, continuation) in continuations.enumerated() where continuation.count > 1 {
      let tokens = Array(continuation.dropLast())
      if tokens.count > DecoderWorkspace.maximumRows {
        scores[number] += try scoreLong(continuation, after: prefix, arithmetic: arithmetic)
        continue
      }
      if rows + tokens.count > DecoderWorkspace.maximumRows { try flush() }
      group.append((number, tokens))
      rows += tokens.count
    }
    try flush()
    return scores.map { SequenceScore(tokenLogProbabilities: $0) }
  }

  /// Log-probabilities of all tokens but the first of a text: the base of its perplexity.
  ///
  ///     let perplexity = try decoder.score(text: tokens).perplexity
  public func score(text tokens: [Int32], arithmetic: Arithmetic = .bfloat16) throws -> SequenceScore {
    guard let first = tokens.first else { throw DecoderError.noTokens }
    var cache = makeCache()
    try append([first], to: &cache, arithmetic: arithmetic)
    return try score([Array(tokens.dropFirst())], after: cache, arithmetic: arithmetic)[0]
  }

  /// All but the first token's log-probability of a continuation that is longer than a pass.
  private func scoreLong(_ continuation: [Int32], after prefix: KVCache, arithmetic: Arithmetic) throws -> [Double] {
    var cache = prefix
    var result: [Double] = []
    for piece in Self.pieces(continuation.count - 1) {
      cache.extend(by: Array(continuation[piece]))
      try compute([(cache, piece.count)], arithmetic: arithmetic) { pass in
        pass.logits(of: Array(0..<piece.count)) { index, logits in
          result.append(Double(logits[Int(continuation[piece.lowerBound + index + 1])]) - logSumExp(logits))
        }
      }
    }
    return result
  }
}
