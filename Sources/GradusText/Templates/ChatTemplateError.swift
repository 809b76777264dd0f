import GradusCore

/// A conversation that cannot be put into a model's format. What is wrong with a template itself is a ``TemplateError``.
public enum ChatTemplateError: GradusError, Equatable {
  /// The model comes without a chat template.
  case noTemplate(path: String)
  /// No template of this name is built in, or comes with the model.
  case unknownName(String, known: [String])
  /// The file's `chat_template` is neither a text nor a list of named texts.
  case malformed(path: String, found: String)
  /// A role that is no single word.
  case role(String, message: Int)
  /// A message spells a token that only the template may write; under ``ChatTemplate/MarkupInContent/refuse``.
  case markup(String, message: Int)
  /// A token that the template needs is none of the tokenizer's control tokens.
  case missingToken(String, template: String)

  public var failureKind: FailureKind {
    switch self {
    case .noTemplate, .unknownName: .usage
    default: .badData
    }
  }

  public var description: String {
    switch self {
    case .noTemplate(let path):
      "\(path): the model has no chat template; name one (--chat-template chatml, or a file), or take the text as it stands "
        + "(--raw)"
    case .unknownName(let name, let known):
      "no chat template '\(name)'; there is: \(known.isEmpty ? "none" : known.joined(separator: ", "))"
    case .malformed(let path, let found):
      "\(path): chat_template is \(found); expected a string or a list of objects with 'name' and 'template'"
    case .role(let role, let message):
      "message \(message + 1): role '\(role)' is no word of letters, digits, '_' and '-'; roles are system, user, assistant ..."
    case .markup(let token, let message):
      "message \(message + 1) contains '\(token)', which only the chat template may write; take it out, or have it read as text"
    case .missingToken(let token, let template):
      "template '\(template)' needs '\(token)', which is no control token of this model; take the model's own template"
    }
  }
}
