#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

extension ChatTemplate {
  /// The template of a model's folder in Hugging Face's layout: `chat_template.jinja`, else `chat_template` in
  /// `tokenizer_config.json`, a text or a list of named ones.
  ///
  /// - Parameter name: Which of several; `default` is also the name of a single one.
  /// - Throws: ``ChatTemplateError/noTemplate(path:)``, ``ChatTemplateError/unknownName(_:known:)``,
  ///   ``ChatTemplateError/malformed(path:found:)``; ``TemplateError``; ``TokenizerError`` where a file is no JSON or no UTF-8.
  public init(folder: String, name: String = "default", limits: TemplateLimits = TemplateLimits()) throws {
    let configuration = folder + "/" + Self.configurationName
    let settings = try Self.settings(folder)
    let tokens = Self.specialTokens(settings)
    let file = folder + "/chat_template.jinja"
    if name == "default", access(file, F_OK) == 0 {
      try self.init(file: file, specialTokens: tokens, limits: limits)
      return
    }
    let named = try Self.templates(settings["chat_template"], path: configuration)
    guard !named.isEmpty else { throw ChatTemplateError.noTemplate(path: folder) }
    guard let found = named.first(where: { $0.name == name }) else {
      throw ChatTemplateError.unknownName(name, known: named.map(\.name))
    }
    try self.init(found.text, source: configuration, specialTokens: tokens, limits: limits)
  }

  /// A template from a file of its own.
  ///
  /// - Throws: ``TemplateError``; ``TokenizerError/notUTF8(path:offset:)``; `FileError`.
  public init(file: String, specialTokens: [String: String] = [:], limits: TemplateLimits = TemplateLimits()) throws {
    let text = String(decoding: try WordPieceTokenizer.contents(file), as: UTF8.self)
    try self.init(text, source: file, specialTokens: specialTokens, limits: limits)
  }

  /// The special tokens that a folder's `tokenizer_config.json` names, by the names that templates use; none without the file.
  ///
  /// - Throws: ``TokenizerError`` where the file is no JSON or no UTF-8.
  public static func specialTokens(folder: String) throws -> [String: String] { specialTokens(try settings(folder)) }

  private static let configurationName = "tokenizer_config.json"

  private static func specialTokens(_ settings: JSONNode) -> [String: String] {
    var tokens: [String: String] = [:]
    for key in ["bos_token", "eos_token", "unk_token", "pad_token"] {
      tokens[key] = settings[key].string ?? settings[key]["content"].string
    }
    return tokens
  }

  private static func settings(_ folder: String) throws -> JSONNode {
    let path = folder + "/" + configurationName
    guard access(path, F_OK) == 0 else { return .null }
    return try WordPieceTokenizer.contents(path).withUnsafeBufferPointer { bytes in
      var scanner = JSONScanner(bytes)
      do {
        let node = try JSONNode(&scanner)
        try scanner.finish()
        return node
      } catch let error as JSONError {
        throw TokenizerError.notJSON(path: path, error: error)
      }
    }
  }

  private static func templates(_ node: JSONNode, path: String) throws -> [(name: String, text: String)] {
    switch node {
    case .null: return []
    case .string(let text): return [("default", text)]
    case .array(let items):
      return try items.map { item in
        guard let name = item["name"].string, let text = item["template"].string else {
          throw ChatTemplateError.malformed(path: path, found: "a list with something else in it")
        }
        return (name, text)
      }
    default: throw ChatTemplateError.malformed(path: path, found: "something else")
    }
  }
}
