#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore
import GradusTensor
import GradusText

/// TILDE: from one reading of a text, how likely each entry of the vocabulary is in the other one, a query's words given a
/// passage or a passage's given a query (Zhuang and Zuccon, SIGIR 2021). It ranks without reading queries, and expands passages.
///
///     let tilde = try TILDE(folder: ModelFolder(path: "tilde"))
///     let added = try tilde.expansions(of: [passage], count: 200)
///
/// `[CLS]` is replaced by a marker, and only the first position is read: its logits z give `p_v = sigmoid(z_v)`.
///
///     score(q, d) = alpha * sum over q's tokens of log10 p_v(d) + (1 - alpha) * mean over d's tokens of log10 p_v(q)
public struct TILDE: EmbeddingScorer {
  /// Where a text's logits are read.
  public enum Reading: String, Sendable, Codable, CaseIterable {
    /// At the first position, after training for it (``BidirectionalQueryLikelihoodLoss``).
    case first
    /// The largest of all positions, `[CLS]` unchanged: for models that were trained with max pooling, such as SPLADE's, which
    /// then need no training here.
    case largest
  }

  public let model: MaskedLanguageModel
  public let tokenizer: any InputTokenizer
  public let reading: Reading
  public let stops: StopTokens
  /// Tokens that are read of a passage and of a query, specials included.
  public let maximumPassageTokens: Int
  public let maximumQueryTokens: Int
  /// Weight of the query's likelihood in scores, from 0 to 1; at 1 queries are not read.
  public var alpha = 1.0

  /// Ids that stand in `[CLS]`'s place: unused entries of BERT's vocabulary.
  static let passageMarker: Int32 = 1
  static let queryMarker: Int32 = 2

  /// - Throws: ``ModelError``, ``MaskedLanguageModelError``, `TokenizerError`.
  public init(
    folder: ModelFolder, reading: Reading = .first, maximumPassageTokens: Int = 128, maximumQueryTokens: Int = 16
  ) throws {
    try self.init(
      model: MaskedLanguageModel(folder: folder), tokenizer: folder.tokenizer(), reading: reading,
      maximumPassageTokens: maximumPassageTokens, maximumQueryTokens: maximumQueryTokens)
  }

  public init(
    model: MaskedLanguageModel, tokenizer: any InputTokenizer, reading: Reading = .first, maximumPassageTokens: Int = 128,
    maximumQueryTokens: Int = 16
  ) throws {
    let most = max(maximumPassageTokens, maximumQueryTokens), positions = model.encoder.configuration.maximumPositions
    guard most <= positions else { throw ModelError.positions(asked: most, limit: positions) }
    self.model = model
    self.tokenizer = tokenizer
    self.reading = reading
    self.maximumPassageTokens = maximumPassageTokens
    self.maximumQueryTokens = maximumQueryTokens
    stops = StopTokens(tokenizer)
  }

  public var parameters: [Parameter] { model.parameters }
  public var headParameters: [Parameter] { model.headParameters }

  /// The part of a text that is read.
  public enum Role: Sendable { case passage, query }

  func input(_ text: String, _ role: Role) throws -> TokenizedInput {
    let most = role == .passage ? maximumPassageTokens : maximumQueryTokens
    let input = try tokenizer.inputs(text, limits: TokenLimits(maximumTokens: most))[0]
    guard reading == .first else { return input }
    let marker = role == .passage ? Self.passageMarker : Self.queryMarker
    return TokenizedInput(
      ids: [marker] + input.ids.dropFirst(), segmentIDs: input.segmentIDs, truncatedTokens: input.truncatedTokens)
  }

  /// Tokens of a text that are predicted from the other one: those read, without stop and special tokens.
  public func targets(_ text: String, _ role: Role) throws -> [Int32] {
    let most = role == .passage ? maximumPassageTokens : maximumQueryTokens
    return tokenizer.encode(text).prefix(max(0, most - 2)).filter { !stops.matching.contains($0) }
  }

  /// Logits over the vocabulary, `[texts, vocabulary]`; differentiable.
  func logits(_ texts: [String], _ role: Role, _ context: ForwardContext) throws -> Tensor {
    var tokens = TokenBatch()
    for text in texts { tokens.append(try input(text, role)) }
    switch reading {
    case .first: return model.logits(model.encoder.firstTokens(tokens, context))
    case .largest:
      return model.logits(model.encoder(tokens, context)).segmentMax(RaggedBatch(offsets: tokens.offsets))
    }
  }

  // MARK: - Expansion

