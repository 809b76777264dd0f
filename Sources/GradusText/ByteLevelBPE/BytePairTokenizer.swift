import GradusCore

/// The tokenizer of decoders: byte-pair merging over bytes (GPT-2, Llama 3, Qwen, SmolLM) or over characters with bytes to
/// fall back on (Llama 2, Mistral).
///
///     let tokenizer = try BytePairTokenizer(tokenizerJSON: "tokenizer.json")
///     let ids = tokenizer.encode("The capital of France is")
///     tokenizer.decode(ids)   // "The capital of France is"
///
/// Ids are those of Hugging Face `tokenizers` for the same `tokenizer.json`. Immutable: share one between threads.
public final class BytePairTokenizer: Sendable {
  /// What becomes of control tokens that a text spells.
  public enum SpecialTokens: Sendable {
    /// They become tokens: for templates.
    case parse
    /// They stay text: for what users and documents say.
    case asText
  }

  private let pieces: PieceTable
  private let merges: MergeTable
  /// Whether merging the bytes of a token gives the token, by id.
  private let isWhole: [Bool]
  /// Ids of single bytes; -1 where there is none.
  private let byteIDs: [Int32]
  private let settings: Settings
  private let rawTokens: AddedTokens
  private let normalizedTokens: AddedTokens
  /// Added tokens by id, and what they spell.
  private let added: [Int32: AddedTokens.Token]

  /// The id of the token that begins a text; nil where the file names none.
  public var beginID: Int32? { settings.beginID }
  /// The id of the token that ends a text; nil where the file names none.
  public var endID: Int32? { settings.endID }

  /// What the file puts around a text and a pair; nil where it adds nothing.
  var template: TokenizerTemplate? { settings.template }

  init(_ description: Description) {
    settings = description.settings
    pieces = PieceTable(description.pieces)
    merges = description.merges
    byteIDs = description.byteIDs
    var added: [Int32: AddedTokens.Token] = [:]
    for token in description.addedTokens { added[token.id] = token }
    self.added = added
    let isSecond: (AddedTokens.Token) -> Bool = { $0.isNormalized && description.settings.normalizes }
    rawTokens = AddedTokens(description.addedTokens.filter { !isSecond($0) })
    normalizedTokens = AddedTokens(description.addedTokens.filter(isSecond))
    isWhole = Self.findWhole(pieces, merges, byteIDs, settings)
  }

  private static func findWhole(
    _ pieces: PieceTable, _ merges: MergeTable, _ byteIDs: [Int32], _ settings: Settings
  ) -> [Bool] {
    merges.withView { view in
      var merger = PairMerger()
      return (0..<Int32(pieces.count)).map { id in
        if settings.ignoresMerges { return true }
        let piece = Array(pieces[id])
        merger.symbols.removeAll(keepingCapacity: true)
        piece.withUnsafeBufferPointer { appendSymbols($0, 0..<piece.count, pieces, byteIDs, settings, &merger.symbols) }
        merger.merge(view)
        return merger.symbols == [id]
      }
    }
  }

  // MARK: Vocabulary

  /// One more than the largest id.
  public var vocabularySize: Int { max(pieces.count, Int(added.keys.max() ?? -1) + 1) }

  /// The id of an added token such as `<|im_end|>`, or of a piece by its bytes (a space is a space, not `Ġ`).
  public func id(of token: String) -> Int32? {
    if let found = added.values.first(where: { $0.bytes.elementsEqual(token.utf8) }) { return found.id }
    let id = pieces.find(token.utf8)
    return id < 0 ? nil : id
  }

  /// Whether the id is looked for in texts before anything else: a control token or another one that was added.
  func isAdded(_ id: Int32) -> Bool { added[id] != nil }

  /// In no order.
  var addedTokens: some Sequence<AddedTokens.Token> { added.values }

  /// Whether the id is a control token, which is left out when a text is shown.
  public func isSpecial(_ id: Int32) -> Bool { added[id]?.isSpecial ?? false }

