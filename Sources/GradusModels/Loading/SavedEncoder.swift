#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusFormats
import GradusTensor

/// An encoder with a head on its way to a Hugging Face folder.
struct SavedEncoder {
  let configuration: BertConfiguration
  /// What follows the family's name in `architectures`.
  let className: String
  let tensors: [NamedTensor]

  /// Configuration, tokenizer and, last of all, weights.
  func write(to path: String, tokenizerOf base: ModelFolder) throws {
    let tokenizer = try base.tokenizerFiles()
    try Folder.create(path)
    try SavedConfiguration(configuration, className: className).write(to: path)
    for (name, data) in tokenizer {
      let output = try OutputFile(path: path + "/" + name)
      try output.write(Array(data))
      try output.commit()
    }
    let weights = SafetensorsWriter(path: path + "/" + ModelFolder.weightsName, metadata: ["format": "pt"])
    for tensor in tensors { weights.add(tensor.name, shape: tensor.tensor.shape, floats: tensor.tensor.floats()) }
    try weights.commit()
  }
}

extension ModelFolder {
  /// The files of the folder's tokenizer, to be copied.
  ///
  /// - Throws: ``ModelError/missingFile(folder:name:)`` where there is no tokenizer.
  func tokenizerFiles() throws -> [(name: String, data: Data)] {
    guard contains("tokenizer.json") || contains("vocab.txt") else {
      throw ModelError.missingFile(folder: path, name: "tokenizer.json")
    }
    return try ["tokenizer.json", "vocab.txt", "tokenizer_config.json"].filter(contains).map { name in
      (name, try readData(try file(name)))
    }
  }
}

/// `config.json` as Hugging Face's loaders want it.
struct SavedConfiguration: Encodable {
  private let configuration: BertConfiguration
  private let className: String
  private let classifier: ClassifierSettings?

  init(_ configuration: BertConfiguration, className: String = "Model", classifier: ClassifierSettings? = nil) {
    self.configuration = configuration
    self.className = className
    self.classifier = classifier
  }

  func encode(to encoder: any Encoder) throws {
    try configuration.encode(to: encoder)
    try classifier?.encode(to: encoder)
    var values = encoder.container(keyedBy: BertConfiguration.Key.self)
    try values.encode([configuration.family.className + className], forKey: BertConfiguration.Key("architectures"))
  }

  func write(to folder: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let output = try OutputFile(path: folder + "/" + ModelFolder.configurationName)
    try output.write(String(decoding: try encoder.encode(self), as: UTF8.self) + "\n")
    try output.commit()
  }
}
