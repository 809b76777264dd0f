import GradusCore
import GradusTensor
import GradusText

/// Late interaction with any encoder: a vector for every token, compared by MaxSim, the sum over a query's tokens of the largest
/// inner product with a token of the document (ColBERT: Khattab and Zaharia, SIGIR 2020).
///
///     let encoder = try LateInteractionEncoder(BiEncoder(folder: folder)).prepared(for: .bf16)
///     let query = try encoder.encode(["how do I sort a hash by value"], as: .query).vectors[0]
///     let tokens = query.count / encoder.dimension
///
/// Vectors are those of the last layer, brought to unit length. Tokens of a prompt are read and give no vectors, nor does
/// punctuation in documents, as in ColBERT. An encoder whose width is no multiple of 16 gets zeros at the end of its vectors,
/// which changes no product. ColBERT's own markers, its projection and its `[MASK]` tokens at the end of queries are not made:
/// they mean nothing to an encoder that was not trained with them.
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
  public let selection: Selection
  /// By id: whether the token is ASCII punctuation.
  private let isPunctuation: [Bool]

  /// - Parameter base: Whose tokenizer, prompts, limits and encoder are used; what it does after pooling is left out.
  public init(_ base: BiEncoder, selection: Selection = Selection()) {
    self.base = base
    self.selection = selection
    isPunctuation = (0..<base.tokenizer.vocabularySize).map { Self.isPunctuation(base.tokenizer.piece(Int32($0)) ?? "") }
  }

  public func prepared(for precision: NumericPrecision) throws -> LateInteractionEncoder {
    var result = self
    result.base = try base.prepared(for: precision)
    return result
  }

  public var precision: NumericPrecision { base.precision }
  /// Tokens of a text that are read.
  public var limits: TokenLimits { base.limits }
  /// Numbers of a token's vector: a multiple of 16.
  public var dimension: Int { (width + 15) / 16 * 16 }
  /// What tells these vectors from others of the same encoder.
  public var settings: String {
    "token vectors, unit length" + (selection.specials ? "" : ", no special tokens")
      + (selection.punctuation ? ", punctuation" : "")
  }

  private var width: Int { base.encoder.configuration.hiddenSize }

  private func prompt(_ role: Role) -> PromptChoice { role == .query ? .query : .document }

  /// The inputs of texts, in order: what ``encode(read:as:maximumTokens:progress:)`` takes. Throws as `BiEncoder.read`.
  public func read(_ texts: [String], as role: Role) throws -> [TokenizedInput] {
    try base.read(texts, prompt: prompt(role))
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
    let skipped = try base.promptTokenCount(prompt(role))
    let template = base.tokenizer.template.single
    let before = template.prefix { if case .special = $0 { true } else { false } }.count
    let after = template.reversed().prefix { if case .special = $0 { true } else { false } }.count
    var vectors = [[Float]](repeating: [], count: inputs.count)
    for batch in BatchPlan(lengths: inputs.map(\.ids.count), maximumTokens: maximumTokens).batches {
      var tokens = TokenBatch()
      for index in batch { tokens.append(inputs[index]) }
      let hidden = try base.hidden(tokens)
      var first = 0
      for index in batch {
        let ids = inputs[index].ids
        for place in ids.indices {
          let isSpecial = place < before || place >= ids.count - after
          let isOfPrompt = !isSpecial && place < before + skipped
          let isDropped = isSpecial
            ? !selection.specials : isOfPrompt || (role == .document && !selection.punctuation && isPunctuation[Int(ids[place])])
          if !isDropped { append(hidden[(first + place) * width..<(first + place + 1) * width], to: &vectors[index]) }
        }
        first += ids.count
      }
      progress(batch.count)
    }
    return vectors
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
