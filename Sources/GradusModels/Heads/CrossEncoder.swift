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
  /// The head of a folder that one of transformers' classes `...ForSequenceClassification` was saved to: pooler or dense layer
  /// and classifier. Of two labels the logit is the second's minus the first's, the log-odds of relevance.
  case classifier

  /// The heads that can be put on any encoder.
  public static let fresh: [CrossEncoderHead] = [.cls, .similarity]
}

/// A cross-encoder: reads query and document together and gives one logit (monoBERT, Nogueira and Cho, 2019).
///
///     let model = try CrossEncoder(base: ModelFolder(path: "models/minilm-l6"), head: .similarity, seed: 7)
///     let scores = try model.rankingScores([ScoringPair(query: query, document: document)])
///
/// Input is `[CLS] query [SEP] document [SEP]` with segments 0 and 1, packed without padding. The query is cut to
/// `limits.maximumQueryTokens`, the document to what is left; both counts are reported.
public struct CrossEncoder: PairScorer {
  public private(set) var encoder: BertEncoder
  public let head: CrossEncoderHead
  public var limits: TokenLimits {
    // The longest query decides where documents begin, and with that their states.
    didSet { precomputed = nil }
  }
  /// First layer in which query and document attend to each other; 0, the default, for all layers. See ``joined(at:)``.
  public private(set) var joinLayer = 0
  let tokenizer: any InputTokenizer
  /// Of a fresh head; nil with ``CrossEncoderHead/classifier``.
  let pairHead: PairHead?
  let classifier: SequenceClassifier?
  private let dropout: Dropout
  /// Heads on layers before the last, in the order of their layers. See ``withExits(at:seed:)``.
  public internal(set) var exits: [CrossEncoderExit] = []
  /// When candidates leave on one of ``exits``; nil where all are read to the end. See ``exitingEarly(_:)``.
  public internal(set) var thresholds: EarlyExitThresholds?
  /// What inference runs on; nil for the path that trains.
  private(set) var fused: FusedBertEncoder?
  /// States of documents below ``joinLayer`` that need not be computed again.
  private(set) var precomputed: PrecomputedDocuments?

  /// A new head on an encoder that exists.
  ///
  /// - Parameters:
  ///   - tokenizer: That of the encoder's folder (``ModelFolder/tokenizer()``), so that every id has an embedding.
  ///   - limits: Nil for all positions that the encoder has.
  ///   - seed: Of the head's first weights.
  public init(
    encoder: BertEncoder, tokenizer: any InputTokenizer, head: CrossEncoderHead = .cls, limits: TokenLimits? = nil, seed: UInt64
  ) {
    precondition(head != .classifier, "a head that exists is loaded with init(base:)")
    self.encoder = encoder
    self.tokenizer = tokenizer
    self.head = head
    self.limits = limits ?? TokenLimits(maximumTokens: encoder.configuration.maximumPositions)
    var generator = SeededGenerator(seed: seed).stream("head")
    classifier = nil
    pairHead = PairHead("", head, encoder.configuration, using: &generator)
    dropout = Dropout(rate: encoder.configuration.hiddenDropout)
  }

  /// A cross-encoder that exists: encoder and head of a folder of transformers' `...ForSequenceClassification`.
  init(encoder: BertEncoder, tokenizer: any InputTokenizer, classifier: SequenceClassifier, limits: TokenLimits?) {
    self.encoder = encoder
    self.tokenizer = tokenizer
    self.classifier = classifier
    head = .classifier
    self.limits = limits ?? TokenLimits(maximumTokens: encoder.configuration.maximumPositions)
    pairHead = nil
    dropout = Dropout(rate: encoder.configuration.hiddenDropout)
  }

  /// A head on the encoder of a model folder.
  ///
  /// Where the folder is a cross-encoder of transformers (`...ForSequenceClassification`), ``CrossEncoderHead/cls`` goes on with
  /// its pooler and classifier, and `head` becomes ``CrossEncoderHead/classifier``; the similarity head is always new.
  ///
  /// - Throws: ``ModelError``; ``ModelError/missingTensor(file:name:)`` where the classifier is asked for and there is none.
  public init(base: ModelFolder, head: CrossEncoderHead = .cls, limits: TokenLimits? = nil, seed: UInt64) throws {
    let encoder = try BertEncoder(folder: base), tokenizer = try base.tokenizer()
    if head == .classifier || head == .cls && base.isSequenceClassifier {
      let classifier = try SequenceClassifier(folder: base, configuration: encoder.configuration)
      self.init(encoder: encoder, tokenizer: tokenizer, classifier: classifier, limits: limits)
    } else {
      self.init(encoder: encoder, tokenizer: tokenizer, head: head, limits: limits, seed: seed)
    }
  }

