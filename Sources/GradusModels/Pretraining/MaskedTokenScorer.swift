import GradusCore
import GradusTensor
import GradusText

/// The loss of masked-language-model pretraining as a scorer of texts: the score of a document is the mean log-probability of its
/// hidden tokens, so that minus the score is the loss (Devlin et al., NAACL 2019).
///
/// In training the gaps come from the pass's random stream and the document's name; in inference from the name alone, the same
/// each time.
///
///     let scorer = try MaskedTokenScorer(folder: ModelFolder(path: "models/splade-tiny"), maximumTokens: 128, seed: 7)
///     let loss = -(try scorer.rankingScores([pair])[0].score)     // nats a token; exp of it is the perplexity
///
/// Queries are not read.
public struct MaskedTokenScorer: PairScorer {
  public let model: MaskedLanguageModel
  public let masking: TokenMasking
  /// Of a text, specials included; the rest is cut.
  public let maximumTokens: Int
  private let tokenizer: any InputTokenizer
  private let mask: Int32
  private let specials: Set<Int32>

  /// A model folder's encoder, with the folder's own head where it has one, else with a fresh one.
  ///
  /// - Parameter seed: Of a fresh head.
  /// - Throws: ``ModelError``, ``MaskedLanguageModelError``, `TokenizerError`.
  public init(folder: ModelFolder, masking: TokenMasking = TokenMasking(), maximumTokens: Int = 128, seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed).stream("masked head")
    try self.init(
      model: try MaskedLanguageModel(folder: folder, orFreshHead: &generator), tokenizer: try folder.tokenizer(),
      masking: masking, maximumTokens: maximumTokens, file: try folder.file(ModelFolder.configurationName))
  }

  /// Fresh weights of another size with a folder's tokenizer: pretraining from scratch.
  ///
  /// - Throws: ``ModelError/configuration(file:reason:)`` for sizes that contradict each other; ``MaskedLanguageModelError``.
  public init(
    scratch base: ModelFolder, layers: Int, width: Int, heads: Int, masking: TokenMasking = TokenMasking(),
    maximumTokens: Int = 128, seed: UInt64
  ) throws {
    let file = try base.file(ModelFolder.configurationName)
    var configuration = try base.bertConfiguration()
    guard configuration.rotary == nil else { throw MaskedLanguageModelError.unsupportedFamily(configuration.family) }
    configuration.layerCount = layers
    configuration.hiddenSize = width
    configuration.embeddingSize = width
    configuration.intermediateSize = 4 * width
    configuration.headCount = heads
    if let reason = configuration.contradiction { throw ModelError.configuration(file: file, reason: reason) }
    var generator = SeededGenerator(seed: seed).stream("pretraining")
    let encoder = BertEncoder(configuration, using: &generator)
    try self.init(
      model: try MaskedLanguageModel(encoder: encoder, using: &generator), tokenizer: try base.tokenizer(), masking: masking,
      maximumTokens: maximumTokens, file: file)
  }

  private init(
    model: MaskedLanguageModel, tokenizer: any InputTokenizer, masking: TokenMasking, maximumTokens: Int, file: String
  ) throws {
    if let reason = masking.contradiction { throw ModelError.configuration(file: file, reason: reason) }
    let limit = model.encoder.configuration.maximumPositions
    guard (4...limit).contains(maximumTokens) else { throw ModelError.positions(asked: maximumTokens, limit: limit) }
    guard let mask = (0..<Int32(tokenizer.vocabularySize)).first(where: { ["[MASK]", "<mask>"].contains(tokenizer.piece($0)) })
    else { throw ModelError.configuration(file: file, reason: "the tokenizer beside it has no token [MASK] or <mask>") }
    self.model = model
    self.tokenizer = tokenizer
    self.masking = masking
    self.maximumTokens = maximumTokens
    self.mask = mask
    specials = Set(tokenizer.template.single.compactMap { if case .special(let id, _) = $0 { id } else { nil } })
  }

  public var parameters: [Parameter] { model.parameters }

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
    let hidden = model.encoder(tokens, context).indexSelect(Tensor(indices: rows, shape: [rows.count]))
    let losses = crossEntropy(model.logits(hidden), targets: Tensor(indices: targets, shape: [targets.count]))
    let weighted = losses * Tensor(shares, shape: [shares.count])
    return -weighted.indexAdded(Tensor(indices: owners, shape: [owners.count]), extent: batch.count)
  }
}
