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

/// SPLADE: a text as weights of the entries of the vocabulary, its own words and others that it could have had (Formal et al.,
/// SIGIR 2021; max pooling of SPLADE v2, 2021).
///
///     weight_v = max over the tokens of log(1 + relu(logit_v))
///
///     let encoder = try SpladeEncoder(folder: ModelFolder(path: "models/splade-tiny"))
///     let vectors = try encoder.encode(["how do I sort a hash by value"]).weights
///
/// The maximum goes over all positions that the model reads, `[CLS]` and `[SEP]` included, and entries of special tokens may have
/// a weight, both as in the reference code. A text's weights do not depend on its batch mates.
///
/// `@unchecked Sendable`: the weights do not change after construction.
public struct SpladeEncoder: @unchecked Sendable {
  public let limits: TokenLimits
  public let tokenizer: any InputTokenizer
  private let model: MaskedLanguageModel
  private let fused: FusedBertEncoder

  /// Tokens that are read of a text, as the models were trained.
  public static let usualMaximumTokens = 256

  /// - Parameter maximumTokens: Of a text, specials included; the rest is cut off. Nil for 256, or all positions that the encoder
  ///   has where these are fewer.
  /// - Throws: ``ModelError``, ``MaskedLanguageModelError``, `TokenizerError`.
  public init(folder: ModelFolder, maximumTokens: Int? = nil) throws {
    try self.init(
      model: MaskedLanguageModel(folder: folder), tokenizer: folder.tokenizer(), maximumTokens: maximumTokens)
  }

  /// - Parameter tokenizer: That of the model's folder, so that every id has an embedding.
  public init(model: MaskedLanguageModel, tokenizer: any InputTokenizer, maximumTokens: Int? = nil) throws {
    let positions = model.encoder.configuration.maximumPositions
    let most = maximumTokens ?? min(Self.usualMaximumTokens, positions)
    guard most <= positions else { throw ModelError.positions(asked: most, limit: positions) }
    limits = TokenLimits(maximumTokens: most)
    self.model = model
    self.tokenizer = tokenizer
    fused = try FusedBertEncoder(model.encoder, precision: .fp32)
  }

  public var vocabularySize: Int { model.vocabularySize }

  /// The weights of each text, in input order, with the number of tokens that were cut off.
  ///
  /// - Parameters:
  ///   - batchTokens: Budget of a batch; changes the memory that is needed and no bit of a weight.
  ///   - progress: Called with the number of texts done since the last call.
  /// - Throws: `TokenizerError.noRoom`; as ``FusedBertEncoder/hidden(_:)``.
  public func encode(
    _ texts: [String], batchTokens: Int = 4096, progress: (Int) -> Void = { _ in }
  ) throws -> (weights: [TokenWeights], truncatedTokens: [Int]) {
    let inputs = try texts.map { try tokenizer.inputs($0, limits: limits)[0] }
    var weights = [TokenWeights](repeating: TokenWeights(ids: [], weights: []), count: texts.count)
    for batch in BatchPlan(lengths: inputs.map(\.ids.count), maximumTokens: batchTokens, maximumSequences: 64).batches {
      var tokens = TokenBatch()
      for index in batch { tokens.append(inputs[index]) }
      let logits = model.largestLogits(try fused.hidden(tokens), tokens)
      for (row, index) in batch.enumerated() {
        weights[index] = Self.weights(logits[row * vocabularySize..<(row + 1) * vocabularySize])
      }
      progress(batch.count)
    }
    return (weights, inputs.map(\.truncatedTokens))
  }

  private static func weights(_ logits: ArraySlice<Float>) -> TokenWeights {
    var ids: [Int32] = []
    var weights: [Float] = []
    for (id, logit) in logits.enumerated() where logit > 0 {
      ids.append(Int32(id))
      weights.append(log1p(logit))
    }
    return TokenWeights(ids: ids, weights: weights)
  }
}
