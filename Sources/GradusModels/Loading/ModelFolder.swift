#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusFormats
import GradusText

/// A model on disk in Hugging Face's layout: `config.json`, `model.safetensors`, `tokenizer.json` or `vocab.txt`.
///
/// Weights may also be in shards that `model.safetensors.index.json` lists, in `pytorch_model.bin`, or in shards of
/// `pytorch_model.bin.index.json`: the first of the four that is there is read.
///
///     let folder = ModelFolder(path: "models/minilm-l6")
///     let encoder = try BertEncoder(folder: folder)
public struct ModelFolder: Sendable, Equatable {
  public static let configurationName = "config.json"
  public static let weightsName = "model.safetensors"
  static let pytorchWeightsName = "pytorch_model.bin"

  public let path: String

  public init(path: String) { self.path = path }

  /// The path of a file of the folder; for ``weightsName``, also in a folder of this one, of what holds the weights: the file,
  /// or the index of its shards (`TensorFiles` opens both).
  /// - Throws: ``ModelError/missingFile(folder:name:)``; of shards without their index, for the index.
  public func file(_ name: String) throws -> String {
    guard name.hasSuffix(Self.weightsName) else {
      guard contains(name) else { throw ModelError.missingFile(folder: path, name: name) }
      return path + "/" + name
    }
    let prefix = name.dropLast(Self.weightsName.count)
    for single in [Self.weightsName, Self.pytorchWeightsName] {
      for other in [single, single + ShardIndex.suffix] where contains(prefix + other) { return path + "/" + prefix + other }
    }
    throw ModelError.missingFile(folder: path, name: name + (hasShard(of: name) ? ShardIndex.suffix : ""))
  }

  /// The name of what holds the weights, as ``file(_:)`` finds it; nil where nothing does.
  public var weightsFileName: String? {
    (try? file(Self.weightsName)).map { String($0.dropFirst(path.count + 1)) }
  }

