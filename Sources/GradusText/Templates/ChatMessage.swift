/// One turn of a conversation.
///
///     let messages: [ChatMessage] = [.system("Answer briefly."), .user("What is BM25?")]
public struct ChatMessage: Sendable, Equatable {
  /// `system`, `user`, `assistant` or what else the template knows; letters, digits, `_` and `-`.
  ///
  /// Templates write it between control tokens, and some build a control token from it: it is the application's word, never
  /// a user's.
  public let role: String
  /// What was said; of unknown origin, see ``ChatTemplate/MarkupInContent``.
  public let content: String

  public init(role: String, content: String) {
    self.role = role
    self.content = content
  }

  public static func system(_ content: String) -> ChatMessage { ChatMessage(role: "system", content: content) }
  public static func user(_ content: String) -> ChatMessage { ChatMessage(role: "user", content: content) }
  public static func assistant(_ content: String) -> ChatMessage { ChatMessage(role: "assistant", content: content) }

  var hasValidRole: Bool {
    !role.isEmpty
      && role.utf8.allSatisfy { byte in
        byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")
          || byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
          || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
      }
  }
}
