/// How a model wants conversations written: its chat template.
///
///     let template = try ChatTemplate.named("chatml")
///     let chat = try template.render([.system("Answer briefly."), .user("What is BM25?")])
///     chat.text   // <|im_start|>system ... <|im_start|>assistant
///     let ids = try template.encode([.user(document)], with: tokenizer)
///
/// Templates are written in Jinja's language, and rendered as Hugging Face's `apply_chat_template` renders them, with the same
/// variables: `messages`, `add_generation_prompt`, `tools` and `documents` (none), and the special tokens.
///
/// **What a message cannot do.** A document that a ranker reads may spell `<|im_end|>` and go on as somebody else. Hugging
/// Face tokenizes the rendered text as a whole, so that this works there. Here every character remembers whether the template
/// or a message wrote it, through all that the template does to it; a token that the template may write is recognised only
/// where all its characters are the template's. See ``MarkupInContent``. Markers that are plain text, such as `[INST]` in the
/// format of Llama 2, are no tokens, and nothing can keep a message from spelling them.
public struct ChatTemplate: Sendable {
  /// What becomes of a token in a message that only the template should write: a control token, or any other added token that
  /// the template's own text contains.
  public enum MarkupInContent: Sendable, Equatable, CaseIterable {
    /// It stays text, in the pieces that its characters give. The choice for texts of unknown origin: all of them can be
    /// read, also those that speak about chat formats, and none can act.
    case asText
    /// ``ChatTemplateError/markup(_:message:)``: for applications that take such a text for an attack.
    case refuse
    /// It becomes the token, as in Hugging Face's `apply_chat_template`: for contents that the application itself wrote.
    case parse
  }

  /// Where the template comes from, for errors.
  public let source: String
  /// The template itself.
  public let text: String
  /// What the template finds as `bos_token`, `eos_token` and so on, by these names.
  public let specialTokens: [String: String]
  /// Control tokens that the template is useless without; empty where nothing is known.
  public let requiredTokens: [String]
  /// The token that ends a turn, where it is known: generation stops there.
  public let endOfTurn: String?
  private let template: JinjaTemplate

  /// - Parameters:
  ///   - text: In Jinja's language.
  ///   - source: Names the template in errors.
  ///   - specialTokens: Texts by the names that Hugging Face gives them: `bos_token`, `eos_token`.
  /// - Throws: ``TemplateError`` with the line.
  public init(
    _ text: String, source: String, specialTokens: [String: String] = [:], limits: TemplateLimits = TemplateLimits()
  ) throws {
    try self.init(text, source: source, specialTokens: specialTokens, requiredTokens: [], endOfTurn: nil, limits: limits)
  }

  private init(
    _ text: String, source: String, specialTokens: [String: String], requiredTokens: [String], endOfTurn: String?,
    limits: TemplateLimits = TemplateLimits()
  ) throws {
    self.text = text
    self.source = source
    self.specialTokens = specialTokens
    self.requiredTokens = requiredTokens
    self.endOfTurn = endOfTurn
    template = try JinjaTemplate(text, source: source, limits: limits)
  }

  /// Names of the templates that are built in.
  public static let names = ["chatml"]

  /// A built-in template. `chatml`: each message between `<|im_start|>` and `<|im_end|>`, its role on the first line.
  ///
  /// - Throws: ``ChatTemplateError/unknownName(_:known:)``.
  public static func named(_ name: String, specialTokens: [String: String] = [:]) throws -> ChatTemplate {
    guard name == "chatml" else { throw ChatTemplateError.unknownName(name, known: names) }
    return try ChatTemplate(
      #"""
      {%- for message in messages -%}
        {{ '<|im_start|>' ~ message.role ~ '\n' ~ message.content ~ '<|im_end|>\n' }}
      {%- endfor -%}
      {%- if add_generation_prompt -%}
        {{ '<|im_start|>assistant\n' }}
      {%- endif -%}
      """#, source: name, specialTokens: specialTokens, requiredTokens: ["<|im_start|>", "<|im_end|>"],
      endOfTurn: "<|im_end|>")
  }

  /// Writes a conversation.
  ///
  /// - Parameters:
  ///   - addGenerationPrompt: Whether the assistant's next turn is begun.
  ///   - variables: Switches that the template knows, such as `enable_thinking`.
  ///   - date: What `strftime_now` tells. Where it is nil the template finds no such function, and most then take a fixed date:
  ///     the clock is never asked.
  /// - Throws: ``TemplateError``, also where the template refuses the conversation; ``ChatTemplateError/role(_:message:)``.
  /// - Complexity: Bounded by ``TemplateLimits``.
  public func render(
    _ messages: [ChatMessage], addGenerationPrompt: Bool = true, variables: [String: Bool] = [:], date: TemplateDate? = nil
  ) throws -> RenderedChat {
    var list: [TemplateValue] = []
    for (index, message) in messages.enumerated() {
      guard message.hasValidRole else { throw ChatTemplateError.role(message.role, message: index) }
      list.append(
        .dictionary(
          TemplateDictionary([
            "role": .string(message.role), "content": .text(TemplateText(message.content, isInput: true)),
          ])))
    }
    var context = variables.mapValues { TemplateValue.bool($0) }
    for (name, token) in specialTokens { context[name] = .string(token) }
    context["messages"] = .list(TemplateList(list))
    context["add_generation_prompt"] = .bool(addGenerationPrompt)
    context["tools"] = TemplateValue.null
    context["documents"] = TemplateValue.null
    return RenderedChat(try template.render(context, date: date))
  }

  /// The ids of a conversation: what ``render(_:addGenerationPrompt:variables:date:)`` writes, without any token that the
  /// template has not written.
  ///
  /// - Parameter markup: What becomes of control tokens in the messages' contents.
  /// - Throws: As ``render(_:addGenerationPrompt:variables:date:)``; ``ChatTemplateError/markup(_:message:)``,
  ///   ``ChatTemplateError/missingToken(_:template:)``.
  public func encode(
    _ messages: [ChatMessage], with tokenizer: BytePairTokenizer, markup: MarkupInContent = .asText,
    addGenerationPrompt: Bool = true, variables: [String: Bool] = [:], date: TemplateDate? = nil
  ) throws -> [Int32] {
    for token in requiredTokens where tokenizer.id(of: token).map(tokenizer.isAdded) != true {
      throw ChatTemplateError.missingToken(token, template: source)
    }
    let chat = try render(messages, addGenerationPrompt: addGenerationPrompt, variables: variables, date: date)
    if markup == .parse { return tokenizer.encode(chat.text, addsSpecial: false) }
    let reserved = tokenizer.markup(of: text)
    if markup == .refuse {
      for (index, message) in messages.enumerated() {
        if let token = tokenizer.firstToken(of: reserved, in: message.content) {
          throw ChatTemplateError.markup(token, message: index)
        }
      }
    }
    return tokenizer.encode(chat, reserved: reserved)
  }
}