  /// Whether `model-00001-of-...` stands where `model.safetensors` should.
  private func hasShard(of name: String) -> Bool {
    let place = (path + "/" + name).dropLast(Self.weightsName.count)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: String(place))) ?? []
    return names.contains { $0.hasPrefix("model-00001-of-") && $0.hasSuffix(".safetensors") }
  }

  /// SHA-256 of weights, of all shards and of several files as one text, by which indexes and trained models know their model.
  ///
  /// - Parameter names: As ``file(_:)`` takes them.
  /// - Throws: ``ModelError/missingFile(folder:name:)``; `ShardError`, `FileError`.
  /// - Complexity: Reads every byte.
  public func weightsDigest(of names: [String] = [Self.weightsName]) throws -> String {
    var digest = SHA256Digest()
    for name in names {
      for path in try TensorFiles.paths(try file(name)) {
        let file = try MappedFile(path: path)
        file.advise(.sequential)
        withExtendedLifetime(file) { digest.update(file.bytes) }
      }
    }
    return digest.finish()
  }

  /// Whether the folder's configuration is that of a decoder that ``LlamaDecoder`` runs.
  public var isDecoder: Bool {
    struct Kind: Decodable { let model_type: String? }
    guard contains(Self.configurationName), let kind = try? decoded(Kind.self, Self.configurationName).value else { return false }
    return kind.model_type.flatMap { DecoderConfiguration.Architecture(rawValue: $0) } != nil
  }

  func bertConfiguration() throws -> BertConfiguration {
    let file = try file(Self.configurationName)
    struct Kind: Decodable {
      let model_type: String?
      let position_embedding_type: String?
      let is_decoder: Bool?
    }
    let kind = try decoded(Kind.self, Self.configurationName).value
    if let type = kind.model_type, EncoderFamily(rawValue: type) == nil {
      throw ModelError.unsupportedArchitecture(file: file, found: type)
    }
    if let positions = kind.position_embedding_type, positions != "absolute" {
      throw ModelError.configuration(file: file, reason: "position_embedding_type is '\(positions)'; 'absolute' is supported")
    }
    if kind.is_decoder == true {
      throw ModelError.configuration(file: file, reason: "is_decoder is true; encoders are supported")
    }
    let configuration = try decoded(BertConfiguration.self, Self.configurationName).value
    if let reason = configuration.contradiction { throw ModelError.configuration(file: file, reason: reason) }
    return configuration
  }

  func classifierSettings() throws -> ClassifierSettings {
    try decoded(ClassifierSettings.self, Self.configurationName).value
  }

  /// Whether one of transformers' classes `...ForSequenceClassification` was saved here, and not a model of Gradus: a
  /// cross-encoder with its own head.
  public var isSequenceClassifier: Bool {
    struct Kind: Decodable { let architectures: [String]? }
    guard contains(Self.configurationName), !contains(ModelManifest.fileName),
      let kind = try? decoded(Kind.self, Self.configurationName).value
    else { return false }
    return kind.architectures?.contains { $0.hasSuffix("ForSequenceClassification") } ?? false
  }

  /// A JSON file of the folder.
  func decoded<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> (file: String, value: Value) {
    let file = try file(name)
    do {
      return (file, try JSONDecoder().decode(type, from: try readData(file)))
    } catch let error as DecodingError {
      throw ModelError.configuration(file: file, reason: describe(error))
    }
  }

  /// The folder's tokenizer: `tokenizer.json` with a WordPiece, BPE or Unigram model, else `vocab.txt`, which is lower-cased
  /// unless `tokenizer_config.json` says otherwise.
  ///
  /// - Throws: `TokenizerError`; ``ModelError/tokenizerMismatch(folder:table:largest:rows:)`` where `config.json` has no row
  ///   for an id or a segment that the tokenizer can give.
  public func tokenizer() throws -> any InputTokenizer {
    let tokenizer = try loadedTokenizer()
    if contains(Self.configurationName) {
      let configuration = try bertConfiguration()
      try check(
        tokenizer, vocabulary: configuration.vocabularySize,
        segments: configuration.family.hasSegments ? configuration.segmentCount : nil)
    }
    return tokenizer
  }

  private func loadedTokenizer() throws -> any InputTokenizer {
    guard !contains("tokenizer.json"), contains("vocab.txt") else { return try TokenizerFile.inputTokenizer(folder: path) }
    struct Settings: Decodable { let do_lower_case: Bool? }
    var lowercase = true
    if contains("tokenizer_config.json") {
      lowercase = try decoded(Settings.self, "tokenizer_config.json").value.do_lower_case ?? true
    }
    return try WordPieceTokenizer(vocabulary: try file("vocab.txt"), lowercase: lowercase)
  }

  /// Checks that every id of the tokenizer, special tokens included, and every segment has a row in its table.
  func check(_ tokenizer: any InputTokenizer, vocabulary: Int, segments: Int? = nil) throws {
    let pair = try tokenizer.inputs(query: [0], document: [0], limits: TokenLimits(maximumTokens: 64))[0]
    let largestID = max(tokenizer.vocabularySize - 1, Int(pair.ids.max() ?? 0))
    guard largestID < vocabulary else {
      throw ModelError.tokenizerMismatch(folder: path, table: "word", largest: largestID, rows: vocabulary)
    }
    let largestSegment = Int(pair.segmentIDs.max() ?? 0)
    if let segments, largestSegment >= segments {
      throw ModelError.tokenizerMismatch(folder: path, table: "segment", largest: largestSegment, rows: segments)
    }
  }

  func contains(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path + "/" + name) }

  func readData(_ file: String) throws -> Data {
    let mapped = try MappedFile(path: file)
    return withExtendedLifetime(mapped) { Data(mapped.bytes) }
  }
}

/// A decoding error in one line: which key, and what is wrong with it.
func describe(_ error: DecodingError) -> String {
  func place(_ context: DecodingError.Context) -> String {
    context.codingPath.isEmpty ? "" : " at '" + context.codingPath.map(\.stringValue).joined(separator: ".") + "'"
  }
  return switch error {
  case .keyNotFound(let key, let context): "key '\(key.stringValue)' is missing\(place(context))"
  case .typeMismatch(_, let context), .valueNotFound(_, let context): "value of the wrong kind\(place(context))"
  case .dataCorrupted(let context) where context.codingPath.isEmpty: "no valid JSON"
  case .dataCorrupted(let context): "a value that is not known\(place(context)): \(context.debugDescription)"
  @unknown default: "cannot be decoded"
  }
}
