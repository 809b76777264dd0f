/// The texts that a sentence encoder wants before queries and documents, by name.
///
///     let prompts = SentencePrompts(["query": "query: ", "document": "passage: "])
///     try prompts.text(.query)   // "query: "
public struct SentencePrompts: Sendable, Equatable {
  public let texts: [String: String]
  /// What stands before a text for which nothing else was said.
  public let defaultName: String?

  public init(_ texts: [String: String] = [:], defaultName: String? = nil) {
    self.texts = texts
    self.defaultName = defaultName
  }

  /// The prompt of a choice, empty where there is none.
  ///
  /// - Throws: ``ModelError/unknownPrompt(name:known:)`` for a name, or a default's, that is not there.
  public func text(_ choice: PromptChoice) throws -> String {
    switch choice {
    case .none: return ""
    case .named(let name): return try named(name)
    case .standard: return try defaultName.map(named) ?? ""
    case .query: return try texts["query"] ?? text(.standard)
    case .document:
      return try ["document", "passage", "corpus"].compactMap { texts[$0] }.first ?? text(.standard)
    }
  }

  private func named(_ name: String) throws -> String {
    guard let text = texts[name] else { throw ModelError.unknownPrompt(name: name, known: texts.keys.sorted()) }
    return text
  }
}

/// Which prompt goes before a text, as sentence-transformers chooses it.
public enum PromptChoice: Sendable, Equatable {
  /// That of `default_prompt_name`, else none: `encode`.
  case standard
  /// The prompt `query`, else the standard one: `encode_query`.
  case query
  /// The prompt `document`, `passage` or `corpus`, else the standard one: `encode_document`.
  case document
  case named(String)
  case none
}
