import GradusCore
import GradusTensor
import GradusText

/// An encoder with the head that it is pretrained with: guesses hidden tokens from both sides (Devlin et al., NAACL 2019).
///
///     hidden token -> dense, GELU, layer norm -> inner product with every row of the word embeddings, plus a bias
///
/// The output table is the input table (tied). To the trainer it is a scorer of texts: the score of a document is the mean
/// log-probability of its hidden tokens, so that minus the score is the loss of pretraining. In training the gaps come from the
/// pass's random stream and the document's name; in inference from the name alone, the same each time.
///
///     let model = try MaskedLanguageModel(folder: ModelFolder(path: "models/splade-tiny"), maximumTokens: 128, seed: 7)
///     let loss = -(try model.rankingScores([pair])[0].score)     // nats a token; exp of it is the perplexity
///
/// Queries are not read.
public struct MaskedLanguageModel: PairScorer {
  public let encoder: BertEncoder
  public let masking: TokenMasking
  /// Of a text, specials included; the rest is cut.
  public let maximumTokens: Int
  private let tokenizer: any InputTokenizer
  private let mask: Int32
  private let specials: Set<Int32>
  private let dense: Linear
  private let norm: LayerNorm
  private let bias: Parameter

  /// A model folder's encoder, with the folder's own head where it has one, else with a fresh one.
  ///
  /// - Parameter seed: Of a fresh head.
  /// - Throws: ``ModelError``, `TokenizerError`.
  public init(folder: ModelFolder, masking: TokenMasking = TokenMasking(), maximumTokens: Int = 128, seed: UInt64) throws {
    let encoder = try BertEncoder(folder: folder)
    try self.init(
      encoder: encoder, tokenizer: try folder.tokenizer(), masking: masking, maximumTokens: maximumTokens, seed: seed,
      file: try folder.file(ModelFolder.configurationName))
    guard let names = encoder.configuration.family.maskedHeadNames else { return }
    let source = try WeightSource(path: try folder.file(ModelFolder.weightsName))
    guard source.shape(names.dense + ".weight") != nil else { return }
    let width = encoder.configuration.hiddenSize, narrow = encoder.configuration.embeddingSize
    let stored = try source.linear(names.dense, as: "dense", inputs: width, outputs: narrow)
    dense.weight.value = stored.weight.value
    if let bias = stored.bias { dense.bias?.value = bias.value }
    let own = try source.norm(names.norm, as: "norm", width: narrow, epsilon: encoder.configuration.layerNormEpsilon)
    for (parameter, value) in zip(norm.parameters, own.parameters) { parameter.value = value.value }
    bias.value = try source.tensor(names.bias, shape: bias.shape)
  }

  /// Fresh weights of another size with a folder's tokenizer: pretraining from scratch.
  ///
  /// - Throws: ``ModelError/configuration(file:reason:)`` for sizes that contradict each other.
  public init(
    scratch base: ModelFolder, layers: Int, width: Int, heads: Int, masking: TokenMasking = TokenMasking(),
    maximumTokens: Int = 128, seed: UInt64
  ) throws {
    let file = try base.file(ModelFolder.configurationName)
    var configuration = try base.bertConfiguration()
    guard configuration.rotary == nil else {
      throw ModelError.configuration(file: file, reason: "'modernbert' has no pretraining here; take a BERT's folder")
    }
    configuration.layerCount = layers
    configuration.hiddenSize = width
    configuration.embeddingSize = width
    configuration.intermediateSize = 4 * width
    configuration.headCount = heads
    if let reason = configuration.contradiction { throw ModelError.configuration(file: file, reason: reason) }
    var generator = SeededGenerator(seed: seed).stream("pretraining")
    try self.init(
      encoder: BertEncoder(configuration, using: &generator), tokenizer: try base.tokenizer(), masking: masking,
      maximumTokens: maximumTokens, seed: seed, file: file)
  }

  private init(
    encoder: BertEncoder, tokenizer: any InputTokenizer, masking: TokenMasking, maximumTokens: Int, seed: UInt64, file: String
  ) throws {
    if let reason = masking.contradiction { throw ModelError.configuration(file: file, reason: reason) }
    guard encoder.configuration.family.maskedHeadNames != nil else {
      throw ModelError.configuration(file: file, reason: "'modernbert' has no pretraining here; take a BERT's folder")
    }
    guard (4...encoder.configuration.maximumPositions).contains(maximumTokens) else {
      throw ModelError.positions(asked: maximumTokens, limit: encoder.configuration.maximumPositions)
    }
    guard let mask = (0..<Int32(tokenizer.vocabularySize)).first(where: { ["[MASK]", "<mask>"].contains(tokenizer.piece($0)) })
    else { throw ModelError.configuration(file: file, reason: "the tokenizer beside it has no token [MASK] or <mask>") }
    self.encoder = encoder
    self.tokenizer = tokenizer
    self.masking = masking
    self.maximumTokens = maximumTokens
    self.mask = mask
    specials = Set(tokenizer.template.single.compactMap { if case .special(let id, _) = $0 { id } else { nil } })
    let configuration = encoder.configuration
    var generator = SeededGenerator(seed: seed).stream("masked head")
    dense = Linear(
      "masked.dense", inputs: configuration.hiddenSize, outputs: configuration.embeddingSize, activation: .gelu,
      standardDeviation: configuration.initializerRange, using: &generator)
    norm = LayerNorm("masked.norm", width: configuration.embeddingSize, epsilon: configuration.layerNormEpsilon)
    bias = Parameter("masked.bias", .zeros([configuration.vocabularySize]))
  }

