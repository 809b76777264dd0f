#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `model.safetensors.index.json`: which file holds which tensor.
struct ShardIndex {
  /// In order of their names.
  let files: [String]

  /// - Throws: ``DecoderError/configuration(file:reason:)``, also for a file name that leaves the folder.
  init(json: Data, file: String) throws {
    struct Map: Decodable { let weight_map: [String: String] }
    do {
      files = Set(try JSONDecoder().decode(Map.self, from: json).weight_map.values).sorted()
    } catch let error as DecodingError {
      throw DecoderError.configuration(file: file, reason: describe(error))
    }
    if let bad = files.first(where: { $0.contains("/") || !$0.hasSuffix(".safetensors") }) {
      throw DecoderError.configuration(file: file, reason: "'\(bad)' is no safetensors file of this folder")
    }
  }
}
