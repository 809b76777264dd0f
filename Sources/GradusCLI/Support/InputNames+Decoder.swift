import Gradus

extension InputNames {
  /// What `LlamaDecoder` loads for a name of the catalogue, a GGUF file, or a folder in Hugging Face's layout.
  static func decoder(_ name: String) throws -> String {
    if isFile(name) { return name }
    let installed = try model(name)
    return installed.weights.hasSuffix(".gguf") ? installed.weights : installed.folder
  }
}
