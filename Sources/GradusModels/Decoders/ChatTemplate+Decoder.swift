#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusFormats
import GradusText

extension ChatTemplate {
  /// The template that comes with a decoder: in its GGUF file, or in its folder.
  ///
  ///     let template = try ChatTemplate(decoder: "SmolLM2-135M-Instruct.Q4_1.gguf")
  ///
  /// - Parameter name: Which of several.
  /// - Throws: ``ChatTemplateError/noTemplate(path:)``, ``ChatTemplateError/unknownName(_:known:)``; ``TemplateError``.
  public init(decoder path: String, name: String = "default") throws {
    if Folder.isFolder(path) {
      try self.init(folder: path, name: name)
    } else {
      try self.init(gguf: try GGUFFile(path: path), name: name)
    }
  }

  /// The template in a GGUF file's metadata: `tokenizer.chat_template`, or `tokenizer.chat_template.NAME`.
  public init(gguf file: GGUFFile, name: String = "default") throws {
    let prefix = "tokenizer.chat_template"
    let key = name == "default" ? prefix : prefix + "." + name
    guard file.hasKey(key) else {
      let others = file.keys.filter { $0.hasPrefix(prefix + ".") }.map { String($0.dropFirst(prefix.utf8.count + 1)) }
      let known = (file.hasKey(prefix) ? ["default"] : []) + others
      throw known.isEmpty
        ? ChatTemplateError.noTemplate(path: file.path) : ChatTemplateError.unknownName(name, known: known)
    }
    try self.init(
      try file.string(key), source: "\(file.path): \(key)", specialTokens: try Self.specialTokens(gguf: file))
  }

  /// The special tokens of a decoder, by the names that templates use.
  public static func specialTokens(decoder path: String) throws -> [String: String] {
    if Folder.isFolder(path) { return try specialTokens(folder: path) }
    return try specialTokens(gguf: try GGUFFile(path: path))
  }

  private static func specialTokens(gguf file: GGUFFile) throws -> [String: String] {
    let tokens = try file.strings("tokenizer.ggml.tokens")
    var result: [String: String] = [:]
    for (name, key) in [
      ("bos_token", "bos_token_id"), ("eos_token", "eos_token_id"), ("unk_token", "unknown_token_id"),
      ("pad_token", "padding_token_id"),
    ] where file.hasKey("tokenizer.ggml." + key) {
      let id = try file.integer("tokenizer.ggml." + key)
      if tokens.indices.contains(id) { result[name] = tokens[id] }
    }
    return result
  }

  /// The tokens that end an answer: those that the model's files name, and the end of a turn of this template.
  ///
  /// See ``BytePairTokenizer/endTokens(decoder:)`` for the files; of a folder, the template's own `eos_token` counts.
  public func stopTokens(decoder path: String, tokenizer: BytePairTokenizer) throws -> Set<Int32> {
    let ends = try tokenizer.endTokens(decoder: path, endOfText: Folder.isFolder(path) ? specialTokens["eos_token"] : nil)
    return ends.union([endOfTurn.flatMap { tokenizer.id(of: $0) }].compactMap { $0 })
  }
}

extension BytePairTokenizer {
  /// The tokens that end a text by what the model's files say.
  ///
  /// GGUF: `tokenizer.ggml.eos_token_id`, `eot_token_id`, `eom_token_id`. Folder: what `tokenizer.json` puts behind a text,
  /// `eos_token` of `tokenizer_config.json` and `eos_token_id` of `generation_config.json`.
  ///
  /// - Throws: What these files' readers throw; nothing where a file is not there.
  public func endTokens(decoder path: String) throws -> Set<Int32> {
    let endOfText = Folder.isFolder(path) ? try ChatTemplate.specialTokens(folder: path)["eos_token"] : nil
    return try endTokens(decoder: path, endOfText: endOfText)
  }

  fileprivate func endTokens(decoder path: String, endOfText: String?) throws -> Set<Int32> {
    var ids: [Int32?] = [endID, endOfText.flatMap { id(of: $0) }]
    if Folder.isFolder(path) {
      let folder = ModelFolder(path: path)
      if folder.contains("generation_config.json") {
        ids += try folder.decoded(GenerationSettings.self, "generation_config.json").value.eos_token_id?.ids ?? []
      }
    } else {
      let file = try GGUFFile(path: path)
      for key in ["tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"] where file.hasKey(key) {
        ids.append(Int32(exactly: try file.integer(key)))
      }
    }
    return Set(ids.compactMap { $0 })
  }
}

/// Names are those of `generation_config.json`.
private struct GenerationSettings: Decodable {
  /// One id or several.
  struct Ends: Decodable {
    let ids: [Int32]

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let id = try? container.decode(Int32.self) { ids = [id] } else { ids = try container.decode([Int32].self) }
    }
  }

  let eos_token_id: Ends?
}
