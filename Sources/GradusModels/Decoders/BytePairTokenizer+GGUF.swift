import GradusFormats
import GradusText

extension BytePairTokenizer {
  /// The tokenizer in a GGUF file's metadata.
  ///
  /// - Throws: `GGUFError` where a key is missing or of the wrong kind; `TokenizerError`.
  public convenience init(gguf file: GGUFFile) throws {
    try self.init(try BytePairVocabulary(gguf: file), name: file.path)
  }

  /// The tokenizer that comes with a decoder: in its GGUF file, or as `tokenizer.json` in its folder.
  public convenience init(decoder path: String) throws {
    if Folder.isFolder(path) {
      try self.init(tokenizerJSON: try ModelFolder(path: path).file("tokenizer.json"))
    } else {
      try self.init(gguf: try GGUFFile(path: path))
    }
  }
}

extension BytePairVocabulary {
  /// What the file's metadata say of the tokenizer.
  init(gguf file: GGUFFile) throws {
    func key(_ name: String) -> String? { file.hasKey("tokenizer.ggml." + name) ? "tokenizer.ggml." + name : nil }
    func id(_ name: String) throws -> Int32? { try key(name).map { try file.integer($0) }.flatMap { Int32(exactly: $0) } }
    func flag(_ name: String) throws -> Bool? { try key(name).map { try file.bool($0) } }
    self.init(
      model: try file.string("tokenizer.ggml.model"), pre: try key("pre").map { try file.string($0) },
      tokens: try file.strings("tokenizer.ggml.tokens"), merges: try key("merges").map { try file.strings($0) } ?? [],
      tokenTypes: try key("token_type").map { try file.integers($0) } ?? [],
      scores: try key("scores").map { try file.floatArray($0) } ?? [], beginID: try id("bos_token_id"),
      endID: try id("eos_token_id"), unknownID: try id("unknown_token_id"), addsBegin: try flag("add_bos_token"),
      addsEnd: try flag("add_eos_token"), addsSpacePrefix: try flag("add_space_prefix"))
  }
}
