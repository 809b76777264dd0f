import Gradus

extension InputNames {
  /// What `LlamaDecoder` loads for a name of the catalogue, a GGUF file, or a folder in Hugging Face's layout.
  static func decoder(_ name: String) throws -> String {
    if isFile(name) { return name }
    let installed = try model(name)
    return installed.weights.hasSuffix(".gguf") ? installed.weights : installed.folder
  }

  /// The ids of a text without special tokens, by the tokenizer of a model: an encoder's or a decoder's, by name, by folder,
  /// or in a GGUF file. A folder needs no weights.
  static func encode(_ name: String) throws -> (String) -> [Int32] {
    let place = exists(name) ? name : try decoder(name)
    guard Folder.isFolder(place) else {
      let tokenizer = try BytePairTokenizer(decoder: place)
      return { tokenizer.encode($0, addsSpecial: false) }
    }
    do {
      return try TokenizerFile.inputTokenizer(folder: place).encode
    } catch TokenizerError.missing(_, "post_processor") {
      // A decoder's: nothing stands around its texts.
      let tokenizer = try BytePairTokenizer(decoder: place)
      return { tokenizer.encode($0, addsSpecial: false) }
    }
  }
}
