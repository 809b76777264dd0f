#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What sentence-transformers' files say about turning an encoder into a bi-encoder.
struct SentenceSettings: Equatable {
  var pooling = Pooling.mean
  var isNormalized = true
  /// Longest text in tokens, specials included; nil where no file says.
  var maximumTokens: Int?

  private struct Part: Decodable {
    let type: String
    let path: String

    /// `Pooling` of `sentence_transformers.models.Pooling`.
    var kind: Substring { type.split(separator: ".").last ?? "" }
  }

  private struct Limits: Decodable { let max_seq_length: Int? }

  /// - Throws: ``ModelError/unsupportedArchitecture(file:found:)`` for other parts than transformer, pooling and
  ///   normalisation; ``ModelError/configuration(file:reason:)``.
  init(folder: ModelFolder) throws {
    if folder.contains("sentence_bert_config.json") {
      let (file, limits) = try Self.decode(Limits.self, "sentence_bert_config.json", folder)
      if let length = limits.max_seq_length {
        guard length > 0 else { throw ModelError.configuration(file: file, reason: "max_seq_length is \(length)") }
        maximumTokens = length
      }
    }
    guard folder.contains("modules.json") else { return }
    let (file, parts) = try Self.decode([Part].self, "modules.json", folder)
    let kinds = parts.map(\.kind)
    if let other = zip(kinds, parts).first(where: { !["Transformer", "Pooling", "Normalize"].contains($0.0) }) {
      throw ModelError.unsupportedArchitecture(file: file, found: other.1.type)
    }
    guard kinds == ["Transformer", "Pooling"] || kinds == ["Transformer", "Pooling", "Normalize"] else {
      throw ModelError.configuration(
        file: file, reason: "parts are \(kinds.joined(separator: ", ")); expected Transformer, Pooling and perhaps Normalize")
    }
    isNormalized = kinds.count == 3
    pooling = try Self.pooling(parts[1].path.isEmpty ? "config.json" : parts[1].path + "/config.json", folder)
  }

  /// The one mode that is on, whatever else the file holds.
  private static func pooling(_ name: String, _ folder: ModelFolder) throws -> Pooling {
    enum Value: Decodable {
      case flag(Bool), other

      init(from decoder: any Decoder) throws {
        self = (try? decoder.singleValueContainer().decode(Bool.self)).map(Value.flag) ?? .other
      }
    }
    let (file, entries) = try decode([String: Value].self, name, folder)
    let modes = entries.filter { if case .flag(true) = $0.value { $0.key.hasPrefix("pooling_mode_") } else { false } }.keys
    let known: [String: Pooling] = [
      "pooling_mode_cls_token": .cls, "pooling_mode_mean_tokens": .mean, "pooling_mode_max_tokens": .max,
    ]
    guard modes.count == 1, let mode = modes.first, let pooling = known[mode] else {
      let found = modes.isEmpty ? "none" : modes.sorted().joined(separator: ", ")
      throw ModelError.configuration(file: file, reason: "exactly one of cls, mean and max pooling must be on, found \(found)")
    }
    return pooling
  }

  private static func decode<Value: Decodable>(
    _ type: Value.Type, _ name: String, _ folder: ModelFolder
  ) throws -> (file: String, value: Value) {
    let file = try folder.file(name)
    do {
      return (file, try JSONDecoder().decode(type, from: try folder.readData(file)))
    } catch let error as DecodingError {
      throw ModelError.configuration(file: file, reason: describe(error))
    }
  }
}
