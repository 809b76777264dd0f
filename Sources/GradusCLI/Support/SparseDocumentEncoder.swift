import Gradus

/// A model that gives documents' terms their weights: SPLADE, or a trained TILDEv2.
struct SparseDocumentEncoder {
  let configuration: ImpactIndexConfiguration
  private let encoding: ([String]) throws -> (weights: [TokenWeights], truncatedTokens: [Int])
  private let tokenizer: any InputTokenizer

  /// - Parameter maximumTokens: Of SPLADE; a TILDEv2 reads what it was trained to read.
  init(model name: String, maximumTokens: Int?) throws {
    let isTrained = TILDEv2.isPresent(in: ModelFolder(path: name))
    let folder = ModelFolder(path: isTrained ? name : try InputNames.model(name).folder)
    let vocabulary = try EncoderFingerprint.vocabulary(of: folder, name: name)
    if isTrained {
      guard maximumTokens == nil else {
        throw UsageError("--maximum-tokens: \(name) reads as many tokens as it was trained with; leave it out")
      }
      let model = try TILDEv2(folder: folder)
      encoding = { try model.weights(of: $0) }
      tokenizer = model.tokenizer
      configuration = ImpactIndexConfiguration(
        method: .tildev2, quantization: .down,
        encoder: try .weights(of: folder, name: name, settings: "tildev2, \(model.settingsText)"), vocabulary: vocabulary,
        maximumQueryTokens: model.maximumQueryTokens)
    } else {
      let model = try SpladeEncoder(folder: folder, maximumTokens: maximumTokens)
      encoding = { try model.encode($0) }
      tokenizer = model.tokenizer
      configuration = ImpactIndexConfiguration(
        method: .splade, encoder: try .weights(of: folder, name: name, settings: "splade"), vocabulary: vocabulary)
    }
  }

  /// The weighted terms of each text, and how many of its tokens were cut off.
  func encode(_ texts: [String]) throws -> (terms: [[WeightedTerm]], truncatedTokens: [Int]) {
    let encoded = try encoding(texts)
    return (encoded.weights.map { $0.terms(tokenizer) }, encoded.truncatedTokens)
  }
}
