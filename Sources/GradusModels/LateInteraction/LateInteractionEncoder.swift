import GradusCore
import GradusTensor
import GradusText

/// Late interaction: a vector for every token, compared by MaxSim, the sum over a query's tokens of the largest inner product
/// with a token of the document (ColBERT: Khattab and Zaharia, SIGIR 2020).
///
///     let encoder = try LateInteractionEncoder(folder: folder).prepared(for: .bf16)
///     let query = try encoder.encode(["how do I sort a hash by value"], as: .query).vectors[0]
///     let tokens = query.count / encoder.dimension
///
/// A trained ColBERT (stanford-futuredata/ColBERT or PyLate) reads texts as its files say: with its markers, queries filled up
/// with `[MASK]`, its skip list left out of documents, and its projection. Any other encoder gives the vectors of its last layer;
/// tokens of a prompt are read and give none, nor does punctuation in documents. Markers and `[MASK]` mean nothing to an encoder
/// that was not trained with them, and are not made.
///
/// All vectors have unit length. Those whose width is no multiple of 16 get zeros at their end, which changes no product.
///
/// `@unchecked Sendable`: weights do not change while an encoder is used to encode.
public struct LateInteractionEncoder: @unchecked Sendable {
  /// What a text is encoded as.
  public enum Role: Sendable, Hashable { case query, document }

  /// Which tokens get vectors.
  public struct Selection: Sendable, Hashable {
    /// `[CLS]` and `[SEP]`, in queries and documents.
    public var specials: Bool
    /// In documents; queries keep theirs.
    public var punctuation: Bool

    public init(specials: Bool = true, punctuation: Bool = false) {
      self.specials = specials
      self.punctuation = punctuation
    }
  }

  private var base: BiEncoder
  /// Of encoders that are no ColBERT.
  public let selection: Selection
  /// By id: whether the token is ASCII punctuation.
  private let isPunctuation: [Bool]
  /// Nil for an encoder that is no ColBERT.
  private let checkpoint: ColBERTCheckpoint?

  /// - Parameter base: Whose tokenizer, prompts, limits and encoder are used; what it does after pooling is left out.
  public init(_ base: BiEncoder, selection: Selection = Selection()) {
    let pieces = (0..<base.tokenizer.vocabularySize).map { base.tokenizer.piece(Int32($0)) ?? "" }
    self.init(base: base, selection: selection, isPunctuation: pieces.map { Self.isPunctuation($0) }, checkpoint: nil)
  }

  /// A ColBERT, or another encoder with what sentence-transformers' files say.
  ///
  /// - Parameter limits: Nil for what the folder says; of a ColBERT, the tokens of documents.
  /// - Throws: ``ModelError``, `TokenizerError`.
  public init(folder: ModelFolder, limits: TokenLimits? = nil) throws {
    guard let layout = try folder.colBERTLayout() else {
      self.init(try BiEncoder(folder: folder, limits: limits))
      return
    }
    let encoder = try BertEncoder(folder: folder)
    let tokenizer = try folder.tokenizer()
    var checkpoint = try folder.colBERT(layout, encoder.configuration, tokenizer)
    if let limits {
      guard limits.policy != .window else { throw ModelError.windowsOfBiEncoder }
      guard limits.maximumTokens <= encoder.configuration.maximumPositions else {
        throw ModelError.positions(asked: limits.maximumTokens, limit: encoder.configuration.maximumPositions)
      }
      checkpoint.document.length = limits.maximumTokens
    }
    let base = BiEncoder(
      encoder: encoder, tokenizer: tokenizer,
      limits: TokenLimits(maximumTokens: checkpoint.document.length, policy: limits?.policy ?? .truncate))
    self.init(base: base, selection: Selection(), isPunctuation: [], checkpoint: checkpoint)
  }

  private init(base: BiEncoder, selection: Selection, isPunctuation: [Bool], checkpoint: ColBERTCheckpoint?) {
    self.base = base
    self.selection = selection
    self.isPunctuation = isPunctuation
    self.checkpoint = checkpoint
  }

  public func prepared(for precision: NumericPrecision) throws -> LateInteractionEncoder {
    var result = self
    result.base = try base.prepared(for: precision)
    return result
  }

  public var precision: NumericPrecision { base.precision }
  /// Tokens of a document that are read.
  public var limits: TokenLimits { base.limits }
  /// Whether this is a trained ColBERT.
  public var isColBERT: Bool { checkpoint != nil }
  /// The files, in the model's folder, whose weights decide the vectors.
  public var weightFiles: [String] { checkpoint?.weightFiles ?? [ModelFolder.weightsName] }
  /// Numbers of a token's vector: a multiple of 16.
  public var dimension: Int { (width + 15) / 16 * 16 }
  /// What tells these vectors from others of the same encoder.
  public var settings: String {
    if let checkpoint {
      return "ColBERT of \(width) numbers, document marker \(checkpoint.document.marker.map(String.init) ?? "none"), "
        + "\(checkpoint.skipped.count) tokens skipped"
    }
    return "token vectors, unit length" + (selection.specials ? "" : ", no special tokens")
      + (selection.punctuation ? ", punctuation" : "")
  }