  /// The bytes that a token stands for; not always whole characters. Empty for ids without a token.
  public func bytes(of id: Int32) -> [UInt8] {
    if let token = added[id] { return token.bytes }
    guard id >= 0, id < pieces.count else { return [] }
    if !settings.isByteLevel {
      if let byte = byteIDs.firstIndex(of: id) { return [UInt8(byte)] }
      return Self.spaced(pieces[id])
    }
    return Array(pieces[id])
  }

  private static func spaced(_ piece: ArraySlice<UInt8>) -> [UInt8] {
    var output: [UInt8] = []
    var index = piece.startIndex
    while index < piece.endIndex {
      if piece[index...].starts(with: Settings.space) {
        output.append(UInt8(ascii: " "))
        index += 3
      } else {
        output.append(piece[index])
        index += 1
      }
    }
    return output
  }

  // MARK: Encoding

  /// The ids of a text.
  ///
  /// - Parameters:
  ///   - special: What becomes of control tokens in the text.
  ///   - addsSpecial: Whether the tokens that the file wants before and after a text are added.
  /// - Complexity: O(bytes) for texts of words of bounded length, O(n log n) in the length of a word.
  public func encode(_ text: String, special: SpecialTokens = .parse, addsSpecial: Bool = true) -> [Int32] {
    let rule: AddedTokens.Rule = { token, _ in special == .parse || !token.isSpecial }
    return encode(text, addsSpecial: addsSpecial, rules: AddedTokenRules(raw: rule, normalized: rule))
  }

  /// Which added tokens count, by where they are looked for.
  struct AddedTokenRules {
    /// In the text as it is.
    let raw: AddedTokens.Rule
    /// Of the tokens that belong into the normalised text, those that are looked for before it is normalised.
    var beforeNormalization: AddedTokens.Rule?
    /// In what is normalised; the places are those of the normalised text.
    let normalized: AddedTokens.Rule
  }

  func encode(_ text: String, addsSpecial: Bool, rules: AddedTokenRules) -> [Int32] {
    var ids: [Int32] = addsSpecial ? settings.prefix : []
    var text = text
    text.withUTF8 { bytes in
      ids.reserveCapacity(bytes.count / 3 + 4)
      merges.withView { view in
        CharacterClass.table.withUnsafeBufferPointer { classes in
          var state = EncoderState(view: view, classes: classes)
          rawTokens.split(bytes, accepting: rules.raw) { part in
            switch part {
            case .token(let id): ids.append(id)
            case .text(let range): encodeSegment(bytes, range, rules, &state, &ids)
            }
          }
        }
      }
    }
    if addsSpecial { ids.append(contentsOf: settings.suffix) }
    return ids
  }

  private func encodeSegment(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ rules: AddedTokenRules, _ state: inout EncoderState,
    _ ids: inout [Int32]
  ) {
    let segment = UnsafeBufferPointer(rebasing: text[range])
    guard settings.normalizes, let early = rules.beforeNormalization else {
      return encodeNormalized(segment, isFirst: range.lowerBound == 0, rules, &state, &ids)
    }
    let start = range.lowerBound
    normalizedTokens.split(segment, accepting: { early($0, (start + $1.lowerBound)..<(start + $1.upperBound)) }) { part in
      switch part {
      case .token(let id): ids.append(id)
      case .text(let inner):
        encodeNormalized(
          UnsafeBufferPointer(rebasing: segment[inner]), isFirst: start + inner.lowerBound == 0, rules, &state, &ids)
      }
    }
  }

  private func encodeNormalized(
    _ text: UnsafeBufferPointer<UInt8>, isFirst: Bool, _ rules: AddedTokenRules, _ state: inout EncoderState,
    _ ids: inout [Int32]
  ) {
    guard settings.normalizes else { return encodeText(text, isFirst: isFirst, &state, &ids) }
    var composed = settings.composes
      ? CanonicalComposition.compose(String(decoding: text, as: UTF8.self)) : String(decoding: text, as: UTF8.self)
    composed.withUTF8 { bytes in
      normalizedTokens.split(bytes, accepting: rules.normalized) { part in
        switch part {
        case .token(let id): ids.append(id)
        case .text(let range):
          encodeText(
            UnsafeBufferPointer(rebasing: bytes[range]), isFirst: isFirst && range.lowerBound == 0, &state, &ids)
        }
      }
    }
  }