  public var parameters: [Parameter] { encoder.parameters + headParameters }
  public var headParameters: [Parameter] { dense.parameters + norm.parameters + [bias] }

  public func tokens(of pair: ScoringPair) throws -> (read: Int, truncated: Int) {
    let input = try self.input(pair.document)
    return (input.ids.count, input.truncatedTokens)
  }

  /// Whether the text has a token that can be guessed.
  public func canLearn(from document: Document) throws -> Bool { !words(try input(document)).isEmpty }

  private func input(_ document: Document) throws -> TokenizedInput {
    try tokenizer.inputs(document.contents, limits: TokenLimits(maximumTokens: maximumTokens))[0]
  }

  /// Positions that may be hidden, in units that are hidden together.
  private func words(_ input: TokenizedInput) -> [[Int]] {
    var words: [[Int]] = []
    for (position, id) in input.ids.enumerated() where !specials.contains(id) {
      if masking.masksWholeWords, words.last?.last == position - 1, continuesWord(id) {
        words[words.count - 1].append(position)
      } else {
        words.append([position])
      }
    }
    return words
  }

  /// Whether a piece goes on with the word before it: `##ing` in WordPiece, a piece without its sign of a blank elsewhere.
  private func continuesWord(_ id: Int32) -> Bool {
    guard let piece = tokenizer.piece(id) else { return false }
    if tokenizer is WordPieceTokenizer { return piece.hasPrefix("##") }
    return !piece.hasPrefix("\u{2581}") && !piece.hasPrefix("\u{120}")
  }

  /// Mean log-probability of each document's hidden tokens, `[pairs]`; 0 for a text without tokens.
  public func scores(_ batch: [ScoringPair], context: ForwardContext) throws -> Tensor {
    let generator = SeededGenerator(seed: context.isTraining ? context.nextSeed() : 0)
    var tokens = TokenBatch()
    var rows: [Int32] = [], targets: [Int32] = [], owners: [Int32] = []
    var shares: [Float] = []
    for (number, pair) in batch.enumerated() {
      let input = try self.input(pair.document)
      let words = self.words(input)
      guard !words.isEmpty else { continue }
      var stream = generator.stream("mask " + pair.document.docno)
      let masked = masking.masked(
        input.ids, words: words, mask: mask, vocabulary: tokenizer.vocabularySize, using: &stream)
      rows += masked.positions.map { Int32(tokens.tokenCount + $0) }
      targets += masked.positions.map { input.ids[$0] }
      owners += masked.positions.map { _ in Int32(number) }
      shares += masked.positions.map { _ in 1 / Float(masked.positions.count) }
      tokens.append(masked.ids, segments: input.segmentIDs)
    }
    guard !rows.isEmpty else { return .zeros([batch.count]) }
    let hidden = encoder(tokens, context).indexSelect(Tensor(indices: rows, shape: [rows.count]))
    let logits = linear(norm(dense(hidden)), weight: encoder.wordEmbeddings.weight.value, bias: bias.value)
    let losses = crossEntropy(logits, targets: Tensor(indices: targets, shape: [targets.count]))
    let weighted = losses * Tensor(shares, shape: [shares.count])
    return -weighted.indexAdded(Tensor(indices: owners, shape: [owners.count]), extent: batch.count)
  }

  /// Writes a model folder that transformers reads as `...ForMaskedLM`, and every training here as a model to start from.
  ///
  /// - Parameter tokenizerOf: The folder whose tokenizer files are copied.
  /// - Throws: ``ModelError/missingFile(folder:name:)`` where that folder holds no tokenizer; `FileError`.
  public func save(to path: String, tokenizerOf base: ModelFolder) throws {
    let family = encoder.configuration.family
    var tensors = encoder.exportedWeights(prefix: family.tensorNames.prefix)
    if let names = family.maskedHeadNames {
      let values = [dense.weight.value] + (dense.bias.map { [$0.value] } ?? []) + [norm.weight.value, norm.bias.value, bias.value]
      let own = [names.dense + ".weight", names.dense + ".bias", names.norm + ".weight", names.norm + ".bias", names.bias]
      tensors += zip(own, values).map { NamedTensor($0, $1) }
    }
    try SavedEncoder(configuration: encoder.configuration, className: "ForMaskedLM", tensors: tensors)
      .write(to: path, tokenizerOf: base)
  }
}

extension EncoderFamily {
  /// Names on disk of the head of transformers' classes `...ForMaskedLM`; nil for ModernBERT, whose head has no biases.
  var maskedHeadNames: (dense: String, norm: String, bias: String)? {
    switch self {
    case .bert: ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.bias")
    case .roberta, .xlmRoberta, .mpnet: ("lm_head.dense", "lm_head.layer_norm", "lm_head.bias")
    case .distilbert: ("vocab_transform", "vocab_layer_norm", "vocab_projector.bias")
    case .electra: ("generator_predictions.dense", "generator_predictions.LayerNorm", "generator_lm_head.bias")
    case .modernbert: nil
    }
  }
}
