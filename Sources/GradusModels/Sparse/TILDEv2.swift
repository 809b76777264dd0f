import GradusCore
import GradusTensor
import GradusText

/// TILDEv2: one learned weight for each token of an (expanded) passage, queries that are only tokenized, and exact matches of
/// both (Zhuang and Zuccon, 2021).
///
///     w_i = relu(u . h_i + b)
///     score(q, d) = sum over q's tokens t, repeats counted, of max over the positions of d with token t of w_i
///
///     let model = TILDEv2(encoder: encoder, tokenizer: tokenizer, expander: nil, seed: 7)
///     let weights = try model.weights(of: passages).weights      // what an index stores
///
/// As a model of vectors a query is the counts of its tokens and a passage the weights of its own, both over the vocabulary, so
/// that the usual losses train it: the paper's is `InfoNCELoss(temperature: 1, similarity: .dot)`.
public struct TILDEv2: EmbeddingScorer {
  /// What adds tokens to passages, in training as in indexing.
  public struct Expansion: @unchecked Sendable {
    // Unchecked: the expander's weights do not change while it is used.
    public let expander: TILDE
    /// Entries of the vocabulary that are looked at, of which the new ones are added.
    public let count: Int
    let known = Guarded<[String: [Int32]]>([:])

    public init(expander: TILDE, count: Int = 200) {
      self.expander = expander
      self.count = count
    }

    /// The added tokens of each passage, each passage expanded once.
    func tokens(_ passages: [String]) throws -> [[Int32]] {
      let missing = known.withLock { known in distinct(passages).values.filter { known[$0] == nil } }
      if !missing.isEmpty {
        let found = try expander.expansions(of: missing, count: count)
        known.withLock { known in for (text, ids) in zip(missing, found) { known[text] = ids } }
      }
      return known.withLock { known in passages.map { known[$0] ?? [] } }
    }

    /// The same of passages that are not met again: nothing more is remembered.
    func passingTokens(_ passages: [String]) throws -> [[Int32]] {
      let found = known.withLock { known in passages.map { known[$0] } }
      var rest = try expander.expansions(of: zip(passages, found).filter { $1 == nil }.map(\.0), count: count)[...]
      return found.map { $0 ?? rest.removeFirst() }
    }
  }

  public let encoder: BertEncoder
  public let tokenizer: any InputTokenizer
  public let expansion: Expansion?
  public let stops: StopTokens
  /// Of an expanded passage, specials included; the least likely expansions are cut first.
  public let maximumPassageTokens: Int
  /// Of a query, specials included, as the paper counts.
  public let maximumQueryTokens: Int
  let head: Linear

  /// Tokens of a passage's own text that are read before expansions, specials included: 128 of the paper's 192.
  public static func textTokens(of maximumPassageTokens: Int) -> Int { max(3, maximumPassageTokens * 2 / 3) }

  /// A fresh head: normal weights of the encoder's spread, bias 0.
  ///
  /// - Throws: ``ModelError/positions(asked:limit:)``.
  public init(
    encoder: BertEncoder, tokenizer: any InputTokenizer, expansion: Expansion? = nil, maximumPassageTokens: Int = 192,
    maximumQueryTokens: Int = 16, seed: UInt64
  ) throws {
    var generator = SeededGenerator(seed: seed).stream("token weight head")
    let head = Linear(
      Self.headName, inputs: encoder.configuration.hiddenSize, outputs: 1,
      standardDeviation: encoder.configuration.initializerRange, using: &generator)
    try self.init(
      encoder: encoder, tokenizer: tokenizer, expansion: expansion, maximumPassageTokens: maximumPassageTokens,
      maximumQueryTokens: maximumQueryTokens, head: head)
  }

  init(
    encoder: BertEncoder, tokenizer: any InputTokenizer, expansion: Expansion?, maximumPassageTokens: Int,
    maximumQueryTokens: Int, head: Linear
  ) throws {
    let positions = encoder.configuration.maximumPositions
    guard maximumPassageTokens <= positions else {
      throw ModelError.positions(asked: maximumPassageTokens, limit: positions)
    }
    self.encoder = encoder
    self.tokenizer = tokenizer
    self.expansion = expansion
    self.maximumPassageTokens = maximumPassageTokens
    self.maximumQueryTokens = maximumQueryTokens
    self.head = head
    stops = StopTokens(tokenizer)
  }

  static let headName = "tok_proj"

  public var parameters: [Parameter] { encoder.parameters + head.parameters }
  public var headParameters: [Parameter] { head.parameters }
  public var dimension: Int { encoder.configuration.vocabularySize }
  public var scoreScale: Double { 1 }

  // MARK: - Reading

  /// The tokens that a query is matched by, repeats included.
  public func queryTokens(_ text: String) -> [Int32] {
    tokenizer.encode(text).prefix(max(0, maximumQueryTokens - 2)).filter { !stops.matching.contains($0) }
  }

  /// `[CLS] text [SEP]`, or `[CLS] text [SEP] expansions [SEP]`.
  func passage(_ text: String, added: [Int32]?) throws -> TokenizedInput {
    let limit = added == nil ? maximumPassageTokens : Self.textTokens(of: maximumPassageTokens)
    let own = try tokenizer.inputs(text, limits: TokenLimits(maximumTokens: limit))[0]
    guard let added, !added.isEmpty, let end = own.ids.last, own.ids.count + 1 < maximumPassageTokens else { return own }
    let kept = added.prefix(maximumPassageTokens - own.ids.count - 1)
    let ids = own.ids + kept + [end]
    return TokenizedInput(
      ids: ids, segmentIDs: own.segmentIDs + [Int32](repeating: 0, count: ids.count - own.ids.count),
      truncatedTokens: own.truncatedTokens)
  }

