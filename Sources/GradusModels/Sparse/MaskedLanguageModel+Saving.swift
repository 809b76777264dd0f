import GradusCore
import GradusFormats
import GradusTensor

extension MaskedLanguageModel {
  /// Writes weights, configuration and tokenizer as transformers has them: what ``init(folder:)`` reads.
  ///
  /// - Parameter tokenizerOf: The folder whose tokenizer files are copied.
  /// - Throws: ``ModelError/missingFile(folder:name:)`` where that folder holds no tokenizer; `FileError`.
  public func save(to path: String, tokenizerOf base: ModelFolder) throws {
    try base.copyTokenizer(to: path)
    try SavedConfiguration(encoder.configuration, classSuffix: "ForMaskedLM").write(to: path)
    let tensors = encoder.exportedWeights(prefix: encoder.configuration.family.tensorNames.prefix)
      + headParameters.map { NamedTensor($0.name, $0.value) }
    try tensors.write(to: path + "/" + ModelFolder.weightsName)
  }
}

extension [NamedTensor] {
  /// Writes a file of weights.
  func write(to path: String) throws {
    let weights = SafetensorsWriter(path: path, metadata: ["format": "pt"])
    for tensor in self { weights.add(tensor.name, shape: tensor.tensor.shape, floats: tensor.tensor.floats()) }
    try weights.commit()
  }
}

extension ModelFolder {
  /// Copies the tokenizer's files into another folder, making it where it is missing.
  func copyTokenizer(to path: String) throws {
    guard contains("tokenizer.json") || contains("vocab.txt") else {
      throw ModelError.missingFile(folder: self.path, name: "tokenizer.json")
    }
    try Folder.create(path)
    for name in ["tokenizer.json", "vocab.txt", "tokenizer_config.json"] where contains(name) {
      let output = try OutputFile(path: path + "/" + name)
      try output.write(Array(try readData(try file(name))))
      try output.commit()
    }
  }
}
