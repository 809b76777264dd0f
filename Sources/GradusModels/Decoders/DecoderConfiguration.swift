/// Sizes and constants of a Llama-like decoder, read from a GGUF file's metadata or a Hugging Face `config.json`.
///
///     let decoder = try LlamaDecoder(path: "SmolLM2-135M-Instruct.Q4_1.gguf")
///     decoder.configuration.headSize   // 64: 576 / 9
public struct DecoderConfiguration: Sendable, Equatable {
  /// Families by the name in their files.
  public enum Architecture: String, Sendable, CaseIterable {
    /// Also SmolLM and everything else that names itself a Llama.
    case llama
    /// Llama with a sliding window.
    case mistral
    /// Biases on queries, keys and values.
    case qwen2
    /// Normalised queries and keys.
    case qwen3

    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
  }

  /// How the angles of rotary embeddings depart from position x base^(-2i / size).
  public enum RotaryScaling: Sendable, Equatable {
    case none
    /// All angles divided by `factor`.
    case linear(factor: Double)
    /// Llama 3.1: long waves are divided by `factor`, short ones kept, those between blended.
    case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalPositions: Int)
    /// Each angle divided by its own factor, as GGUF files of Llama 3 store it (`rope_freqs.weight`).
    case factors([Float])
  }

  public var architecture: Architecture
  public var vocabularySize: Int
  public var hiddenSize: Int
  public var intermediateSize: Int
  public var layerCount: Int
  public var headCount: Int
  /// Heads of keys and values; each serves `headCount / keyValueHeadCount` query heads.
  public var keyValueHeadCount: Int
  public var headSize: Int
  /// The longest sequence that the model was made for, in tokens.
  public var maximumPositions: Int
  public var normEpsilon: Double
  public var rotaryBase: Double
  /// Dimensions of a head that turn; the rest stays as it is.
  public var rotarySize: Int
  public var rotaryScaling: RotaryScaling
  /// How many of the newest positions a token sees, itself included; nil: all.
  public var slidingWindow: Int?
  public var hasAttentionBias: Bool
  public var hasQueryKeyNorm: Bool
  /// The output layer is the embedding table.
  public var tiesEmbeddings: Bool

  public init(
    architecture: Architecture, vocabularySize: Int, hiddenSize: Int, intermediateSize: Int, layerCount: Int, headCount: Int,
    keyValueHeadCount: Int? = nil, headSize: Int? = nil, maximumPositions: Int = 2048, normEpsilon: Double = 1e-5,
    rotaryBase: Double = 10_000, rotarySize: Int? = nil, rotaryScaling: RotaryScaling = .none, slidingWindow: Int? = nil,
    tiesEmbeddings: Bool = true
  ) {
    self.architecture = architecture
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.layerCount = layerCount
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount ?? headCount
    self.headSize = headSize ?? (headCount > 0 ? hiddenSize / headCount : 0)
    self.maximumPositions = maximumPositions
    self.normEpsilon = normEpsilon
    self.rotaryBase = rotaryBase
    self.rotarySize = rotarySize ?? self.headSize
    self.rotaryScaling = rotaryScaling
    self.slidingWindow = slidingWindow
    self.tiesEmbeddings = tiesEmbeddings
    hasAttentionBias = architecture == .qwen2
    hasQueryKeyNorm = architecture == .qwen3
  }

  /// What is wrong with the values, or nil.
  var contradiction: String? {
    let sizes = [
      ("vocabulary size", vocabularySize), ("hidden size", hiddenSize), ("intermediate size", intermediateSize),
      ("layer count", layerCount), ("head count", headCount), ("key-value head count", keyValueHeadCount),
      ("head size", headSize), ("context length", maximumPositions), ("rotary size", rotarySize),
    ]
    if let bad = sizes.first(where: { $0.1 < 1 || $0.1 > 1 << 24 }) { return "\(bad.0) is \(bad.1)" }
    if headCount % keyValueHeadCount != 0 {
      return "\(headCount) heads are not a multiple of \(keyValueHeadCount) key-value heads"
    }
    if headSize % 2 != 0 || headSize > 256 { return "head size \(headSize) is not even or above 256" }
    if rotarySize % 2 != 0 || rotarySize > headSize { return "rotary size \(rotarySize) is not even or above \(headSize)" }
    if !(normEpsilon > 0 && normEpsilon < 1) { return "normalisation epsilon is \(normEpsilon)" }
    if !(rotaryBase > 1 && rotaryBase.isFinite) { return "rotary base is \(rotaryBase)" }
    if let slidingWindow, slidingWindow < 1 { return "sliding window is \(slidingWindow)" }
    switch rotaryScaling {
    case .none: break
    case .linear(let factor): if !(factor >= 1 && factor.isFinite) { return "rotary scaling factor is \(factor)" }
    case .llama3(let factor, let low, let high, let positions):
      if !(factor >= 1 && low > 0 && high > low && positions > 0) { return "llama3 rotary scaling contradicts itself" }
    case .factors(let factors):
      if factors.count != rotarySize / 2 || !factors.allSatisfy({ $0 > 0 && $0.isFinite }) {
        return "\(factors.count) rotary factors, expected \(rotarySize / 2) positive ones"
      }
    }
    return nil
  }
}
