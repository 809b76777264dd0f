import GradusCore
import GradusTensor
import GradusText

/// Conv-KNRM: soft n-gram matches pooled by RBF kernels (Dai et al., WSDM 2018), as OpenNIR builds it.
///
/// Word embeddings of query and document go through 1-D convolutions of width 1, 2 and 3; the cosines of all nine pairings
/// of query and document n-grams are pooled by 11 kernels (`mu` -0.9, -0.7, ..., 0.9 and 1.0 for exact matches), summed
/// over the document, logged, summed over the query, and combined linearly.
///
///     let model = try ConvKNRM(base: ModelFolder(path: "models/minilm-l6"), seed: 7)
///     let scores = try model.rankingScores([ScoringPair(query: query, document: document)])
///
/// No activation follows the convolutions (as in OpenNIR; the paper has one), padding is masked by working on the true
/// lengths, and `mu` and `sigma` train along. The embeddings are the frozen input table of an encoder. An empty query or
/// document scores what the model gives for no match at all.
public struct ConvKNRM: PairScorer {
  /// Sizes and limits.
  public struct Options: Sendable, Equatable, Codable {
    /// Filters of each convolution.
    public var filters = 128
    /// Convolutions of width 1 to this.
    public var maximumGram = 3
    /// Tokens of the query that are read.
    public var queryTokens = 20
    /// Tokens of the document that are read.
    public var documentTokens = 150

    public init() {}

    /// What is wrong with the values, or nil.
    var contradiction: String? {
      let entries = [
        ("filters", filters, 1 << 14), ("maximumGram", maximumGram, 16), ("queryTokens", queryTokens, 1 << 16),
        ("documentTokens", documentTokens, 1 << 16),
      ]
      return entries.first { $0.1 < 1 || $0.1 > $0.2 }.map { "\($0.0) is \($0.1), outside 1...\($0.2)" }
    }
  }

  public let options: Options
  /// Adam's first step is as long as its learning rate, 0.001: it would take the exact-match kernel's sigma to 0.
  static let leastSigma = 0.001

  let tokenizer: any InputTokenizer
  /// `[vocabulary + 1, width]`; the last row is zero and stands right of a text's end.
  let embeddings: Tensor
  let convolutions: [Linear]
  let mu: Parameter
  let sigma: Parameter
  let combine: Linear

  /// - Parameters:
  ///   - embeddings: `[vocabulary, width]`, a row for every id of the tokenizer; kept as a constant.
  ///   - seed: Of the first weights.
  public init(embeddings: Tensor, tokenizer: any InputTokenizer, options: Options = Options(), seed: UInt64) {
    if let reason = options.contradiction { preconditionFailure("ConvKNRM.Options: \(reason)") }
    self.options = options
    self.tokenizer = tokenizer
    let width = embeddings.shape[1]
    self.embeddings = embeddings.detached().padded(axis: 0, before: 0, after: 1)
    var generator = SeededGenerator(seed: seed).stream("conv-knrm")
    convolutions = (1...options.maximumGram).map { gram in
      // PyTorch's default for convolutions: uniform within one over the square root of the inputs.
      let bound = 1 / Double(gram * width).squareRoot()
      return Linear(
        "convolution.\(gram)",
        weight: .uniform([options.filters, gram * width], low: -bound, high: bound, using: &generator),
        bias: .uniform([options.filters], low: -bound, high: bound, using: &generator))
    }
    let centres = stride(from: -9, through: 9, by: 2).map { Float($0) / 10 } + [1]
    mu = Parameter("kernels.mu", Tensor(centres, shape: [centres.count]))
    sigma = Parameter(
      "kernels.sigma", Tensor([Float](repeating: 0.1, count: centres.count - 1) + [0.001], shape: [centres.count]))
    let features = options.maximumGram * options.maximumGram * centres.count
    let bound = 1 / Double(features).squareRoot()
    combine = Linear(
      "combine", weight: .uniform([1, features], low: -bound, high: bound, using: &generator),
      bias: .uniform([1], low: -bound, high: bound, using: &generator))
  }

