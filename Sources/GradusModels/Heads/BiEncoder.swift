import GradusCore
import GradusTensor
import GradusText

/// A bi-encoder: one vector a text, read apart from all others; similarity is the inner product of two vectors.
///
///     let model = try BiEncoder(folder: ModelFolder(path: "models/minilm-l6"))
///     let vectors = try model.encode(["This is an example sentence", "Each sentence is converted"])
///
/// Obeys what sentence-transformers' `modules.json` says about pooling and unit length, and `sentence_bert_config.json`
/// about the longest text; without them, mean pooling, unit length and all positions.
public struct BiEncoder: Module {
  public let encoder: BertEncoder
  public let pooling: Pooling
  /// Whether vectors have unit length, so that inner products are cosines.
  public let isNormalized: Bool
  public var limits: TokenLimits
  let tokenizer: WordPieceTokenizer
  /// What ``encode(_:maximumTokens:progress:)`` runs on; nil for the path that trains.
  private(set) var fused: FusedBertEncoder?

  /// - Parameters:
  ///   - tokenizer: That of the encoder's folder (``ModelFolder/tokenizer()``), so that every id has an embedding.
  ///   - limits: Nil for all positions that the encoder has.
  public init(
    encoder: BertEncoder, tokenizer: WordPieceTokenizer, pooling: Pooling = .mean, isNormalized: Bool = true,
    limits: TokenLimits? = nil
  ) {
    self.encoder = encoder
    self.tokenizer = tokenizer
    self.pooling = pooling
    self.isNormalized = isNormalized
    self.limits = limits ?? TokenLimits(maximumTokens: encoder.configuration.maximumPositions)
  }

  /// - Parameter limits: Nil for what the folder says.
  /// - Throws: ``ModelError``, `TokenizerError`.
  public init(folder: ModelFolder, limits: TokenLimits? = nil) throws {
    let settings = try SentenceSettings(folder: folder)
    let encoder = try BertEncoder(folder: folder)
    self.init(
      encoder: encoder, tokenizer: try folder.tokenizer(), pooling: settings.pooling, isNormalized: settings.isNormalized,
      limits: limits ?? settings.maximumTokens.map { TokenLimits(maximumTokens: $0) })
  }

  public var parameters: [Parameter] { encoder.parameters }
  public var scoreKind: ScoreKind { isNormalized ? .cosine : .dotProduct }
  public var dimension: Int { encoder.configuration.hiddenSize }

  /// Vectors of packed sequences, `[sequences, hidden]`; differentiable.
  public func vectors(_ tokens: TokenBatch, _ context: ForwardContext) -> Tensor {
    let hidden = encoder(tokens, context)
    let ragged = RaggedBatch(offsets: tokens.offsets)
    let pooled =
      switch pooling {
      case .cls: hidden.indexSelect(Tensor(indices: tokens.firstTokens, shape: [tokens.sequenceCount]))
      case .mean: hidden.segmentMean(ragged)
      case .max: hidden.segmentMax(ragged)
      }
    return isNormalized ? pooled.normalized() : pooled
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

  /// The arithmetic of ``encode(_:maximumTokens:progress:)``.
  public var precision: NumericPrecision { fused?.precision ?? .fp32 }

  /// Vectors of packed sequences without gradient, `[sequences * hidden]`: by the packed weights where there are any.
  ///
  /// - Throws: as ``FusedBertEncoder/hidden(_:)``.
  public func inferredVectors(_ tokens: TokenBatch) throws -> [Float] {
    guard let fused else { return withoutGradients { self.vectors(tokens, .inference) }.floats() }
    var values = try fused.pooled(tokens, pooling)
    if isNormalized {
      for start in stride(from: 0, to: values.count, by: dimension) { normalize(&values, start..<start + dimension) }
    }
    return values
  }

  /// One vector a text, in input order, with the number of tokens that were cut off.
  ///
  /// - Parameters:
  ///   - maximumTokens: Budget of a batch; changes the memory that is needed and no bit of a vector.
  ///   - progress: Called with the number of texts done since the last call.
  /// - Throws: ``ModelError/positions(asked:limit:)``, ``ModelError/windowsOfBiEncoder``; under the error policy
  ///   `TokenizerError.tooLong`.
  public func encode(
    _ texts: [String], maximumTokens: Int = 8192, progress: (Int) -> Void = { _ in }
  ) throws -> (vectors: [[Float]], truncatedTokens: [Int]) {
    let positions = encoder.configuration.maximumPositions
    guard limits.maximumTokens <= positions else {
      throw ModelError.positions(asked: limits.maximumTokens, limit: positions)
    }
    guard limits.policy != .window else { throw ModelError.windowsOfBiEncoder }
    let inputs = try texts.map { try tokenizer.inputs($0, limits: limits)[0] }
    var vectors = [[Float]](repeating: [], count: texts.count)
    for batch in BatchPlan(lengths: inputs.map(\.ids.count), maximumTokens: maximumTokens).batches {
      var tokens = TokenBatch()
      for index in batch { tokens.append(inputs[index].ids, segments: inputs[index].segmentIDs) }
      let values = try inferredVectors(tokens)
      for (row, index) in batch.enumerated() { vectors[index] = Array(values[row * dimension..<(row + 1) * dimension]) }
      progress(batch.count)
    }
    return (vectors, inputs.map(\.truncatedTokens))
  }
}

/// Brings a range to unit length, as `Tensor.normalized` does; zeros stay.
func normalize(_ values: inout [Float], _ range: Range<Int>) {
  var squares: Float = 0
  for position in range { squares += values[position] * values[position] }
  let factor = 1 / max(squares, .leastNormalMagnitude).squareRoot()
  for position in range { values[position] *= factor }
}
