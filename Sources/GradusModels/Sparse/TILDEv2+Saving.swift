#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusFormats
import GradusTensor

extension TILDEv2 {
  /// Stands beside the weights of a saved model, and is written last.
  public static let descriptionName = "tildev2.json"
  /// Folder of the expander inside a saved model.
  private static let expanderName = "expander"

  /// What a saved model says about itself.
  private struct Description: Codable {
    struct Expander: Codable {
      let reading: TILDE.Reading
      let count: Int
      let maximumPassageTokens: Int
    }

    var format = 1
    let maximumPassageTokens: Int
    let maximumQueryTokens: Int
    /// Nil for a model of passages as they are.
    let expander: Expander?
  }

  /// Whether a folder holds a saved TILDEv2.
  public static func isPresent(in folder: ModelFolder) -> Bool { folder.contains(descriptionName) }

  /// Writes the model with its expander: passages must be expanded in indexing as they were in training.
  ///
  /// - Parameter tokenizerOf: The folder whose tokenizer files are copied.
  /// - Throws: ``ModelError/missingFile(folder:name:)``; `FileError`.
  public func save(to path: String, tokenizerOf base: ModelFolder) throws {
    let tensors = encoder.exportedWeights() + head.parameters.map { NamedTensor($0.name, $0.value) }
    try SavedEncoder(configuration: encoder.configuration, className: "Model", tensors: tensors)
      .write(to: path, tokenizerOf: base)
    try expansion?.expander.model.save(to: path + "/" + Self.expanderName, tokenizerOf: base)
    let json = JSONEncoder()
    json.outputFormatting = [.sortedKeys, .prettyPrinted]
    let description = Description(
      maximumPassageTokens: maximumPassageTokens, maximumQueryTokens: maximumQueryTokens,
      expander: expansion.map {
        Description.Expander(
          reading: $0.expander.reading, count: $0.count, maximumPassageTokens: $0.expander.maximumPassageTokens)
      })
    let output = try OutputFile(path: path + "/" + Self.descriptionName)
    try output.write(String(decoding: try json.encode(description), as: UTF8.self) + "\n")
    try output.commit()
  }

  /// Loads what ``save(to:tokenizerOf:)`` wrote.
  ///
  /// - Throws: ``ModelError``, ``TILDEError/description(file:reason:)``, `TokenizerError`.
  public init(folder: ModelFolder) throws {
    let (file, description) = try folder.decoded(Description.self, Self.descriptionName)
    guard description.format == 1 else {
      throw TILDEError.description(file: file, reason: "format \(description.format); this program reads format 1")
    }
    guard description.maximumPassageTokens >= 3, description.maximumQueryTokens >= 3, description.expander?.count ?? 1 >= 1
    else { throw TILDEError.description(file: file, reason: "a number of tokens is too small") }
    let encoder = try BertEncoder(folder: folder)
    let source = try WeightSource(path: folder.file(ModelFolder.weightsName))
    let head = try source.linear(
      Self.headName, as: Self.headName, inputs: encoder.configuration.hiddenSize, outputs: 1)
    let expansion = try description.expander.map { expander in
      Expansion(
        expander: try TILDE(
          folder: ModelFolder(path: folder.path + "/" + Self.expanderName), reading: expander.reading,
          maximumPassageTokens: expander.maximumPassageTokens),
        count: expander.count)
    }
    try self.init(
      encoder: encoder, tokenizer: try folder.tokenizer(), expansion: expansion,
      maximumPassageTokens: description.maximumPassageTokens, maximumQueryTokens: description.maximumQueryTokens, head: head)
  }

  /// How passages are read and expanded, in a line: part of what the weights of an index mean.
  public var settingsText: String {
    let added = expansion.map { ", best \($0.count) of a vocabulary added (\($0.expander.reading.rawValue))" } ?? ""
    return "up to \(maximumPassageTokens) tokens\(added)"
  }
}
