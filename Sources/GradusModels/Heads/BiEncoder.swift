#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusTensor
import GradusText

/// A bi-encoder: one vector a text, read apart from all others; similarity is the inner product of two vectors.
///
///     let model = try BiEncoder(folder: ModelFolder(path: "models/minilm-l6"))
///     let vectors = try model.encode(["This is an example sentence", "Each sentence is converted"])
///
/// Obeys what sentence-transformers' `modules.json` and `1_Pooling/config.json` say about pooling and unit length; without
/// them, mean pooling and unit length.
public struct BiEncoder: Module {
  public let encoder: BertEncoder
  public let pooling: Pooling
  /// Whether vectors have unit length, so that inner products are cosines.
  public let isNormalized: Bool
  public var limits: TokenLimits
  let tokenizer: WordPieceTokenizer

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

  public init(folder: ModelFolder, limits: TokenLimits? = nil) throws {
    let settings = try folder.sentenceSettings()
    let encoder = try BertEncoder(folder: folder)
    self.init(
      encoder: encoder, tokenizer: try folder.tokenizer(), pooling: settings.pooling, isNormalized: settings.isNormalized,
      limits: limits)
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

  /// One vector a text, in input order, with the number of tokens that were cut off.
  ///
  /// - Parameter progress: Called with the number of texts done since the last call.
  public func encode(
    _ texts: [String], maximumTokens: Int = 8192, progress: (Int) -> Void = { _ in }
  ) throws -> (vectors: [[Float]], truncatedTokens: [Int]) {
    let inputs = try texts.map { try tokenizer.inputs($0, limits: limits)[0] }
    var vectors = [[Float]](repeating: [], count: texts.count)
    for batch in BatchPlan(lengths: inputs.map(\.ids.count), maximumTokens: maximumTokens).batches {
      var tokens = TokenBatch()
      for index in batch { tokens.append(inputs[index].ids, segments: inputs[index].segmentIDs) }
      let values = withoutGradients { self.vectors(tokens, .inference) }.floats()
      for (row, index) in batch.enumerated() { vectors[index] = Array(values[row * dimension..<(row + 1) * dimension]) }
      progress(batch.count)
    }
    return (vectors, inputs.map(\.truncatedTokens))
  }
}

extension ModelFolder {
  /// Pooling and unit length by sentence-transformers' files.
  func sentenceSettings() throws -> (pooling: Pooling, isNormalized: Bool) {
    struct Part: Decodable {
      let type: String
      let path: String
    }
    struct Kind: Decodable {
      let pooling_mode_cls_token: Bool?
      let pooling_mode_mean_tokens: Bool?
      let pooling_mode_max_tokens: Bool?
    }
    guard let list = try? file("modules.json") else { return (.mean, true) }
    do {
      let parts = try JSONDecoder().decode([Part].self, from: try readData(list))
      if let other = parts.first(where: { part in !["Transformer", "Pooling", "Normalize"].contains { part.type.hasSuffix($0) } }) {
        throw ModelError.unsupportedArchitecture(file: list, found: other.type)
      }
      var pooling = Pooling.mean
      if let part = parts.first(where: { $0.type.hasSuffix("Pooling") }) {
        let name = part.path.isEmpty ? "config.json" : part.path + "/config.json"
        let kind = try JSONDecoder().decode(Kind.self, from: try readData(try file(name)))
        let chosen: [Pooling] = [
          kind.pooling_mode_cls_token == true ? .cls : nil, kind.pooling_mode_mean_tokens == true ? .mean : nil,
          kind.pooling_mode_max_tokens == true ? .max : nil,
        ].compactMap { $0 }
        guard chosen.count == 1, let only = chosen.first else {
          throw ModelError.configuration(file: path + "/" + name, reason: "exactly one of cls, mean and max pooling must be on")
        }
        pooling = only
      }
      return (pooling, parts.contains { $0.type.hasSuffix("Normalize") })
    } catch let error as DecodingError {
      throw ModelError.configuration(file: list, reason: describe(error))
    }
  }
}
