import GradusText

/// Entries of a word-piece vocabulary that take no part in exact matching, or in expansion, as TILDE's code has them (Zhuang and
/// Zuccon, 2021).
///
///     let stops = StopTokens(tokenizer)
///     stops.matching.contains(id)
///
/// Both sets hold the pieces with other characters than letters, digits, `_` and `-` (continuations of a word, which begin with
/// `##`, are kept), hence all special tokens, and `##s`. `matching` adds the English stop words that are one piece but for the
/// question words; `expansion` all of them, and `definition`.
public struct StopTokens: Sendable, Equatable {
  /// Left out of a query and of what is stored of a passage.
  public let matching: Set<Int32>
  /// Never added to a passage.
  public let expansion: Set<Int32>

  public init(_ tokenizer: any InputTokenizer) {
    var common: Set<Int32> = []
    for id in 0..<Int32(tokenizer.vocabularySize) {
      guard let piece = tokenizer.piece(id) else {
        common.insert(id)
        continue
      }
      if piece == "##s" || !(piece.hasPrefix("##") || piece.utf8.allSatisfy(Self.isPlain)) { common.insert(id) }
    }
    var matching = common, expansion = common
    for word in Self.englishWords {
      let ids = tokenizer.encode(word)
      guard ids.count == 1 else { continue }
      expansion.insert(ids[0])
      if !Self.questionWords.contains(word) { matching.insert(ids[0]) }
    }
    let definition = tokenizer.encode("definition")
    if definition.count == 1 { expansion.insert(definition[0]) }
    self.matching = matching
    self.expansion = expansion
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "_"), UInt8(ascii: "-"): true
    default: false
    }
  }

  private static let questionWords: Set<String> = ["where", "how", "what", "when", "which", "why", "who"]

  /// NLTK's English stop words; those with an apostrophe are more than one piece and never count.
  private static let englishWords = """
    i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it its itself
    they them their theirs themselves what which who whom this that these those am is are was were be been being have has had
    having do does did doing a an the and but if or because as until while of at by for with about against between into through
    during before after above below to from up down in out on off over under again further then once here there when where why
    how all any both each few more most other some such no nor not only own same so than too very s t can will just don should
    now d ll m o re ve y ain aren couldn didn doesn hadn hasn haven isn ma mightn mustn needn shan shouldn wasn weren won wouldn
    """.split(whereSeparator: \.isWhitespace).map(String.init)
}
