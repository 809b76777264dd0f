/// A token's place in its text.
public struct AnalyzedToken: Sendable, Hashable {
  /// UTF-8 offsets of the word as it stands in the text.
  public let range: Range<Int>
  /// From 0; stopped words count.
  public let position: Int

  public init(range: Range<Int>, position: Int) {
    self.range = range
    self.position = position
  }
}

/// Turns text into index terms: tokens, lower case, no stop words, stems.
///
///     let analyzer = try Analyzer(.english)
///     analyzer.terms("The Foxes are running")   // ["fox", "run"]
///
/// One analyzer belongs to one thread: it holds a stemmer and a cache of fixed size (some 1.5 MB). Results depend on the
/// text and the configuration alone. Any bytes can be analysed; what is not UTF-8 separates tokens.
public final class Analyzer {
  public let configuration: AnalyzerConfiguration
  private let stemmer: Stemmer?
  private let cache = TermCache()
  private var characters = CharacterTable()
  private var stopWords: Set<[UInt8]>
  private var words: WordBreaker?
  /// The token being read, in lower case, with 16 zero bytes after it once it is complete.
  private var term: UnsafeMutablePointer<UInt8>
  private var termCapacity = 256

  /// - Throws: ``AnalyzerError/unknownLanguage(_:)``.
  public init(_ configuration: AnalyzerConfiguration) throws(AnalyzerError) {
    self.configuration = configuration
    stemmer = configuration.language == "none" ? nil : try Stemmer(language: configuration.language)
    stopWords = Set(configuration.stopWords.map { Array($0.utf8) })
    words = configuration.tokenization == .unicodeWords ? WordBreaker() : nil
    term = .allocate(capacity: termCapacity)
  }

  deinit {
    cache.deallocate()
    characters.deallocate()
    words?.deallocate()
    term.deallocate()
  }

  /// Calls `body` with each term of the text, in order. The term's bytes are valid during the call only.
  ///
  /// - Complexity: O(bytes). Plain English text runs at some 100 MB/s on one core.
  public func analyze(
    _ text: UnsafeBufferPointer<UInt8>, _ body: (_ term: UnsafeBufferPointer<UInt8>, _ token: AnalyzedToken) -> Void
  ) {
    var position = 0
    switch configuration.tokenization {
    case .wordCharacters: analyzeRuns(text, &position, body)
    case .unicodeWords: analyzeWords(text, &position, body)
    }
  }

  /// The terms of a text in order, repeated ones included.
  public func terms(_ text: String) -> [String] {
    var text = text
    var terms: [String] = []
    text.withUTF8 { bytes in
      analyze(bytes) { term, _ in terms.append(String(decoding: term, as: UTF8.self)) }
    }
    return terms
  }

  // MARK: Maximal runs

  @inline(__always)
  private func analyzeRuns(
    _ text: UnsafeBufferPointer<UInt8>, _ position: inout Int,
    _ body: (UnsafeBufferPointer<UInt8>, AnalyzedToken) -> Void
  ) {
    CharacterTable.ascii.withUnsafeBufferPointer { ascii in
      var index = 0
      let end = text.count
      while index < end {
        var lowered = ascii[Int(text[index])]
        if lowered == 0, text[index] < 0x80 {
          index += 1
          continue
        }
        let start = index
        var length = 0
        var scalars = 0
        var endsInSigma = false
        while index < end {
          lowered = ascii[Int(text[index])]
          if lowered != 0 {
            reserve(length)
            term[length] = lowered
            length += 1
            scalars += 1
            index += 1
            endsInSigma = false
            continue
          }
          guard text[index] >= 0x80 else { break }
          let (value, width) = UTF8Scalar.decode(text, at: index)
          let entry = characters.entry(value)
          if entry == 0 { break }
          reserve(length)
          if entry == CharacterTable.dottedCapitalI {
            term[length] = UInt8(ascii: "i")
            length += 1
            scalars += 1
            index += width
            break
          }
          length += UTF8Scalar.encode(entry, to: term + length)
          scalars += 1
          index += width
          endsInSigma = value == 0x3A3
        }
        if length == 0 {
          // A character above ASCII that is no part of a token.
          index += UTF8Scalar.decode(text, at: start).width
          continue
        }
        // A capital sigma at the end of a word has a lower case of its own.
        if endsInSigma, scalars > 1 { term[length - 1] = 0x82 }
        emit(length, scalars, start..<index, &position, body)
      }
    }
  }

