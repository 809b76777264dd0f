#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusTensor

/// What sentence-transformers' files say about turning an encoder into a bi-encoder.
struct SentenceSettings {
  var pooling = Pooling.mean
  /// Whether the prompt's tokens are pooled with the text's.
  var poolsPrompt = true
  /// After pooling, in order.
  var steps: [SentenceStep] = [.normalize]
  /// Longest text in tokens, specials included; nil where no file says.
  var maximumTokens: Int?
  /// Whether texts are lower-cased before the tokenizer gets them.
  var lowercases = false
  var prompts = SentencePrompts()

  /// An entry of `modules.json`.
  struct Part: Decodable {
    let type: String
    let path: String

    /// `Pooling` of `sentence_transformers.models.Pooling`.
    var kind: Substring { type.split(separator: ".").last ?? "" }
  }

  /// How texts are read, alone: of folders that do not pool.
  init(textsOf folder: ModelFolder) throws {
    try readLimits(folder)
    try readPrompts(folder)
  }

  /// - Parameter width: Of the encoder's vectors.
  /// - Throws: ``ModelError/unsupportedModule(file:found:)`` for other parts than transformer, pooling, dense layers and
  ///   normalisation; ``ModelError/configuration(file:reason:)`` and what weights throw.
  init(folder: ModelFolder, width: Int) throws {
    try readLimits(folder)
    try readPrompts(folder)
    guard folder.contains("modules.json") else { return }
    let (file, parts) = try folder.decoded([Part].self, "modules.json")
    if let other = parts.first(where: { !["Transformer", "Pooling", "Dense", "Normalize"].contains($0.kind) }) {
      throw ModelError.unsupportedModule(file: file, found: other.type)
    }
    let kinds = parts.map(\.kind)
    guard kinds.starts(with: ["Transformer", "Pooling"]), !kinds.dropFirst(2).contains("Transformer"),
      !kinds.dropFirst(2).contains("Pooling")
    else {
      throw ModelError.configuration(
        file: file,
        reason: "parts are \(kinds.joined(separator: ", ")); expected Transformer, Pooling, then Dense and Normalize as wanted")
    }
    guard parts[0].path.isEmpty else {
      throw ModelError.configuration(file: file, reason: "the transformer is in '\(parts[0].path)'; expected the folder itself")
    }
    try readPooling(parts[1].path, folder, width: width)
    var last = width
    steps = try parts.dropFirst(2).enumerated().map { number, part in
      guard part.kind == "Dense" else { return .normalize }
      let dense = try Self.dense(part.path, folder, number: number, inputs: last)
      last = dense.width
      return .dense(dense)
    }
  }

  private mutating func readLimits(_ folder: ModelFolder) throws {
    struct Limits: Decodable {
      let max_seq_length: Int?
      let do_lower_case: Bool?
    }
    struct TokenizerLimits: Decodable { let model_max_length: Double? }
    if folder.contains("sentence_bert_config.json") {
      let (file, limits) = try folder.decoded(Limits.self, "sentence_bert_config.json")
      if let length = limits.max_seq_length {
        guard length > 0 else { throw ModelError.configuration(file: file, reason: "max_seq_length is \(length)") }
        maximumTokens = length
      }
      lowercases = limits.do_lower_case ?? false
    }
    // Versions from 5 on leave the length to the tokenizer's file; numbers beyond all models mean that nobody knows.
    if maximumTokens == nil, folder.contains("modules.json"), folder.contains("tokenizer_config.json") {
      let (file, limits) = try folder.decoded(TokenizerLimits.self, "tokenizer_config.json")
      if let length = limits.model_max_length, length < 1e9 {
        guard length >= 1 else { throw ModelError.configuration(file: file, reason: "model_max_length is \(length)") }
        maximumTokens = Int(length)
      }
    }
  }

