import GradusCore

/// BERT's tokenizer: normalisation, punctuation apart, then the longest pieces of a vocabulary from left to right (Wu et
/// al., 2016; Devlin et al., 2019).
///
///     let tokenizer = try WordPieceTokenizer(folder: "minilm-l6")
///     tokenizer.encode("unaffable")   // [14477, 20961, 3468]: una ##ffa ##ble
///
/// Ids are those of Hugging Face `tokenizers` for the same `tokenizer.json`. Immutable: share one between threads.
/// Truncation and padding that the file may ask for are the caller's business (``TokenLimits``).
public final class WordPieceTokenizer: InputTokenizer {
  /// A token that is looked for in the text before anything else, such as `[MASK]`.
  struct AddedToken: Sendable {
    let bytes: [UInt8]
    let id: Int32
    /// Only where no letter or digit touches it.
    let isSingleWord: Bool
    /// Looked for in the text as it is after normalisation: in any case where the normaliser lower-cases.
    var isNormalized = false
  }

  /// Pieces by id; ids without a piece are nil.
  private let pieces: [String?]
  private let trie: PieceTrie
  /// Where the search starts for a piece that goes on with a word (`##`).
  private let continuation: Int32
  private let actions: CharacterActions
  private let addedTokens: [AddedToken]
  /// Whether an added token starts with the byte.
  private let startsAddedToken: [Bool]
  private let lowercases: Bool
  private let maximumWordCharacters: Int
  public let template: TokenizerTemplate

  /// The id that stands for words which the vocabulary cannot spell.
  public let unknownID: Int32
  /// The id of `[PAD]`, or of what the file calls so; 0 where the vocabulary has none.
  public let paddingID: Int32

  init(_ description: Description) {
    let trie = PieceTrie(description.vocabulary)
    self.trie = trie
    continuation = trie.slot(description.continuationPrefix.utf8) ?? -1
    actions = CharacterActions(description.normalizer)
    addedTokens = description.addedTokens.sorted { $0.bytes.count > $1.bytes.count }
    var starts = [Bool](repeating: false, count: 256)
    lowercases = description.normalizer.lowercases
    for token in description.addedTokens {
      starts[Int(token.bytes[0])] = true
      guard token.isNormalized, description.normalizer.lowercases else { continue }
      let lower = Self.lowercase(token.bytes[0])
      for byte in 0...UInt8.max where Self.lowercase(byte) == lower { starts[Int(byte)] = true }
    }
    startsAddedToken = starts
    maximumWordCharacters = description.maximumWordCharacters
    unknownID = description.unknownID
    paddingID = trie.id("[PAD]".utf8) ?? trie.id("<pad>".utf8) ?? 0
    template = description.template
    var pieces: [String?] = []
    // Added tokens need not be in the vocabulary; where they are, both give the same piece.
    for (bytes, id) in description.addedTokens.map({ ($0.bytes, $0.id) }) + description.vocabulary {
      while pieces.count <= Int(id) { pieces.append(nil) }
      pieces[Int(id)] = String(decoding: bytes, as: UTF8.self)
    }
    self.pieces = pieces
  }

  /// One more than the largest id.
  public var vocabularySize: Int { pieces.count }

  /// The piece of an id, nil where there is none.
  public func piece(_ id: Int32) -> String? { id >= 0 && id < pieces.count ? pieces[Int(id)] : nil }

  /// The id of a whole piece, nil where the vocabulary does not have it.
  public func id(of piece: String) -> Int32? { trie.id(piece.utf8) }

  // MARK: Encoding

  /// The ids of a text, without special tokens.
  public func encode(_ text: String) -> [Int32] {
    var text = text
    return text.withUTF8(encode)
  }

  /// The ids of a text in UTF-8, without special tokens. Ill-formed bytes are dropped.
  ///
  /// - Complexity: O(bytes).
  public func encode(_ text: UnsafeBufferPointer<UInt8>) -> [Int32] {
    var ids: [Int32] = []
    ids.reserveCapacity(text.count / 4 + 4)
    scan(text) { id, _ in ids.append(id) }
    return ids
  }

  /// The ids of a text with the UTF-8 offsets of what they stand for.
  ///
  /// A piece that covers part of a character (after decomposition) gets the whole character.
  public func encodeWithOffsets(_ text: String) -> [(id: Int32, range: Range<Int>)] {
    var text = text
    var tokens: [(id: Int32, range: Range<Int>)] = []
    text.withUTF8 { scan($0) { id, range in tokens.append((id, range)) } }
    return tokens
  }

