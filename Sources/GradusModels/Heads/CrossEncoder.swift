import GradusCore
import GradusTensor
import GradusText

/// What turns the encoder's vectors of a pair into a score.
public enum CrossEncoderHead: String, Sendable, Codable, CaseIterable {
  /// Dropout and a linear map of the `[CLS]` vector: monoBERT (Nogueira and Cho, 2019), "Vanilla BERT".
  case cls
  /// The scaled cosine of the mean vectors of query and document, read together, plus the linear map of `[CLS]`.
  ///
  /// Starts a sentence encoder off as a ranker instead of at random, which matters where judgements are few: the query
  /// attends to the document and the document to the query, but the geometry that the encoder was trained for is kept.
  case similarity
}

/// A cross-encoder: reads query and document together and gives one logit (monoBERT, Nogueira and Cho, 2019).
///
///     let model = try CrossEncoder(base: ModelFolder(path: "models/minilm-l6"), head: .similarity, seed: 7)
///     let scores = try model.rankingScores([ScoringPair(query: query, document: document)])
///
/// Input is `[CLS] query [SEP] document [SEP]` with segments 0 and 1, packed without padding. The query is cut to
/// `limits.maximumQueryTokens`, the document to what is left; both counts are reported.
public struct CrossEncoder: PairScorer {
  public let encoder: BertEncoder
  public let head: CrossEncoderHead
  public var limits: TokenLimits
  let tokenizer: WordPieceTokenizer
  let classifier: Linear
  /// Multiplies the cosine; learned. Present with the similarity head only.
  let scale: Parameter?
  private let dropout: Dropout

  /// A new head on an encoder that exists.
  ///
  /// - Parameter seed: Of the head's first weights.
  public init(
    encoder: BertEncoder, tokenizer: WordPieceTokenizer, head: CrossEncoderHead = .cls, limits: TokenLimits? = nil, seed: UInt64
  ) {
    self.encoder = encoder
    self.tokenizer = tokenizer
    self.head = head
    self.limits = limits ?? TokenLimits(maximumTokens: encoder.configuration.maximumPositions)
    var generator = SeededGenerator(seed: seed).stream("head")
    classifier = Linear(
      "classifier", inputs: encoder.configuration.hiddenSize, outputs: 1,
      standardDeviation: encoder.configuration.initializerRange, using: &generator)
    scale = head == .similarity ? Parameter("similarity.scale", .full([1], 20)) : nil
    dropout = Dropout(rate: encoder.configuration.hiddenDropout)
  }

  /// A new head on the encoder of a model folder.
  public init(base: ModelFolder, head: CrossEncoderHead = .cls, limits: TokenLimits? = nil, seed: UInt64) throws {
    self.init(encoder: try BertEncoder(folder: base), tokenizer: try base.tokenizer(), head: head, limits: limits, seed: seed)
  }

  public var parameters: [Parameter] { encoder.parameters + headParameters }

  /// The weights that are not the encoder's, which usually train with a higher learning rate.
  public var headParameters: [Parameter] { classifier.parameters + (scale.map { [$0] } ?? []) }

  public func tokens(of pair: ScoringPair) throws -> (read: Int, truncated: Int) {
    let inputs = try self.inputs(of: pair)
    return (inputs.reduce(0) { $0 + $1.ids.count }, inputs.map(\.truncatedTokens).min() ?? 0)
  }

  /// With the window policy a pair's logit is that of its best window (MaxP).
  public func scores(_ batch: [ScoringPair], context: ForwardContext) throws -> Tensor {
    var tokens = TokenBatch()
    var windowCounts: [Int] = []
    for pair in batch {
      let inputs = try self.inputs(of: pair)
      for input in inputs { tokens.append(input.ids, segments: input.segmentIDs) }
      windowCounts.append(inputs.count)
    }
    let logits = self.logits(tokens, context)
    guard windowCounts.contains(where: { $0 > 1 }) else { return logits }
    var start = 0
    let best = windowCounts.map { count in
      defer { start += count }
      return logits.slice(axis: 0, from: start, to: start + count).max(axes: [0], keepDims: true)
    }
    return concatenated(best, axis: 0)
  }

  private func inputs(of pair: ScoringPair) throws -> [TokenizedInput] {
    do {
      return try tokenizer.inputs(query: pair.query.text, document: pair.document.contents, limits: limits)
    } catch .tooLong(let tokens, let maximum) {
      throw ModelError.tooLong(docno: pair.document.docno, tokens: tokens, limit: maximum)
    }
  }

  /// One logit for each packed sequence.
  func logits(_ tokens: TokenBatch, _ context: ForwardContext) -> Tensor {
    let hidden = encoder(tokens, context)
    let first = hidden.indexSelect(Tensor(indices: tokens.firstTokens, shape: [tokens.sequenceCount]))
    let linear = classifier(dropout(first, context)).squeezed(-1)
    guard let scale else { return linear }
    let means = hidden.segmentMean(RaggedBatch(offsets: tokens.segmentOffsets)).normalized()
    let pairs = means.reshaped(to: [tokens.sequenceCount, 2, encoder.configuration.hiddenSize])
    let query = pairs.slice(axis: 1, from: 0, to: 1)
    let document = pairs.slice(axis: 1, from: 1, to: 2)
    return (query * document).sum(axes: [1, 2]) * scale.value + linear
  }
}