  public var parameters: [Parameter] { encoder.parameters + headParameters }

  /// The weights that are not the encoder's, which usually train with a higher learning rate.
  public var headParameters: [Parameter] {
    (classifier?.parameters ?? pairHead?.parameters ?? []) + exits.flatMap(\.parameters)
  }

  public func tokens(of pair: ScoringPair) throws -> (read: Int, truncated: Int) {
    let parts = try self.parts(of: pair)
    return (parts.inputs.reduce(0) { $0 + $1.ids.count }, parts.truncatedTokens)
  }

  /// With the window policy a pair's logit is that of its best window (MaxP, Dai and Callan, SIGIR 2019).
  ///
  /// - Throws: ``ModelError/tooLong(docno:tokens:limit:)`` under the error policy;
  ///   ``ModelError/positions(asked:limit:)``; `TokenizerError.noRoom` where the query leaves no room for a document.
  public func scores(_ batch: [ScoringPair], context: ForwardContext) throws -> Tensor {
    try scores(batch, context: context, withExits: false)
  }

  /// `[pairs]`, or with the exits' logits before the last's `[pairs, exits + 1]`.
  func scores(_ batch: [ScoringPair], context: ForwardContext, withExits: Bool) throws -> Tensor {
    func all(_ tokens: TokenBatch) -> Tensor {
      let logits = self.logits(tokens, context, withExits: withExits)
      return withExits ? concatenated(logits.map { $0.expandingDims(at: 1) }, axis: 1) : logits[0]
    }
    var passes: [Tensor] = []
    var tokens = TokenBatch()
    var windowCounts: [Int] = []
    for pair in batch {
      let inputs = try parts(of: pair).inputs
      for input in inputs {
        // A long document may have thousands of windows: more than one pass bounds the memory.
        if inputs.count > 1, tokens.tokenCount + input.ids.count > Self.windowTokensPerPass, tokens.sequenceCount > 0 {
          passes.append(all(tokens))
          tokens = TokenBatch()
        }
        append(input, to: &tokens)
      }
      windowCounts.append(inputs.count)
    }
    passes.append(all(tokens))
    let logits = concatenated(passes, axis: 0)
    guard windowCounts.contains(where: { $0 > 1 }) else { return logits }
    return logits.segmentMax(RaggedBatch(lengths: windowCounts))
  }

  private static let windowTokensPerPass = 8192

  /// The inputs of a pair, and how many of its tokens are in none of them.
  func parts(of pair: ScoringPair) throws -> (inputs: [TokenizedInput], truncatedTokens: Int) {
    let positions = encoder.configuration.maximumPositions
    guard limits.maximumTokens <= positions else {
      throw ModelError.positions(asked: limits.maximumTokens, limit: positions)
    }
    let query = tokenizer.encode(pair.query.text)
    return try parts(of: pair, query: query, within: try limits(besideQueryOf: query.count))
  }

  private func parts(
    of pair: ScoringPair, query: [Int32], within limits: TokenLimits
  ) throws -> (inputs: [TokenizedInput], truncatedTokens: Int) {
    do {
      let inputs = try tokenizer.inputs(query: query, document: tokenizer.encode(pair.document.contents), limits: limits)
      // Windows leave out nothing of the document between them.
      let truncated = inputs.count > 1 ? query.count - min(query.count, limits.maximumQueryTokens) : inputs[0].truncatedTokens
      return (inputs, truncated)
    } catch .tooLong(let tokens, let maximum) {
      throw ModelError.tooLong(docno: pair.document.docno, tokens: tokens, limit: maximum)
    }
  }

  /// The limits beside a query of so many tokens: with a join layer they leave the same room to a document beside every query.
  private func limits(besideQueryOf count: Int) throws -> TokenLimits {
    guard joinLayer > 0 else { return limits }
    let needed = limits.maximumQueryTokens + tokenizer.template.pair.count { if case .special = $0 { true } else { false } }
    guard limits.maximumTokens > needed else {
      throw TokenizerError.noRoom(maximum: limits.maximumTokens, needed: needed)
    }
    var own = limits
    own.maximumTokens -= max(0, limits.maximumQueryTokens - count)
    return own
  }

  /// A copy that infers with `fused`.
  func withFused(_ fused: FusedBertEncoder) -> CrossEncoder {
    var result = self
    result.fused = fused
    result.precomputed = nil
    return result
  }

