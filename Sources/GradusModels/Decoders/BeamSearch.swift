import GradusCore

/// Beam search: the best sequences by their log-probability, several at a time.
///
///     let search = BeamSearch(width: 5, maximumTokens: 12, lengthPenalty: 1)
///     let best = try search.run(decoder, prompt: prompt, constraint: try TokenTrie(titles))
///     best[0].tokens
public struct BeamSearch: Sendable, Equatable {
  /// Hypotheses that are followed at once, and that are returned at most.
  public var width: Int
  public var maximumTokens: Int
  /// Scores are log-probability / tokens^lengthPenalty: 0 the sum, 1 the mean.
  public var lengthPenalty: Double
  /// Tokens that end a hypothesis and count as one of its tokens' probabilities. Where there are none, a hypothesis may end,
  /// at no cost, wherever the constraint's sequence may.
  public var stopTokens: Set<Int32>
  public var scoring: ConstraintScoring
  public var arithmetic: LlamaDecoder.Arithmetic

  public init(
    width: Int, maximumTokens: Int, lengthPenalty: Double = 0, stopTokens: Set<Int32> = [],
    scoring: ConstraintScoring = .masked, arithmetic: LlamaDecoder.Arithmetic = .int8
  ) {
    self.width = width
    self.maximumTokens = maximumTokens
    self.lengthPenalty = lengthPenalty
    self.stopTokens = stopTokens
    self.scoring = scoring
    self.arithmetic = arithmetic
  }

  /// An output that was found.
  public struct Hypothesis: Sendable, Equatable {
    /// Without a stop token.
    public let tokens: [Int32]
    public let logProbability: Double
    public let score: Double
    /// Whether it has ended; false where it was cut at `maximumTokens`.
    public let isComplete: Bool
  }

  /// - Returns: At most `width` hypotheses, complete ones first, then by score, then by tokens.
  /// - Throws: ``DecoderError``; ``DecoderError/nothingAllowed(after:)`` where the constraint leads into a dead end.
  public func run(
    _ decoder: LlamaDecoder, prompt: [Int32], constraint: some TokenConstraint, reusing prefixes: PrefixCache? = nil
  ) throws -> [Hypothesis] {
    for (name, value) in [("width", width), ("maximumTokens", maximumTokens)] where value < 1 {
      throw DecoderError.option(name: name, value: "\(value)", allowed: "1 or more")
    }
    let (cache, logits, _) = try decoder.process(prompt, reusing: prefixes)
    var live = [Beam(cache: cache, logits: logits, state: constraint.initialState)]
    var ended: [Hypothesis] = []
    for length in 0..<maximumTokens where !live.isEmpty {
      var steps: [Step] = []
      for (parent, beam) in live.enumerated() {
        let choices = try Choices(constraint, beam.state, stopTokens, after: length, vocabulary: beam.logits.count)
        if choices.isComplete, length > 0, stopTokens.isEmpty || choices.tokens.isEmpty {
          ended.append(hypothesis(beam, isComplete: true))
        }
        steps += best(beam, choices.tokens, parent: parent)
      }
      steps.sort { $0.precedes($1) }
      live = try advance(live, Array(steps.prefix(width)), constraint, decoder, &ended)
      ended = ranked(ended)
      // Sums only fall: no live hypothesis can overtake any more.
      if lengthPenalty == 0, ended.count >= width, let worst = ended.last?.logProbability {
        live.removeAll { $0.logProbability <= worst }
      }
    }
    for beam in live {
      // Where the constraint may go on, only a stop token ends the sequence.
      let mayEnd = stopTokens.isEmpty || constraint.allowedTokens(in: beam.state).isEmpty
      let isComplete = mayEnd && constraint.isComplete(beam.state)
      ended.append(hypothesis(beam, isComplete: isComplete))
    }
    return ranked(ended)
  }

  /// Beam search without a constraint; `stopTokens` end a hypothesis.
  public func run(_ decoder: LlamaDecoder, prompt: [Int32], reusing prefixes: PrefixCache? = nil) throws -> [Hypothesis] {
    guard !stopTokens.isEmpty else {
      throw DecoderError.option(name: "stopTokens", value: "empty", allowed: "at least one where there is no constraint")
    }
    let all = (0..<Int32(decoder.configuration.vocabularySize)).map { $0 }
    return try run(decoder, prompt: prompt, constraint: NoConstraint(all: all), reusing: prefixes)
  }

  private struct Beam<State: Sendable> {
    var cache: KVCache
    var logits: [Float]
    var state: State
    var tokens: [Int32] = []
    var logProbability = 0.0
  }

  private struct Step {
    let parent: Int
    let token: Int32
    let logProbability: Double

    func precedes(_ other: Step) -> Bool {
      (-logProbability, parent, token) < (-other.logProbability, other.parent, other.token)
    }
  }

  /// The `width` best steps from one hypothesis.
  private func best<State>(_ beam: Beam<State>, _ tokens: [Int32], parent: Int) -> [Step] {
    guard !tokens.isEmpty else { return [] }
    let total =
      scoring == .masked ? beam.logits.withUnsafeBufferPointer { logSumExp($0) } : logSumExp(beam.logits, over: tokens)
    var steps = tokens.map {
      Step(parent: parent, token: $0, logProbability: beam.logProbability + Double(beam.logits[Int($0)]) - total)
    }
    steps.sort { $0.precedes($1) }
    return Array(steps.prefix(width))
  }

  private func advance<Constraint: TokenConstraint>(
    _ live: [Beam<Constraint.State>], _ steps: [Step], _ constraint: Constraint, _ decoder: LlamaDecoder,
    _ ended: inout [Hypothesis]
  ) throws -> [Beam<Constraint.State>] {
    var next: [Beam<Constraint.State>] = []
    for step in steps {
      var beam = live[step.parent]
      beam.logProbability = step.logProbability
      if stopTokens.contains(step.token) {
        ended.append(hypothesis(beam, isComplete: true, steps: beam.tokens.count + 1))
        continue
      }
      beam.tokens.append(step.token)
      beam.state = constraint.state(after: step.token, in: beam.state)
      next.append(beam)
    }
    let isLast = next.first.map { $0.tokens.count == maximumTokens } ?? true
    guard !isLast else { return next }
    var caches = next.map(\.cache)
    let logits = try decoder.step(next.map { $0.tokens[$0.tokens.count - 1] }, &caches, arithmetic: arithmetic)
    for index in next.indices {
      next[index].cache = caches[index]
      next[index].logits = logits[index]
    }
    return next
  }

  private func hypothesis<State>(_ beam: Beam<State>, isComplete: Bool, steps: Int? = nil) -> Hypothesis {
    Hypothesis(
      tokens: beam.tokens, logProbability: beam.logProbability,
      score: lengthNormalized(beam.logProbability, tokens: steps ?? beam.tokens.count, lengthPenalty: lengthPenalty),
      isComplete: isComplete)
  }

  private func ranked(_ hypotheses: [Hypothesis]) -> [Hypothesis] {
    let sorted = hypotheses.sorted { a, b in
      if a.isComplete != b.isComplete { return a.isComplete }
      if a.score != b.score { return a.score > b.score }
      return a.tokens.lexicographicallyPrecedes(b.tokens)
    }
    return Array(sorted.prefix(width))
  }
}