  /// Finds added tokens in a text as it is, those that belong into the normalised text too.
  func forEachAddedToken(in text: String, accepting rule: @escaping AddedTokens.Rule, _ body: (Int32) -> Void) {
    var text = text
    text.withUTF8 { bytes in
      for table in [rawTokens, normalizedTokens] {
        table.split(bytes, accepting: rule) { if case .token(let id) = $0 { body(id) } }
      }
    }
  }

  private func encodeText(
    _ text: UnsafeBufferPointer<UInt8>, isFirst: Bool, _ state: inout EncoderState, _ ids: inout [Int32]
  ) {
    guard let first = text.first else { return }
    if settings.isByteLevel {
      if settings.spacePrefix == .always, first != UInt8(ascii: " ") {
        return ([UInt8(ascii: " ")] + text).withUnsafeBufferPointer { encodeWords($0, &state, &ids) }
      }
      return encodeWords(text, &state, &ids)
    }
    var spaced: [UInt8] = []
    spaced.reserveCapacity(text.count + text.count / 4 + 3)
    let startsWithSpace = first == UInt8(ascii: " ") || text.starts(with: Settings.space)
    switch settings.spacePrefix {
    case .always: spaced += Settings.space
    case .unlessThere where !startsWithSpace: spaced += Settings.space
    case .first where isFirst && !startsWithSpace: spaced += Settings.space
    default: break
    }
    for byte in text {
      if byte == UInt8(ascii: " ") { spaced += Settings.space } else { spaced.append(byte) }
    }
    spaced.withUnsafeBufferPointer { encodeSpaced($0, &state, &ids) }
  }

  private func encodeWords(_ text: UnsafeBufferPointer<UInt8>, _ state: inout EncoderState, _ ids: inout [Int32]) {
    guard let base = text.baseAddress, let classes = state.classes.baseAddress else { return }
    let scanner = WordScanner(text: base, end: text.count, classes: classes)
    state.beginText(text.count)
    var start = 0
    while start < text.count {
      let end = scanner.wordEnd(settings.preTokenizer, from: start)
      encodeWord(text, start..<end, &state, &ids)
      start = end
    }
  }

  /// Where no token has a space mark after something else, merges never cross such a place, and the text is cut there.
  private func encodeSpaced(_ text: UnsafeBufferPointer<UInt8>, _ state: inout EncoderState, _ ids: inout [Int32]) {
    state.beginText(text.count)
    var start = 0
    var index = 0
    var wasSpace = true
    while index < text.count {
      let isSpace = index + 2 < text.count && text[index] == 0xE2 && text[index + 1] == 0x96 && text[index + 2] == 0x81
      if isSpace, index > start, settings.splitsAtSpaces || !wasSpace && settings.cutsBeforeSpaces {
        encodeWord(text, start..<index, &state, &ids)
        start = index
      }
      wasSpace = isSpace
      index += isSpace ? 3 : 1
    }
    if start < text.count { encodeWord(text, start..<text.count, &state, &ids) }
  }

  private func encodeWord(
    _ text: UnsafeBufferPointer<UInt8>, _ word: Range<Int>, _ state: inout EncoderState, _ ids: inout [Int32]
  ) {
    guard let base = text.baseAddress else { return }
    let whole = pieces.find(base + word.lowerBound, word.count)
    if whole >= 0, isWhole[Int(whole)] { return ids.append(whole) }
    if state.copyEarlier(base, word, &ids) { return }
    let start = ids.count
    state.merger.symbols.removeAll(keepingCapacity: true)
    Self.appendSymbols(text, word, pieces, byteIDs, settings, &state.merger.symbols)
    state.merger.merge(state.view)
    ids.append(contentsOf: state.merger.symbols)
    state.remember(word, start..<ids.count)
  }