  /// A copy in which query and document do not see each other below layer `layer` (PreTTR, MacAvaney et al., SIGIR 2020): what
  /// the lower layers make of a query is then the same for all documents, and what they make of a document can be computed
  /// beforehand (``PrecomputedDocuments``).
  ///
  ///     let model = try CrossEncoder(base: folder, head: .similarity, seed: 7).joined(at: 3)
  ///
  /// The layout is the pair's, with the query's place as wide as the longest query: a document begins at the same position
  /// and is cut at the same length beside every query. Set `limits.maximumQueryTokens` no larger than the queries need, for
  /// what it reserves is lost to documents. The lower layers must be trained for it: set this before training.
  ///
  /// - Parameter layer: From 0, a plain cross-encoder, to the number of layers.
  /// - Throws: ``ModelError/joinLayer(asked:layers:)``; ``ModelError/exitLayers(asked:layers:joinLayer:)`` where an exit would
  ///   lie below it.
  public func joined(at layer: Int) throws -> CrossEncoder {
    guard (0...encoder.configuration.layerCount).contains(layer) else {
      throw ModelError.joinLayer(asked: layer, layers: encoder.configuration.layerCount)
    }
    var result = self
    result.joinLayer = layer
    result.precomputed = nil
    try result.checkExits(exits.map(\.layer))
    return result
  }

  /// A copy with the first `layers` layers of the encoder, whose weights it shares: a cheap model to train for an early stage
  /// of a cascade.
  ///
  /// - Parameter layers: From 1 to those that there are.
  /// - Throws: ``ModelError/layerCount(asked:layers:)``.
  public func keepingFirst(_ layers: Int) throws -> CrossEncoder {
    var result = self
    result.encoder = try encoder.keepingFirst(layers)
    result.joinLayer = min(joinLayer, layers)
    result.exits = exits.filter { $0.layer < layers }
    if result.exits.isEmpty { result.thresholds = nil }
    result.fused = nil
    result.precomputed = nil
    return result
  }

  /// A copy that takes states of documents from `documents` where it has them.
  ///
  /// - Throws: ``PrecomputedDocumentsError/otherModel(path:)``.
  public func reading(_ documents: PrecomputedDocuments) throws -> CrossEncoder {
    try documents.check(self)
    var result = self
    result.precomputed = documents
    return result
  }

  /// Position of a document's first token below ``joinLayer``: behind the place of the longest query.
  var documentPosition: Int {
    let before = tokenizer.template.pair.prefix { if case .second = $0 { false } else { true } }
    return limits.maximumQueryTokens + before.count { if case .special = $0 { true } else { false } }
  }

  /// Adds a pair's input in the layout of this model.
  func append(_ input: TokenizedInput, to tokens: inout TokenBatch) {
    tokens.append(input, secondPosition: joinLayer > 0 ? documentPosition : nil)
  }

  /// One logit for each packed sequence: by the last layer's head alone, or by every exit's and then the last's.
  func logits(_ tokens: TokenBatch, _ context: ForwardContext, withExits: Bool = false) -> [Tensor] {
    var early: [Tensor] = []
    let left: (Int, Tensor) -> Void = { layer, hidden in
      for exit in exits where exit.layer == layer { early.append(exit.head.logits(hidden, tokens, dropout, context)) }
    }
    let readsFirst = classifier.map { $0.pooling == .cls } ?? (pairHead?.scale == nil)
    let visit = withExits ? left : nil
    guard readsFirst else {
      let hidden = encoder.states(tokens, context, joinLayer: joinLayer, visiting: visit)
      return early + [logits(ofLast: hidden, tokens, context)]
    }
    let first = encoder.firstTokens(tokens, context, joinLayer: joinLayer, visiting: visit)
    return early + [logits(ofFirst: first, tokens, context)]
  }

  /// Of the last layer's vectors of all tokens.
  func logits(ofLast hidden: Tensor, _ tokens: TokenBatch, _ context: ForwardContext) -> Tensor {
    if let classifier { return classifier.logits(hidden.pooled(tokens, classifier.pooling), dropout, context) }
    return pairHead?.logits(hidden, tokens, dropout, context) ?? .zeros([tokens.sequenceCount])
  }

  /// Of the last layer's vectors of the first tokens, where the head reads no others.
  private func logits(ofFirst first: Tensor, _ tokens: TokenBatch, _ context: ForwardContext) -> Tensor {
    if let classifier { return classifier.logits(first, dropout, context) }
    return pairHead?.logits(ofFirst: first, dropout, context) ?? .zeros([tokens.sequenceCount])
  }
}
