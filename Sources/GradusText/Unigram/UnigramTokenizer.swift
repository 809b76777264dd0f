import GradusCore

/// SentencePiece's Unigram model: of all ways to cut a word into pieces the most probable one (Kudo, ACL 2018).
///
///     let tokenizer = try UnigramTokenizer(tokenizerJSON: "xlm-roberta/tokenizer.json")
///     tokenizer.encode("Hello world")
///
/// Ids are those of Hugging Face `tokenizers` for the same `tokenizer.json`. Immutable: share one between threads.
public final class UnigramTokenizer: InputTokenizer {
  /// What a tokenizer is made of.
  struct Description {
    enum Step: Sendable {
      case precompiled(PrecompiledNormalizer)
      case compose
      /// Every run of at least that many spaces becomes the text.
      case spaces(atLeast: Int, replacement: [UInt8])
      case replace([UInt8], [UInt8])
      case strip(left: Bool, right: Bool)
    }
    enum SpacePrefix: Sendable { case always, first, never }

    var pieces: [(bytes: [UInt8], score: Double)] = []
    var unknownID: Int32 = 0
    var fallsBackToBytes = false
    var normalization: [Step] = []
    /// Cut at white space, which is dropped.
    var splitsAtWhiteSpace = false
    /// Nil where words are not marked with U+2581.
    var spacePrefix: SpacePrefix? = .always
    var splitsAtMarks = true
    var addedTokens: [AddedTokens.Token] = []
    var template = TokenizerTemplate(single: [], pair: [])
  }

  /// U+2581, which stands for a space.
  static let mark: [UInt8] = [0xE2, 0x96, 0x81]
  /// How much worse than the worst piece a character without a piece is.
  private static let unknownPenalty = 10.0

  private let description: Description
  private let trie: PieceTrie
  private let scores: [Double]
  private let unknownScore: Double
  /// Ids of `<0x00>` to `<0xFF>`; -1 where there is none.
  private let byteIDs: [Int32]
  private let rawTokens: AddedTokens
  private let normalizedTokens: AddedTokens
  public let vocabularySize: Int
  public var template: TokenizerTemplate { description.template }

  init(_ description: Description) {
    self.description = description
    trie = PieceTrie(description.pieces.enumerated().map { ($1.bytes, Int32($0)) })
    scores = description.pieces.map(\.score)
    unknownScore = (scores.min() ?? 0) - Self.unknownPenalty
    let digits = Array("0123456789ABCDEF".utf8)
    let trie = self.trie
    byteIDs = (0..<256).map { trie.id(Array("<0x".utf8) + [digits[$0 / 16], digits[$0 % 16]] + Array(">".utf8)) ?? -1 }
    rawTokens = AddedTokens(description.addedTokens.filter { !$0.isNormalized })
    normalizedTokens = AddedTokens(description.addedTokens.filter(\.isNormalized))
    vocabularySize = max(description.pieces.count, Int(description.addedTokens.map(\.id).max() ?? -1) + 1)
  }

  public func piece(_ id: Int32) -> String? {
    if let added = description.addedTokens.first(where: { $0.id == id }) { return String(decoding: added.bytes, as: UTF8.self) }
    guard id >= 0, id < description.pieces.count else { return nil }
    return String(decoding: description.pieces[Int(id)].bytes, as: UTF8.self)
  }

  // MARK: Encoding

  /// - Complexity: O(bytes x length of the longest piece).
  public func encode(_ text: String) -> [Int32] {
    var ids: [Int32] = []
    var text = text
    text.withUTF8 { bytes in
      rawTokens.split(bytes, includingSpecial: true) { part in
        switch part {
        case .token(let id): ids.append(id)
        case .text(let range):
          let normalized = normalize(Array(bytes[range]))
          normalized.withUnsafeBufferPointer { bytes in
            normalizedTokens.split(bytes, includingSpecial: true) { part in
              switch part {
              case .token(let id): ids.append(id)
              case .text(let inner):
                encodeText(
                  UnsafeBufferPointer(rebasing: bytes[inner]), isFirst: range.lowerBound == 0 && inner.lowerBound == 0, &ids)
              }
            }
          }
        }
      }
    }
    return ids
  }

  private func normalize(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for step in description.normalization {
      switch step {
      case .precompiled(let table): bytes = table.normalize(String(decoding: bytes, as: UTF8.self))
      case .compose: bytes = Array(CanonicalComposition.compose(String(decoding: bytes, as: UTF8.self)).utf8)
      case .spaces(let least, let replacement): bytes = Self.replacingSpaces(bytes, atLeast: least, by: replacement)
      case .replace(let old, let new): bytes = Self.replacing(bytes, old, by: new)
      case .strip(let left, let right):
        if left { bytes = Array(bytes.drop { Self.isASCIISpace($0) }) }
        while right, let last = bytes.last, Self.isASCIISpace(last) { bytes.removeLast() }
      }
    }
    return bytes
  }

