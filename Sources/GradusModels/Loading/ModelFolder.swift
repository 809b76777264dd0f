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
///     let folder = ModelFolder(path: "models/minilm-l6")
///     let encoder = try BertEncoder(folder: folder)
public struct ModelFolder: Sendable, Equatable {
  public static let configurationName = "config.json"
  public static let weightsName = "model.safetensors"

  public let path: String

  public init(path: String) { self.path = path }

  /// The path of a file of the folder.
  /// - Throws: ``ModelError/missingFile(folder:name:)``.
  public func file(_ name: String) throws -> String {
    let file = path + "/" + name
    guard FileManager.default.fileExists(atPath: file) else { throw ModelError.missingFile(folder: path, name: name) }
    return file
  }

  func bertConfiguration() throws -> BertConfiguration {
    let file = try file(Self.configurationName)
    let data = try readData(file)
    struct Kind: Decodable { let model_type: String? }
    do {
      if let kind = try JSONDecoder().decode(Kind.self, from: data).model_type, kind != "bert" {
        throw ModelError.unsupportedArchitecture(file: file, found: kind)
      }
      let configuration = try JSONDecoder().decode(BertConfiguration.self, from: data)
      if let reason = configuration.contradiction { throw ModelError.configuration(file: file, reason: reason) }
      return configuration
    } catch let error as DecodingError {
      throw ModelError.configuration(file: file, reason: describe(error))
    }
  }

  /// The folder's WordPiece tokenizer: `tokenizer.json`, else `vocab.txt`.
  public func tokenizer() throws -> WordPieceTokenizer {
    try WordPieceTokenizer(folder: path)
  }

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
  case .dataCorrupted(let context): "no valid JSON\(place(context))"
  @unknown default: "cannot be decoded"
  }
}