  private var width: Int { checkpoint?.projections.last?.width ?? base.encoder.configuration.hiddenSize }

  private func prompt(_ role: Role) -> PromptChoice { role == .query ? .query : .document }

  /// The inputs of texts, in order: what ``encode(read:as:maximumTokens:progress:)`` takes. Throws as `BiEncoder.read`.
  public func read(_ texts: [String], as role: Role) throws -> [TokenizedInput] {
    guard let checkpoint else { return try base.read(texts, prompt: prompt(role)) }
    return try texts.map { try checkpoint.input($0, as: role, by: base.tokenizer, policy: base.limits.policy) }
  }

  /// Token vectors of texts, `[tokens * dimension]` each, in input order, with the number of tokens that were cut off.
  ///
  /// - Throws: as `BiEncoder.encode`.
  public func encode(
    _ texts: [String], as role: Role, maximumTokens: Int = 8192, progress: (Int) -> Void = { _ in }
  ) throws -> (vectors: [[Float]], truncatedTokens: [Int]) {
    let inputs = try read(texts, as: role)
    return (
      try encode(read: inputs, as: role, maximumTokens: maximumTokens, progress: progress), inputs.map(\.truncatedTokens)
    )
  }

  /// Token vectors of what ``read(_:as:)`` gave in the same role.
  ///
  /// - Parameters:
  ///   - maximumTokens: Budget of a batch; changes the memory that is needed and no bit of a vector.
  ///   - progress: Called with the number of texts done since the last call.
  public func encode(
    read inputs: [TokenizedInput], as role: Role, maximumTokens: Int = 8192, progress: (Int) -> Void = { _ in }
  ) throws -> [[Float]] {
    let isKept = try tokenRule(role)
    var vectors = [[Float]](repeating: [], count: inputs.count)
    for batch in BatchPlan(lengths: inputs.map(\.ids.count), maximumTokens: maximumTokens).batches {
      var tokens = TokenBatch()
      for index in batch { tokens.append(inputs[index], attended: checkpoint?.attended(inputs[index], as: role)) }
      let rows = try projected(base.hidden(tokens))
      var first = 0
      for index in batch {
        let ids = inputs[index].ids
        for place in ids.indices where isKept(place, ids) {
          append(rows[(first + place) * width..<(first + place + 1) * width], to: &vectors[index])
        }
        first += ids.count
      }
      progress(batch.count)
    }
    return vectors
  }

  /// Whether the token at a place of an input gets a vector.
  private func tokenRule(_ role: Role) throws -> (Int, [Int32]) -> Bool {
    if let checkpoint { return { place, ids in role == .query || !checkpoint.skipped.contains(ids[place]) } }
    let skipped = try base.promptTokenCount(prompt(role))
    let template = base.tokenizer.template.single
    let before = template.prefix { if case .special = $0 { true } else { false } }.count
    let after = template.reversed().prefix { if case .special = $0 { true } else { false } }.count
    return { place, ids in
      if place < before || place >= ids.count - after { return selection.specials }
      let isOfPrompt = place < before + skipped
      return !isOfPrompt && (role == .query || selection.punctuation || !isPunctuation[Int(ids[place])])
    }
  }

  /// Hidden states `[tokens * hidden]` to `[tokens * width]`.
  private func projected(_ hidden: [Float]) -> [Float] {
    guard let checkpoint else { return hidden }
    let inputs = base.encoder.configuration.hiddenSize
    return withoutGradients {
      checkpoint.projections.reduce(Tensor(hidden, shape: [hidden.count / inputs, inputs])) { $1($0) }
    }.floats()
  }

  /// Adds a token's vector at unit length, padded with zeros.
  private func append(_ vector: ArraySlice<Float>, to vectors: inout [Float]) {
    let start = vectors.count
    vectors += vector
    normalize(&vectors, start..<vectors.count)
    for _ in width..<dimension { vectors.append(0) }
  }

  /// Punctuation as tokenizers write it: without the marks that say where in a word a piece stands.
  private static func isPunctuation(_ piece: String) -> Bool {
    var piece = piece[...]
    for mark in ["##", "\u{0120}", "\u{2581}"] where piece.hasPrefix(mark) && piece.count > mark.count {
      piece = piece.dropFirst(mark.count)
    }
    return !piece.isEmpty && piece.unicodeScalars.allSatisfy { scalar in
      switch scalar.value {
      case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: true
      default: false
      }
    }
  }
}

extension BiEncoder {
  /// Hidden states of all tokens of a batch without gradient, `[tokens * hidden]`.
  func hidden(_ tokens: TokenBatch) throws -> [Float] {
    try fused?.hidden(tokens) ?? withoutGradients { encoder(tokens, .inference) }.floats()
  }

  /// Tokens of a prompt, special ones not counted.
  func promptTokenCount(_ prompt: PromptChoice) throws -> Int {
    let prefix = try prompts.text(prompt)
    return prefix.isEmpty ? 0 : tokenizer.encode(lowercases ? prefix.lowercased() : prefix).count
  }
}
