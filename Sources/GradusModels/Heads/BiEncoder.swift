import GradusCore
import GradusTensor
import GradusText

/// A bi-encoder: one vector a text, read apart from all others; similarity is the inner product of two vectors.
///
///     let model = try BiEncoder(folder: ModelFolder(path: "models/minilm-l6"))
///     let vectors = try model.encode(["This is an example sentence", "Each sentence is converted"])
///
/// Obeys what sentence-transformers' `modules.json` says about pooling, dense layers and unit length,
/// `sentence_bert_config.json` about the longest text and `config_sentence_transformers.json` about prompts; without them,
/// mean pooling, unit length and all positions.
public struct BiEncoder: Module {
  public let encoder: BertEncoder
  public let pooling: Pooling
  public var limits: TokenLimits
  /// What goes before queries and documents.
  public let prompts: SentencePrompts
  let tokenizer: any InputTokenizer
  /// After pooling, in order.
  let steps: [SentenceStep]
  let poolsPrompt: Bool
  let lowercases: Bool
  /// What turns an inner product into a pair's score: ``cosineScale`` for vectors of unit length, 1 for others, unless set.
  public var scoreScale: Double
  /// What ``encode(_:prompt:maximumTokens:progress:)`` runs on; nil for the path that trains.
  private(set) var fused: FusedBertEncoder?

  /// - Parameters:
  ///   - tokenizer: That of the encoder's folder (``ModelFolder/tokenizer()``), so that every id has an embedding.
  ///   - limits: Nil for all positions that the encoder has.
  public init(
    encoder: BertEncoder, tokenizer: any InputTokenizer, pooling: Pooling = .mean, isNormalized: Bool = true,
    limits: TokenLimits? = nil, prompts: SentencePrompts = SentencePrompts()
  ) {
    self.encoder = encoder
    self.tokenizer = tokenizer
    self.pooling = pooling
    self.prompts = prompts
    steps = isNormalized ? [.normalize] : []
    poolsPrompt = true
    lowercases = false
    scoreScale = isNormalized ? Self.cosineScale : 1
    self.limits = limits ?? TokenLimits(maximumTokens: encoder.configuration.maximumPositions)
  }

  /// - Parameter limits: Nil for what the folder says.
  /// - Throws: ``ModelError``, `TokenizerError`.
  public init(folder: ModelFolder, limits: TokenLimits? = nil) throws {
    guard try folder.colBERTLayout() == nil else { throw ModelError.tokenVectorsOnly(folder: folder.path) }
    encoder = try BertEncoder(folder: folder)
    let settings = try SentenceSettings(folder: folder, width: encoder.configuration.hiddenSize)
    tokenizer = try folder.tokenizer()
    pooling = settings.pooling
    prompts = settings.prompts
    steps = settings.steps
    poolsPrompt = settings.poolsPrompt
    lowercases = settings.lowercases
    scoreScale = if case .normalize? = settings.steps.last { Self.cosineScale } else { 1 }
    self.limits = limits ?? TokenLimits(maximumTokens: settings.maximumTokens ?? encoder.configuration.maximumPositions)
  }

  public var parameters: [Parameter] { encoder.parameters + steps.flatMap(\.parameters) }
  /// Whether vectors have unit length, so that inner products are cosines.
  public var isNormalized: Bool { if case .normalize? = steps.last { true } else { false } }
  public var scoreKind: ScoreKind { isNormalized ? .cosine : .dotProduct }
  public var dimension: Int {
    for case .dense(let dense) in steps.reversed() { return dense.width }
    return encoder.configuration.hiddenSize
  }

  /// Vectors of packed sequences, `[sequences, dimension]`; differentiable.
  ///
  /// - Parameter skipping: Tokens at the start of each sequence that are not pooled: those of a prompt that does not count.
  public func vectors(_ tokens: TokenBatch, skipping: Int = 0, _ context: ForwardContext) -> Tensor {
    pooledVectors(encoder(tokens, context), tokens, skipping: skipping)
  }

  /// Vectors from the encoder's hidden states `[tokens, hidden]`.
  func pooledVectors(_ hidden: Tensor, _ tokens: TokenBatch, skipping: Int) -> Tensor {
    steps.reduce(hidden.pooled(tokens, pooling, skipping: skipping)) { vectors, step in step(vectors) }
  }

  /// The same model with its present weights packed for inference: several times faster to encode with.
  ///
  ///     let vectors = try model.prepared(for: .bf16).encode(texts).vectors
  ///
  /// Training the copy, or this model, does not change what the copy encodes.
  ///
  /// - Throws: ``ModelError/weightNotFinite(name:index:)``.
  public func prepared(for precision: NumericPrecision) throws -> BiEncoder {
    var result = self
    result.fused = try FusedBertEncoder(encoder, precision: precision)
    return result
  }

  /// The arithmetic of ``encode(_:prompt:maximumTokens:progress:)``.
  public var precision: NumericPrecision { fused?.precision ?? .fp32 }

  /// Vectors of packed sequences without gradient, `[sequences * dimension]`: by the packed weights where there are any.
  ///
  /// - Throws: as ``FusedBertEncoder/hidden(_:)``.
  public func inferredVectors(_ tokens: TokenBatch, skipping: Int = 0) throws -> [Float] {
    guard let fused else { return withoutGradients { self.vectors(tokens, skipping: skipping, .inference) }.floats() }
    var values = try fused.pooled(tokens, pooling, skipping: skipping)
    var width = encoder.configuration.hiddenSize
    for step in steps {
      switch step {
      case .normalize:
        for start in stride(from: 0, to: values.count, by: width) { normalize(&values, start..<start + width) }
      case .dense(let dense):
        values = withoutGradients { dense(Tensor(values, shape: [values.count / width, width])) }.floats()
        width = dense.width
      }
    }
    return values
  }

