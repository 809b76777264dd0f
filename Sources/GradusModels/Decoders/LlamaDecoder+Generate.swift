import GradusCore

/// How a text is generated.
public struct GenerationOptions: Sendable, Equatable {
  public var maximumTokens: Int
  public var sampling: Sampling
  /// Generation ends where one of these is chosen; it is not part of the output.
  public var stopTokens: Set<Int32>
  /// Of random sampling.
  public var seed: UInt64
  public var constraintScoring: ConstraintScoring
  /// For single tokens. Prompts are always computed in bfloat16.
  public var arithmetic: LlamaDecoder.Arithmetic

  public init(
    maximumTokens: Int = 256, sampling: Sampling = .greedy, stopTokens: Set<Int32> = [], seed: UInt64 = 1,
    constraintScoring: ConstraintScoring = .masked, arithmetic: LlamaDecoder.Arithmetic = .int8
  ) {
    self.maximumTokens = maximumTokens
    self.sampling = sampling
    self.stopTokens = stopTokens
    self.seed = seed
    self.constraintScoring = constraintScoring
    self.arithmetic = arithmetic
  }
}

/// What a generation cost.
public struct DecoderCounters: Sendable, Equatable {
  /// Tokens of the prompt, cached ones included.
  public var promptTokens = 0
  /// Tokens of the prompt that a ``PrefixCache`` already held.
  public var cachedTokens = 0
  public var outputTokens = 0
  public var promptSeconds = 0.0
  public var generationSeconds = 0.0
}

/// A generated text.
public struct GenerationResult: Sendable, Equatable {
  /// Why a generation ended.
  public enum Ending: Sendable, Equatable {
    case stopToken(Int32)
    /// The constraint allows nothing after the output, which is complete.
    case constraint
    case maximumTokens
    /// The context is full.
    case context
  }

  public let tokens: [Int32]
  /// Of each output token, as ``GenerationOptions/constraintScoring`` says; independent of temperature, topK and topP.
  public let logProbabilities: [Double]
  public let ending: Ending
  public let counters: DecoderCounters
}

extension LlamaDecoder {
  /// Goes on from a prompt, one token at a time.
  ///
  ///     let result = try decoder.generate(prompt, options: GenerationOptions(maximumTokens: 64, stopTokens: [2]))
  ///
  /// - Parameters:
  ///   - prefixes: Where to look for, and to keep, the prompt's keys and values.
  ///   - receive: Called with each output token as it is chosen; return false to stop there.
  /// - Throws: ``DecoderError``.
  public func generate(
    _ prompt: [Int32], options: GenerationOptions = GenerationOptions(), reusing prefixes: PrefixCache? = nil,
    receive: (Int32) -> Bool = { _ in true }
  ) throws -> GenerationResult {
    let all = (0..<Int32(configuration.vocabularySize)).map { $0 }
    return try generate(prompt, options: options, constraint: NoConstraint(all: all), reusing: prefixes, receive: receive)
  }

  /// Goes on from a prompt within a constraint.
  ///
  /// Where the constraint's sequence may end, the stop tokens are allowed besides its own; without stop tokens generation ends
  /// only where nothing else is allowed.
  ///
  /// - Throws: ``DecoderError``; ``DecoderError/nothingAllowed(after:)`` where the constraint leads into a dead end.
  public func generate(
    _ prompt: [Int32], options: GenerationOptions = GenerationOptions(), constraint: some TokenConstraint,
    reusing prefixes: PrefixCache? = nil, receive: (Int32) -> Bool = { _ in true }
  ) throws -> GenerationResult {
    try options.sampling.check()
    guard options.maximumTokens >= 1 else {
      throw DecoderError.option(name: "maximumTokens", value: "\(options.maximumTokens)", allowed: "1 or more")
    }
    let began = secondsNow()
    var (cache, logits, counters) = try process(prompt, reusing: prefixes)
    let prompted = secondsNow()
    counters.promptSeconds = prompted - began
    var generator = SeededGenerator(seed: options.seed).stream("sampling")
    var state = constraint.initialState
    var tokens: [Int32] = [], logProbabilities: [Double] = []
    var ending = GenerationResult.Ending.maximumTokens
    while true {
      let choices = try Choices(constraint, state, options.stopTokens, after: tokens.count, vocabulary: logits.count)
      guard !choices.tokens.isEmpty else {
        ending = .constraint
        break
      }
      let token = options.sampling.choose(choices.tokens, logits, &generator)
      if options.stopTokens.contains(token) {
        ending = .stopToken(token)
        break
      }
      let total =
        options.constraintScoring == .masked
        ? logits.withUnsafeBufferPointer { logSumExp($0) } : logSumExp(logits, over: choices.tokens)
      tokens.append(token)
      logProbabilities.append(Double(logits[Int(token)]) - total)
      state = constraint.state(after: token, in: state)
      if !receive(token) { break }
      if tokens.count == options.maximumTokens {
        if constraint.allowedTokens(in: state).isEmpty { ending = .constraint }
        break
      }
      guard cache.count < configuration.maximumPositions else {
        ending = .context
        break
      }
      logits = try append([token], to: &cache, computing: DecoderRequest(logits: [0]), arithmetic: options.arithmetic).logits[0]
    }
    counters.outputTokens = tokens.count
    counters.generationSeconds = secondsNow() - prompted
    return GenerationResult(tokens: tokens, logProbabilities: logProbabilities, ending: ending, counters: counters)
  }

  /// Computes a prompt, or what of it is not kept, and the logits after it.
  func process(
    _ prompt: [Int32], reusing prefixes: PrefixCache?
  ) throws -> (cache: KVCache, logits: [Float], counters: DecoderCounters) {
    try check(prompt, after: makeCache())
    var cache = prefixes?.longestPrefix(of: prompt, for: self) ?? makeCache()
    let cached = cache.count
    let rest = Array(prompt[cached...])
    let output = try append(rest, to: &cache, computing: DecoderRequest(logits: [rest.count - 1]))
    prefixes?.keep(cache)
    return (cache, output.logits[0], DecoderCounters(promptTokens: prompt.count, cachedTokens: cached))
  }
}

/// What may come next: the constraint's tokens and, where it may end, the stop tokens; ascending.
struct Choices {
  let tokens: [Int32]
  let isComplete: Bool

  init<Constraint: TokenConstraint>(
    _ constraint: Constraint, _ state: Constraint.State, _ stopTokens: Set<Int32>, after count: Int, vocabulary: Int
  ) throws(DecoderError) {
    let allowed = constraint.allowedTokens(in: state)
    isComplete = constraint.isComplete(state)
    let isUnconstrained = allowed.count == vocabulary
    if !isUnconstrained, let bad = allowed.first(where: { $0 < 0 || Int($0) >= vocabulary }) {
      throw .tokenOutOfRange(token: bad, index: count, vocabularySize: vocabulary)
    }
    guard isComplete || !allowed.isEmpty else { throw .nothingAllowed(after: count) }
    // An end that the constraint allows by itself needs no stop token.
    tokens =
      isUnconstrained || !isComplete || allowed.isEmpty
      ? allowed : Set(allowed).union(stopTokens.filter { $0 >= 0 && Int($0) < vocabulary }).sorted()
  }
}