  /// Calls `emit` with each token and the bytes that it stands for.
  @inline(__always)
  private func scan(_ text: UnsafeBufferPointer<UInt8>, _ emit: (Int32, Range<Int>) -> Void) {
    trie.slots.withUnsafeBufferPointer { slots in
      actions.codes.withUnsafeBufferPointer { codes in
        guard let slots = slots.baseAddress, let codes = codes.baseAddress else { return }
        var word = WordBuffer(maximumCharacters: maximumWordCharacters)
        defer { word.deallocate() }
        var index = 0
        while index < text.count {
          let byte = text[index]
          var value = UInt32(byte)
          var width = 1
          if byte >= 0x80 { (value, width) = UTF8Scalar.decode(text, at: index) }
          if startsAddedToken[Int(byte)], let token = addedToken(in: text, at: index) {
            flush(&word, slots, emit)
            emit(token.id, index..<(index + token.bytes.count))
            index += token.bytes.count
            continue
          }
          let range = index..<(index + width)
          index += width
          let code = value < 0x3400 ? codes[Int(value)] : CharacterActions.other
          if code > CharacterActions.other, code < CharacterActions.aloneFlag {
            word.append(code, range)
          } else if code == CharacterActions.space {
            flush(&word, slots, emit)
          } else if code != CharacterActions.drop {
            apply(code, value, range, &word, slots, emit)
          }
        }
        flush(&word, slots, emit)
      }
    }
  }

  /// The rarer cases: punctuation, and characters that become several.
  private func apply(
    _ code: CharacterActions.Code, _ value: UInt32, _ range: Range<Int>, _ word: inout WordBuffer,
    _ slots: UnsafePointer<PieceTrie.Slot>, _ emit: (Int32, Range<Int>) -> Void
  ) {
    if code >= CharacterActions.aloneFlag {
      flush(&word, slots, emit)
      word.append(code & ~CharacterActions.aloneFlag, range)
      flush(&word, slots, emit)
    } else if let scalar = Unicode.Scalar(value) {
      apply(actions.normalizer.action(scalar), range, &word, slots, emit)
    }
  }

  private func apply(
    _ action: BertNormalizer.Action, _ range: Range<Int>, _ word: inout WordBuffer,
    _ slots: UnsafePointer<PieceTrie.Slot>, _ emit: (Int32, Range<Int>) -> Void
  ) {
    switch action {
    case .drop: break
    case .space: flush(&word, slots, emit)
    case .part(let value): word.append(value, range)
    case .alone(let value):
      flush(&word, slots, emit)
      word.append(value, range)
      flush(&word, slots, emit)
    case .several(let actions): for action in actions { apply(action, range, &word, slots, emit) }
    }
  }

  /// Emits the pieces of the word, longest first from the left, or one unknown token for all of it.
  private func flush(
    _ word: inout WordBuffer, _ slots: UnsafePointer<PieceTrie.Slot>, _ emit: (Int32, Range<Int>) -> Void
  ) {
    guard word.characters > 0 else { return }
    defer { word.clear() }
    guard word.characters <= maximumWordCharacters else { return emit(unknownID, word.sourceRange) }
    var start = 0
    var slot = PieceTrie.root
    var count = 0
    while start < word.count {
      var bestID: Int32 = -1
      var bestEnd = start
      var index = start
      while index < word.count, let next = PieceTrie.step(slots, slot, word.bytes[index]) {
        slot = next
        index += 1
        if slots[Int(slot)].id >= 0 {
          bestID = slots[Int(slot)].id
          bestEnd = index
        }
      }
      guard bestID >= 0 else { return emit(unknownID, word.sourceRange) }
      word.pieces[count] = (bestID, Int32(bestEnd))
      count += 1
      start = bestEnd
      guard start == word.count || continuation >= 0 else { return emit(unknownID, word.sourceRange) }
      slot = continuation
    }
    start = 0
    for index in 0..<count {
      let (id, end) = word.pieces[index]
      emit(id, word.sourceRange(start..<Int(end)))
      start = Int(end)
    }
  }

  // MARK: Added tokens

  /// The longest added token at `index`.
  private func addedToken(in text: UnsafeBufferPointer<UInt8>, at index: Int) -> AddedToken? {
    addedTokens.first { token in
      let end = index + token.bytes.count
      guard end <= text.count, matches(token, text[index..<end]) else { return false }
      return !token.isSingleWord || !(Self.wordCharacter(before: index, in: text) || Self.wordCharacter(at: end, in: text))
    }
  }

  private func matches(_ token: AddedToken, _ text: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
    guard token.isNormalized, lowercases else { return text.elementsEqual(token.bytes) }
    return text.elementsEqual(token.bytes) { Self.lowercase($0) == Self.lowercase($1) }
  }

  private static func lowercase(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }

  private static func wordCharacter(at index: Int, in text: UnsafeBufferPointer<UInt8>) -> Bool {
    guard index < text.count, let scalar = Unicode.Scalar(UTF8Scalar.decode(text, at: index).value) else { return false }
    return CharacterTable.isWordCategory(scalar.properties.generalCategory) || scalar == "_"
  }

  private static func wordCharacter(before index: Int, in text: UnsafeBufferPointer<UInt8>) -> Bool {
    var start = index - 1
    while start > 0, index - start < 4, text[start] & 0xC0 == 0x80 { start -= 1 }
    return start >= 0 && wordCharacter(at: start, in: text)
  }
}