  private mutating func readPrompts(_ folder: ModelFolder) throws {
    struct Settings: Decodable {
      let prompts: [String: String]?
      let default_prompt_name: String?
    }
    guard folder.contains("config_sentence_transformers.json") else { return }
    let (file, settings) = try folder.decoded(Settings.self, "config_sentence_transformers.json")
    prompts = SentencePrompts(settings.prompts ?? [:], defaultName: settings.default_prompt_name)
    if let name = prompts.defaultName, prompts.texts[name] == nil {
      throw ModelError.configuration(file: file, reason: "default_prompt_name is '\(name)', which is not among the prompts")
    }
  }

  /// The one mode that is on: by name in newer folders, by flags in older ones.
  private mutating func readPooling(_ path: String, _ folder: ModelFolder, width: Int) throws {
    enum Value: Decodable {
      case flag(Bool), number(Double), names([String]), other

      init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let flag = try? value.decode(Bool.self) {
          self = .flag(flag)
        } else if let number = try? value.decode(Double.self) {
          self = .number(number)
        } else if let name = try? value.decode(String.self) {
          self = .names([name])
        } else if let names = try? value.decode([String].self) {
          self = .names(names)
        } else {
          self = .other
        }
      }
    }
    let (file, entries) = try folder.decoded([String: Value].self, path.isEmpty ? "config.json" : path + "/config.json")
    let known: [String: Pooling] = [
      "cls": .cls, "cls_token": .cls, "mean": .mean, "mean_tokens": .mean, "max": .max, "max_tokens": .max,
      "mean_sqrt_len_tokens": .meanSquareRootLength, "lasttoken": .lastToken, "weightedmean": .weightedMean,
      "weightedmean_tokens": .weightedMean,
    ]
    var modes: [String] = []
    if case .names(let names)? = entries["pooling_mode"] {
      modes = names
    } else {
      let prefix = "pooling_mode_"
      for (key, value) in entries where key.hasPrefix(prefix) {
        if case .flag(true) = value { modes.append(String(key.dropFirst(prefix.count))) }
      }
    }
    guard modes.count == 1, let pooling = known[modes[0]] else {
      let found = modes.isEmpty ? "none" : modes.sorted().joined(separator: ", ")
      throw ModelError.configuration(
        file: file, reason: "exactly one pooling mode of cls, mean, max, mean_sqrt_len, lasttoken and weightedmean must be on, "
          + "found \(found)")
    }
    for key in ["word_embedding_dimension", "embedding_dimension"] {
      if case .number(let found)? = entries[key], found != Double(width) {
        // Not every number fits `Int`.
        let shown = Int(exactly: found).map(String.init) ?? "\(found)"
        throw ModelError.configuration(file: file, reason: "\(key) is \(shown), the encoder's is \(width)")
      }
    }
    self.pooling = pooling
    if case .flag(let includes)? = entries["include_prompt"] { poolsPrompt = includes }
  }

  static func dense(_ path: String, _ folder: ModelFolder, number: Int, inputs: Int) throws -> SentenceDense {
    struct Settings: Decodable {
      let in_features: Int
      let out_features: Int
      let bias: Bool?
      let activation_function: String?
    }
    let (file, settings) = try folder.decoded(Settings.self, path + "/config.json")
    guard settings.in_features == inputs, (1...1 << 20).contains(settings.out_features) else {
      throw ModelError.configuration(
        file: file,
        reason: "a layer from \(settings.in_features) to \(settings.out_features) features follows vectors of \(inputs)")
    }
    // Without the key, sentence-transformers applies tanh.
    let name = settings.activation_function.map { String($0.split(separator: ".").last ?? "") } ?? "Tanh"
    guard let activation = SentenceDense.Activation(rawValue: name) else {
      let known = SentenceDense.Activation.allCases.map(\.rawValue).joined(separator: ", ")
      throw ModelError.configuration(file: file, reason: "activation_function '\(name)' is unknown; \(known) are known")
    }
    let source = try WeightSource(path: try folder.file(path + "/" + ModelFolder.weightsName))
    return SentenceDense(
      linear: try source.linear(
        "linear", as: "sentence.dense.\(number)", inputs: inputs, outputs: settings.out_features,
        hasBias: settings.bias ?? true), activation: activation)
  }
}