  /// Words that passages could have had: of the `count` most likely entries of the vocabulary those that are neither in the
  /// passage nor expansion stops, the most likely first. The best are taken before the others are removed, so there are fewer.
  ///
  /// - Parameter progress: Called with the number of passages done since the last call.
  /// - Throws: ``TILDEError/expansionCount(found:vocabulary:)``; as ``BertEncoder`` and tokenizers throw.
  public func expansions(
    of passages: [String], count: Int, progress: (Int) -> Void = { _ in }
  ) throws -> [[Int32]] {
    let width = model.vocabularySize
    guard (1...width).contains(count) else { throw TILDEError.expansionCount(found: count, vocabulary: width) }
    let inputs = try passages.map { try input($0, .passage) }
    let fused = try FusedBertEncoder(model.encoder, precision: .fp32)
    var result = [[Int32]](repeating: [], count: passages.count)
    for batch in BatchPlan(lengths: inputs.map(\.ids.count), maximumTokens: 4096, maximumSequences: 64).batches {
      var tokens = TokenBatch()
      for index in batch { tokens.append(inputs[index]) }
      let logits: [Float]
      switch reading {
      case .first:
        let first = Tensor(
          try fused.pooled(tokens, .cls), shape: [batch.count, model.encoder.configuration.hiddenSize])
        logits = withoutGradients { model.logits(first) }.floats()
      case .largest: logits = model.largestLogits(try fused.hidden(tokens), tokens)
      }
      for (row, index) in batch.enumerated() {
        let own = Set(tokenizer.encode(passages[index]))
        result[index] = Self.best(count, of: logits[row * width..<(row + 1) * width]).filter { id in
          !own.contains(id) && !stops.expansion.contains(id)
        }
      }
      progress(batch.count)
    }
    return result
  }

  /// Ids of the greatest logits, the greatest first, the smaller id among equals.
  static func best(_ count: Int, of logits: ArraySlice<Float>) -> [Int32] {
    func precedes(_ first: (logit: Float, id: Int32), _ second: (logit: Float, id: Int32)) -> Bool {
      first.logit != second.logit ? first.logit > second.logit : first.id < second.id
    }
    var kept: [(logit: Float, id: Int32)] = []
    // Ids ascend, so that an equal logit later on never belongs before one that is kept.
    var threshold = -Float.infinity
    for (id, logit) in logits.enumerated() where logit > threshold || kept.count < count {
      kept.append((logit, Int32(id)))
      guard kept.count >= 4 * count else { continue }
      kept.sort(by: precedes)
      kept.removeSubrange(count...)
      threshold = kept[count - 1].logit
    }
    return kept.sorted(by: precedes).prefix(count).map(\.id)
  }

  // MARK: - Scoring and training

  /// Logits of a text stand for its vector; a pair's score is not their product.
  public var dimension: Int { model.vocabularySize }
  public var scoreScale: Double { 1 }

  /// The logits of queries and of documents.
  public func embeddings(
    queries: [Query], documents: [Document], context: ForwardContext
  ) throws -> (queries: Tensor, documents: Tensor) {
    (
      try logits(queries.map(\.text), .query, context), try logits(documents.map(\.contents), .passage, context)
    )
  }

  public func tokens(of pair: ScoringPair) throws -> (read: Int, truncated: Int) {
    let both = [try input(pair.query.text, .query), try input(pair.document.contents, .passage)]
    return (both.reduce(0) { $0 + $1.ids.count }, both.reduce(0) { $0 + $1.truncatedTokens })
  }

  /// `[pairs]`, in units of log10.
  public func scores(_ batch: [ScoringPair], context: ForwardContext) throws -> Tensor {
    let queries = try batch.map { try targets($0.query.text, .query) }
    let passages = alpha < 1 ? try batch.map { try targets($0.document.contents, .passage) } : []
    let ofPassages = try logits(batch.map(\.document.contents), .passage, context)
    let likelihood = Self.logLikelihoods(ofPassages, queries)
    guard alpha < 1 else { return likelihood }
    let ofQueries = try logits(batch.map(\.query.text), .query, context)
    let counts = Tensor(passages.map { 1 / Float(max(1, $0.count)) }, shape: [batch.count])
    return likelihood * alpha + Self.logLikelihoods(ofQueries, passages) * counts * (1 - alpha)
  }

  /// `sum over the row's tokens of log10 sigmoid(z)`: `[rows]`.
  static func logLikelihoods(_ logits: Tensor, _ tokens: [[Int32]]) -> Tensor {
    let width = logits.shape[1]
    let flat = logits.reshaped(to: [logits.count])
    let places = tokens.enumerated().flatMap { row, ids in ids.map { Int32(row * width) + $0 } }
    guard !places.isEmpty else { return .zeros([tokens.count], type: logits.type) }
    let picked = flat.indexSelect(Tensor(indices: places, shape: [places.count]))
    // log sigmoid(z) = -softplus(-z)
    let logs = -(-picked).softplus() * (1 / log(10.0))
    return logs.reshaped(to: [places.count, 1]).segmentSum(RaggedBatch(lengths: tokens.map(\.count))).reshaped(to: [tokens.count])
  }
}

/// Settings of TILDE and TILDEv2 that cannot be.
public enum TILDEError: GradusError, Equatable {
  case expansionCount(found: Int, vocabulary: Int)
  /// A saved TILDEv2 whose description cannot be read.
  case description(file: String, reason: String)

  public var failureKind: FailureKind {
    switch self {
    case .expansionCount: .usage
    case .description: .badData
    }
  }

  public var description: String {
    switch self {
    case .expansionCount(let found, let vocabulary):
      "passages were to be expanded by the best \(found) entries of a vocabulary of \(vocabulary); give from 1 to \(vocabulary)"
    case .description(let file, let reason): "\(file): \(reason)"
    }
  }
}