  private static func isASCIISpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  private static func replacingSpaces(_ bytes: [UInt8], atLeast least: Int, by replacement: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
      var end = index
      while end < bytes.count, bytes[end] == 0x20 { end += 1 }
      if end - index >= least {
        output += replacement
        index = end
      } else {
        let stop = max(end, index + 1)
        output += bytes[index..<stop]
        index = stop
      }
    }
    return output
  }

  private static func replacing(_ bytes: [UInt8], _ old: [UInt8], by new: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
      if bytes[index...].starts(with: old) {
        output += new
        index += old.count
      } else {
        output.append(bytes[index])
        index += 1
      }
    }
    return output
  }

  /// Cuts a normalised text into marked words and those into pieces.
  private func encodeText(_ text: UnsafeBufferPointer<UInt8>, isFirst: Bool, _ ids: inout [Int32]) {
    var lattice = Lattice()
    guard description.splitsAtWhiteSpace else { return encodeMarked(text[...], isFirst: isFirst, &lattice, &ids) }
    var start = 0
    var index = 0
    while index < text.count {
      let (value, width) = UTF8Scalar.decode(text, at: index)
      if Unicode.Scalar(value)?.properties.isWhitespace == true {
        encodeMarked(text[start..<index], isFirst: isFirst && start == 0, &lattice, &ids)
        start = index + width
      }
      index += width
    }
    encodeMarked(text[start...], isFirst: isFirst && start == 0, &lattice, &ids)
  }

  /// Puts marks for spaces and before the text, cuts at the marks, and finds the pieces of each part.
  private func encodeMarked(
    _ text: Slice<UnsafeBufferPointer<UInt8>>, isFirst: Bool, _ lattice: inout Lattice, _ ids: inout [Int32]
  ) {
    guard !text.isEmpty else { return }
    guard let prefix = description.spacePrefix else { return lattice.word(Array(text), self, &ids) }
    var marked: [UInt8] = []
    marked.reserveCapacity(text.count + 3)
    let hasMark = text.first == 0x20 || text.starts(with: Self.mark)
    if !hasMark, prefix == .always || prefix == .first && isFirst { marked += Self.mark }
    for byte in text {
      if byte == 0x20 { marked += Self.mark } else { marked.append(byte) }
    }
    guard description.splitsAtMarks else { return lattice.word(marked, self, &ids) }
    var start = 0
    var index = 1
    while index < marked.count {
      if marked[index] == 0xE2, marked[index...].starts(with: Self.mark) {
        lattice.word(Array(marked[start..<index]), self, &ids)
        start = index
      }
      index += 1
    }
    lattice.word(Array(marked[start...]), self, &ids)
  }

  /// The best way to each place of a word.
  private struct Lattice {
    private var best: [Double] = []
    private var from: [Int32] = []
    private var piece: [Int32] = []

    mutating func word(_ word: [UInt8], _ tokenizer: UnigramTokenizer, _ ids: inout [Int32]) {
      let count = word.count
      best = [Double](repeating: 0, count: count + 1)
      from = [Int32](repeating: -1, count: count + 1)
      piece = [Int32](repeating: tokenizer.description.unknownID, count: count + 1)
      word.withUnsafeBufferPointer { bytes in
        tokenizer.trie.slots.withUnsafeBufferPointer { slots in
          guard let slots = slots.baseAddress else { return }
          var start = 0
          while start < count {
            let width = min(UTF8Scalar.decode(bytes, at: start).width, count - start)
            let here = best[start]
            var slot = PieceTrie.root
            var end = start
            var hasCharacter = false
            while end < count, let next = PieceTrie.step(slots, slot, bytes[end]) {
              slot = next
              end += 1
              let id = slots[Int(slot)].id
              guard id >= 0 else { continue }
              relax(end, here + tokenizer.scores[Int(id)], start, id)
              if end - start == width { hasCharacter = true }
            }
            if !hasCharacter { relax(start + width, here + tokenizer.unknownScore, start, tokenizer.description.unknownID) }
            start += width
          }
        }
      }
      emit(word, tokenizer, &ids)
    }

    private mutating func relax(_ end: Int, _ score: Double, _ start: Int, _ id: Int32) {
      guard from[end] < 0 || score > best[end] else { return }
      best[end] = score
      from[end] = Int32(start)
      piece[end] = id
    }

    /// The pieces from left to right; neighbours without a piece become one unknown token, or their bytes.
    private func emit(_ word: [UInt8], _ tokenizer: UnigramTokenizer, _ ids: inout [Int32]) {
      let unknown = tokenizer.description.unknownID
      var path: [(id: Int32, range: Range<Int>)] = []
      var end = word.count
      while end > 0 {
        let start = Int(from[end])
        if piece[end] == unknown, let last = path.last, last.id == unknown {
          path[path.count - 1].range = start..<last.range.upperBound
        } else {
          path.append((piece[end], start..<end))
        }
        end = start
      }
      for (id, range) in path.reversed() {
        if id == unknown, tokenizer.description.fallsBackToBytes {
          let bytes = word[range].map { tokenizer.byteIDs[Int($0)] }
          if bytes.allSatisfy({ $0 >= 0 }) {
            ids += bytes
            continue
          }
        }
        ids.append(id)
      }
    }
  }
}