  /// The symbols that merging begins with: bytes, or characters with bytes to fall back on.
  private static func appendSymbols(
    _ text: UnsafeBufferPointer<UInt8>, _ word: Range<Int>, _ pieces: PieceTable, _ byteIDs: [Int32],
    _ settings: Settings, _ symbols: inout [Int32]
  ) {
    if settings.isByteLevel {
      for index in word {
        let id = byteIDs[Int(text[index])]
        if id >= 0 { symbols.append(id) } else if let unknown = settings.unknownID { symbols.append(unknown) }
      }
      return
    }
    guard let base = text.baseAddress else { return }
    var index = word.lowerBound
    var followsUnknown = false
    while index < word.upperBound {
      let width = min(UTF8Scalar.decode(text, at: index).width, word.upperBound - index)
      let id = pieces.find(base + index, width)
      let isUnknown =
        id < 0 && !(settings.fallsBackToBytes && (index..<(index + width)).allSatisfy { byteIDs[Int(text[$0])] >= 0 })
      if id >= 0 {
        symbols.append(id)
      } else if !isUnknown {
        for place in index..<(index + width) { symbols.append(byteIDs[Int(text[place])]) }
      } else if let unknown = settings.unknownID, !(followsUnknown && settings.fusesUnknown) {
        symbols.append(unknown)
      }
      followsUnknown = isUnknown
      index += width
    }
  }

  // MARK: Decoding

  /// The text of some ids. Bytes that are no UTF-8 become U+FFFD.
  ///
  /// - Parameter skipsSpecial: Leave out control tokens.
  public func decode(_ ids: some Sequence<Int32>, skipsSpecial: Bool = true) -> String {
    var stream = TokenStream(self, skipsSpecial: skipsSpecial)
    var text = ""
    for id in ids { text += stream.append(id) }
    return text + stream.finish()
  }

  /// Whether the first space of a decoded text was put there by the tokenizer.
  var stripsFirstSpace: Bool { settings.stripsFirstSpace }
}

/// What encoding one text needs: buffers, and where words stood before.
struct EncoderState {
  let view: MergeTable.View
  let classes: UnsafeBufferPointer<UInt8>
  var merger = PairMerger()
  /// A word of several tokens, where it stood in the text, and its ids in the output.
  private struct Earlier {
    var word: Range<Int32> = 0..<0
    var ids: Range<Int32> = 0..<0
  }
  private var earlier: [Earlier] = []
  private static let slots = 4096

  init(view: MergeTable.View, classes: UnsafeBufferPointer<UInt8>) {
    self.view = view
    self.classes = classes
  }

  /// Short texts repeat little; positions must fit 32 bits.
  mutating func beginText(_ count: Int) {
    if count > 2000, count < Int32.max {
      earlier.removeAll(keepingCapacity: true)
      earlier.append(contentsOf: repeatElement(Earlier(), count: Self.slots))
    } else {
      earlier = []
    }
  }

  private var lastSlot = 0

  /// Copies the ids of the same word where it stood before.
  mutating func copyEarlier(_ text: UnsafePointer<UInt8>, _ word: Range<Int>, _ ids: inout [Int32]) -> Bool {
    guard !earlier.isEmpty else { return false }
    lastSlot = Int(truncatingIfNeeded: PieceTable.hash(text + word.lowerBound, word.count)) & (Self.slots - 1)
    let found = earlier[lastSlot]
    guard found.word.count == word.count,
      PieceTable.equal(text + Int(found.word.lowerBound), text + word.lowerBound, word.count)
    else { return false }
    for index in found.ids { ids.append(ids[Int(index)]) }
    return true
  }

  /// The word that was just looked for in vain.
  mutating func remember(_ word: Range<Int>, _ ids: Range<Int>) {
    guard !earlier.isEmpty, ids.upperBound < Int32.max else { return }
    earlier[lastSlot] = Earlier(
      word: Int32(word.lowerBound)..<Int32(word.upperBound), ids: Int32(ids.lowerBound)..<Int32(ids.upperBound))
  }
}