  /// One vector a text, in input order, with the number of tokens that were cut off.
  ///
  /// - Parameters:
  ///   - prompt: What goes before each text. Its tokens count towards the limit.
  ///   - maximumTokens: Budget of a batch; changes the memory that is needed and no bit of a vector.
  ///   - progress: Called with the number of texts done since the last call.
  /// - Throws: ``ModelError/positions(asked:limit:)``, ``ModelError/windowsOfBiEncoder``,
  ///   ``ModelError/unknownPrompt(name:known:)``; under the error policy `TokenizerError.tooLong`.
  public func encode(
    _ texts: [String], prompt: PromptChoice = .standard, maximumTokens: Int = 8192, progress: (Int) -> Void = { _ in }
  ) throws -> (vectors: [[Float]], truncatedTokens: [Int]) {
    let inputs = try read(texts, prompt: prompt)
    return (
      try encode(read: inputs, prompt: prompt, maximumTokens: maximumTokens, progress: progress),
      inputs.map(\.truncatedTokens)
    )
  }

  /// The inputs of texts, in order: what ``encode(read:prompt:maximumTokens:progress:)`` takes. Throws as
  /// ``encode(_:prompt:maximumTokens:progress:)``.
  public func read(_ texts: [String], prompt: PromptChoice = .standard) throws -> [TokenizedInput] {
    let positions = encoder.configuration.maximumPositions
    guard limits.maximumTokens <= positions else {
      throw ModelError.positions(asked: limits.maximumTokens, limit: positions)
    }
    guard limits.policy != .window else { throw ModelError.windowsOfBiEncoder }
    let prefix = try prompts.text(prompt)
    return try texts.map { text in
      let whole = prefix + text
      return try tokenizer.inputs(lowercases ? whole.lowercased() : whole, limits: limits)[0]
    }
  }

  /// One vector for each input of ``read(_:prompt:)`` with the same prompt.
  public func encode(
    read inputs: [TokenizedInput], prompt: PromptChoice = .standard, maximumTokens: Int = 8192,
    progress: (Int) -> Void = { _ in }
  ) throws -> [[Float]] {
    let skipping = try skippedTokens(prompt)
    var vectors = [[Float]](repeating: [], count: inputs.count)
    for batch in BatchPlan(lengths: inputs.map(\.ids.count), maximumTokens: maximumTokens).batches {
      var tokens = TokenBatch()
      for index in batch { tokens.append(inputs[index]) }
      let values = try inferredVectors(tokens, skipping: skipping)
      for (row, index) in batch.enumerated() { vectors[index] = Array(values[row * dimension..<(row + 1) * dimension]) }
      progress(batch.count)
    }
    return vectors
  }

  /// What the encoder reads of each text, and the tokens at the start of each that are not pooled.
  func inputs(_ texts: [String], prompt: PromptChoice) throws -> (inputs: [TokenizedInput], skipping: Int) {
    (try read(texts, prompt: prompt), try skippedTokens(prompt))
  }

  private func skippedTokens(_ prompt: PromptChoice) throws -> Int {
    let prefix = try prompts.text(prompt)
    return poolsPrompt || prefix.isEmpty ? 0 : promptTokens(prefix)
  }

  /// Tokens of a prompt, with the special ones before it.
  private func promptTokens(_ prompt: String) -> Int {
    let before = tokenizer.template.single.prefix { if case .special = $0 { true } else { false } }.count
    return before + tokenizer.encode(lowercases ? prompt.lowercased() : prompt).count
  }
}

extension Tensor {
  /// One vector for each sequence of hidden states `[tokens, hidden]`; zeros where nothing is left to pool.
  func pooled(_ tokens: TokenBatch, _ pooling: Pooling, skipping: Int = 0) -> Tensor {
    let ranges = tokens.ranges(skipping: skipping)
    let rows = skipping == 0 ? self : indexSelect(
      Tensor(indices: ranges.flatMap { $0.map(Int32.init) }, shape: [ranges.reduce(0) { $0 + $1.count }]))
    let ragged = RaggedBatch(lengths: ranges.map(\.count))
    func picked(_ row: (Range<Int>) -> Int) -> Tensor {
      // An empty sequence has no first token: the mean of its no rows is zero.
      guard !ranges.contains(where: \.isEmpty) else {
        return concatenated(
          ranges.map { range in
            range.isEmpty ? Tensor.zeros([1, shape[1]]) : slice(axis: 0, from: row(range), to: row(range) + 1)
          }, axis: 0)
      }
      return indexSelect(Tensor(indices: ranges.map { Int32(row($0)) }, shape: [ranges.count]))
    }
    switch pooling {
    case .cls: return picked(\.lowerBound)
    case .lastToken: return picked { $0.upperBound - 1 }
    case .mean: return rows.segmentMean(ragged)
    case .max: return rows.segmentMax(ragged)
    case .meanSquareRootLength:
      let factors = Tensor(ranges.map { Float($0.count).squareRoot() }, shape: [ranges.count, 1])
      return rows.segmentMean(ragged) * factors
    case .weightedMean:
      let weights = ranges.flatMap { range in
        range.indices.map { TokenBatch.positionWeight($0 - range.lowerBound, of: range.count, skipped: skipping) }
      }
      return (rows * Tensor(weights, shape: [weights.count, 1])).segmentSum(ragged)
    }
  }
}

/// Brings a range to unit length, as `Tensor.normalized` does; zeros stay.
func normalize(_ values: inout [Float], _ range: Range<Int>) {
  var squares: Float = 0
  for position in range { squares += values[position] * values[position] }
  let factor = 1 / max(squares, .leastNormalMagnitude).squareRoot()
  for position in range { values[position] *= factor }
}