  // MARK: Unicode words

  private func analyzeWords(
    _ text: UnsafeBufferPointer<UInt8>, _ position: inout Int,
    _ body: (UnsafeBufferPointer<UInt8>, AnalyzedToken) -> Void
  ) {
    var index = 0
    while let word = words?.next(in: text, from: index) {
      index = word.upperBound
      var length = 0
      var scalars = 0
      var at = word.lowerBound
      var endsInSigma = false
      while at < word.upperBound {
        reserve(length)
        let plain = CharacterTable.ascii(text[at])
        if plain != 0 {
          term[length] = plain
          length += 1
          scalars += 1
          at += 1
          endsInSigma = false
          continue
        }
        let (value, width) = UTF8Scalar.decode(text, at: at)
        at += width
        let entry = characters.entry(value)
        endsInSigma = value == 0x3A3
        if entry == CharacterTable.dottedCapitalI {
          term[length] = UInt8(ascii: "i")
          length += 1
          length += UTF8Scalar.encode(0x307, to: term + length)
        } else {
          length += UTF8Scalar.encode(entry == 0 ? value : entry, to: term + length)
        }
        scalars += 1
      }
      if endsInSigma, scalars > 1 { term[length - 1] = 0x82 }
      emit(length, scalars, word, &position, body)
    }
  }

  // MARK: Terms

  /// Hands over the stem of the token in `term`, unless it is too short or a stop word.
  @inline(__always)
  private func emit(
    _ length: Int, _ scalars: Int, _ range: Range<Int>, _ position: inout Int,
    _ body: (UnsafeBufferPointer<UInt8>, AnalyzedToken) -> Void
  ) {
    guard scalars >= configuration.minimumTokenLength else { return }
    let token = AnalyzedToken(range: range, position: position)
    position += 1
    let word = UnsafeBufferPointer(start: UnsafePointer(term), count: length)
    guard length <= TermCache.longestTerm else {
      if !isStopWord(word) { body(stemmer?.stem(word) ?? word, token) }
      return
    }
    UnsafeMutableRawPointer(term + length).storeBytes(of: 0, as: UInt64.self)
    UnsafeMutableRawPointer(term + length).storeBytes(of: 0, toByteOffset: 8, as: UInt64.self)
    let key = TermCache.Key(term, length: length)
    if let stem = cache.stem(key) {
      if !stem.isEmpty { body(stem, token) }
      return
    }
    if isStopWord(word) {
      cache.store(key, stem: UnsafeBufferPointer(start: nil, count: 0))
      return
    }
    let stem = stemmer?.stem(word) ?? word
    // A stemmer may leave nothing of a word; such a word has no term and is not looked up again.
    cache.store(key, stem: stem)
    if !stem.isEmpty { body(stem, token) }
  }

  private func isStopWord(_ word: UnsafeBufferPointer<UInt8>) -> Bool {
    !stopWords.isEmpty && stopWords.contains(Array(word))
  }

  /// Room for one more scalar in two parts and for the zeros after it.
  @inline(__always)
  private func reserve(_ length: Int) {
    if length + 32 > termCapacity { grow(length) }
  }

  private func grow(_ length: Int) {
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: termCapacity * 2)
    larger.update(from: term, count: length)
    term.deallocate()
    term = larger
    termCapacity *= 2
  }
}