  /// With the input embeddings of the encoder in a model folder.
  public init(base: ModelFolder, options: Options = Options(), seed: UInt64) throws {
    let configuration = try base.bertConfiguration()
    let names = configuration.family.tensorNames
    let source = try WeightSource(path: base.file(ModelFolder.weightsName)).encoder(names)
    let table = try source.embedding(
      names.words, as: names.words, count: configuration.vocabularySize, width: configuration.embeddingSize)
    self.init(embeddings: table.weight.value, tokenizer: try base.tokenizer(), options: options, seed: seed)
  }

  public var parameters: [Parameter] { convolutions.flatMap(\.parameters) + [mu, sigma] + combine.parameters }

  public func tokens(of pair: ScoringPair) -> (read: Int, truncated: Int) {
    let query = tokenizer.encode(pair.query.text).count
    let document = tokenizer.encode(pair.document.contents).count
    let read = min(query, options.queryTokens) + min(document, options.documentTokens)
    return (read, query + document - read)
  }

  public func scores(_ batch: [ScoringPair], context: ForwardContext) throws -> Tensor {
    let queries = batch.map { Array(tokenizer.encode($0.query.text).prefix(options.queryTokens)) }
    let documents = batch.map { Array(tokenizer.encode($0.document.contents).prefix(options.documentTokens)) }
    let grams = options.maximumGram
    let queryRows = RaggedBatch(lengths: queries.map { grams * $0.count })
    let sums = interactionPooling(
      query: unitGrams(queries), document: unitGrams(documents), queryRows: queryRows,
      documentRows: RaggedBatch(lengths: documents.map { grams * $0.count }), blocks: grams, mu: mu.value,
      sigma: sigma.value.clamp(Self.leastSigma, .greatestFiniteMagnitude))
    // A pair's query rows come gram by gram: sum the logs over the positions of each gram.
    let groups = queries.enumerated().flatMap { pair, tokens in
      (0..<grams).flatMap { gram in [Int32](repeating: Int32(pair * grams + gram), count: tokens.count) }
    }
    let logs = (sums + 1e-6).log()
    let features = logs.indexAdded(Tensor(indices: groups, shape: [groups.count]), extent: batch.count * grams)
    return combine(features.reshaped(to: [batch.count, grams * grams * mu.shape[0]])).squeezed(-1)
  }

  /// Unit vectors of all n-grams of the texts, text by text and gram length by gram length: `[rows, filters]`.
  private func unitGrams(_ texts: [[Int32]]) -> Tensor {
    let padding = Int32(embeddings.shape[0] - 1)
    let tokenCount = texts.reduce(0) { $0 + $1.count }
    let width = embeddings.shape[1]
    let byGram = convolutions.enumerated().map { offset, convolution in
      let gram = offset + 1
      var windows: [Int32] = []
      windows.reserveCapacity(tokenCount * gram)
      for text in texts {
        for start in text.indices {
          for position in start..<start + gram { windows.append(position < text.count ? text[position] : padding) }
        }
      }
      let inputs = embeddings.indexSelect(Tensor(indices: windows, shape: [windows.count]))
      return convolution(inputs.reshaped(to: [tokenCount, gram * width]))
    }
    // From gram-major over the batch to text-major, so that a pair's rows lie together.
    var order: [Int32] = []
    order.reserveCapacity(tokenCount * convolutions.count)
    var start = 0
    for text in texts {
      for gram in convolutions.indices { order += (0..<text.count).map { Int32(gram * tokenCount + start + $0) } }
      start += text.count
    }
    let rows = concatenated(byGram, axis: 0).indexSelect(Tensor(indices: order, shape: [order.count]))
    let norms = rows.square().sum(axes: [1], keepDims: true).sqrt() + 1e-9
    return rows / norms
  }
}
