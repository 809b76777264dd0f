extension BytePairTokenizer {
  /// The tokens that only a chat template may write: the control tokens, and other added tokens that stand in the template's
  /// own text, such as `<think>`. Tokens of white space are nobody's markup.
  func markup(of template: String) -> Set<Int32> {
    let template = TemplateText(template)
    var ids: Set<Int32> = []
    for token in addedTokens {
      let text = TemplateText(String(decoding: token.bytes, as: UTF8.self))
      let isMarkup = !text.stripped().isEmpty && !template.occurrences(of: text, limit: 1).isEmpty
      if token.isSpecial || isMarkup { ids.insert(token.id) }
    }
    return ids
  }

  /// The first of the tokens that a text spells.
  func firstToken(of ids: Set<Int32>, in text: String) -> String? {
    var found: Int32?
    forEachAddedToken(in: text, accepting: { token, _ in ids.contains(token.id) }) { found = found ?? $0 }
    return found.map { String(decoding: bytes(of: $0), as: UTF8.self) }
  }

  /// The ids of a rendered conversation, in which the reserved tokens count only where the template wrote all of their bytes.
  func encode(_ chat: RenderedChat, reserved: Set<Int32>) -> [Int32] {
    encode(
      chat.text, addsSpecial: false,
      rules: AddedTokenRules(
        raw: { token, bytes in !reserved.contains(token.id) || !chat.isContent(bytes) },
        beforeNormalization: { token, bytes in reserved.contains(token.id) && !chat.isContent(bytes) },
        normalized: { token, _ in !reserved.contains(token.id) }))
  }
}