  private func passages(_ texts: [String], added: [[Int32]]?) throws -> [TokenizedInput] {
    try texts.enumerated().map { try passage($1, added: added?[$0]) }
  }

  public func tokens(of pair: ScoringPair) throws -> (read: Int, truncated: Int) {
    let text = pair.document.contents
    let input = try passage(text, added: try expansion?.tokens([text])[0])
    return (input.ids.count, input.truncatedTokens)
  }

  // MARK: - Weights

  /// The largest weight of each token of passages, stop and special tokens left out; tokens of weight 0 have none.
  ///
  /// - Parameter progress: Called with the number of passages done since the last call.
  public func weights(
    of texts: [String], progress: (Int) -> Void = { _ in }
  ) throws -> (weights: [TokenWeights], truncatedTokens: [Int]) {
    let inputs = try passages(texts, added: try expansion?.passingTokens(texts))
    return (try weights(of: inputs, progress: progress), inputs.map(\.truncatedTokens))
  }

  private func weights(of inputs: [TokenizedInput], progress: (Int) -> Void = { _ in }) throws -> [TokenWeights] {
    let fused = try FusedBertEncoder(encoder, precision: .fp32)
    let direction = head.weight.value.floats(), bias = head.bias?.value.floats()[0] ?? 0
    let width = encoder.configuration.hiddenSize
    var result = [TokenWeights](repeating: TokenWeights(ids: [], weights: []), count: inputs.count)
    for batch in BatchPlan(lengths: inputs.map(\.ids.count)).batches {
      var tokens = TokenBatch()
      for index in batch { tokens.append(inputs[index]) }
      let hidden = try fused.hidden(tokens)
      for (row, index) in batch.enumerated() {
        var largest: [Int32: Float] = [:]
        for position in Int(tokens.offsets[row])..<Int(tokens.offsets[row + 1]) {
          let id = tokens.ids[position]
          guard !stops.matching.contains(id) else { continue }
          var weight = bias
          for unit in 0..<width { weight += direction[unit] * hidden[position * width + unit] }
          if weight > largest[id] ?? 0 { largest[id] = weight }
        }
        let ids = largest.keys.sorted()
        result[index] = TokenWeights(ids: ids, weights: ids.map { largest[$0] ?? 0 })
      }
      progress(batch.count)
    }
    return result
  }

  // MARK: - Scoring and training

  /// Counts of the queries' tokens `[queries, vocabulary]`, and the largest weight of each token of the documents
  /// `[documents, vocabulary]`, of which the latter are differentiable.
  public func embeddings(
    queries: [Query], documents: [Document], context: ForwardContext
  ) throws -> (queries: Tensor, documents: Tensor) {
    var counts = [Float](repeating: 0, count: queries.count * dimension)
    for (row, query) in queries.enumerated() {
      for id in queryTokens(query.text) { counts[row * dimension + Int(id)] += 1 }
    }
    let texts = documents.map(\.contents)
    let inputs = try passages(texts, added: try expansion?.tokens(texts))
    var tokens = TokenBatch()
    for input in inputs { tokens.append(input) }
    let weights = head(encoder(tokens, context)).relu()
    let type = weights.type
    let matrix = Self.largestByToken(weights, tokens, leavingOut: stops.matching, vocabulary: dimension)
    return (Tensor(counts, shape: [queries.count, dimension]).cast(to: type), matrix)
  }

  /// `[tokens, 1]` to `[sequences, vocabulary]`: each token's largest weight in each sequence, 0 where it does not occur.
  static func largestByToken(
    _ weights: Tensor, _ tokens: TokenBatch, leavingOut stops: Set<Int32>, vocabulary: Int
  ) -> Tensor {
    var order: [Int32] = []
    var lengths: [Int] = []
    var places: [Int32] = []
    for sequence in 0..<tokens.sequenceCount {
      let range = Int(tokens.offsets[sequence])..<Int(tokens.offsets[sequence + 1])
      let positions = range.filter { !stops.contains(tokens.ids[$0]) }
        .sorted { (tokens.ids[$0], $0) < (tokens.ids[$1], $1) }
      for (rank, position) in positions.enumerated() {
        if rank > 0, tokens.ids[positions[rank - 1]] == tokens.ids[position] {
          lengths[lengths.count - 1] += 1
        } else {
          lengths.append(1)
          places.append(Int32(sequence * vocabulary) + tokens.ids[position])
        }
        order.append(Int32(position))
      }
    }
    let shape = [tokens.sequenceCount, vocabulary]
    guard !order.isEmpty else { return .zeros(shape, type: weights.type) }
    let sorted = weights.indexSelect(Tensor(indices: order, shape: [order.count]))
    let largest = sorted.segmentMax(RaggedBatch(lengths: lengths)).reshaped(to: [places.count])
    return largest.indexAdded(Tensor(indices: places, shape: [places.count]), extent: shape[0] * vocabulary)
      .reshaped(to: shape)
  }

  /// Documents are read once each; queries are looked up in their weights.
  public func inferredScores(
    _ pairs: [ScoringPair], maximumTokens: Int, progress: (Int) -> Void
  ) throws -> [CandidateScore] {
    let (texts, rows) = distinct(pairs.map(\.document.contents))
    let inputs = try passages(texts, added: try expansion?.tokens(texts))
    let weights = try weights(of: inputs)
    let scores = zip(pairs, rows).map { pair, row in
      let stored = weights[Int(row)]
      let score = queryTokens(pair.query.text).reduce(0.0) { $0 + Double(stored[$1]) }
      return CandidateScore(score: score, truncatedTokens: inputs[Int(row)].truncatedTokens)
    }
    progress(pairs.count)
    return scores
  }
}
