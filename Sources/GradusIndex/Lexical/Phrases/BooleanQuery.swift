import GradusCore
import GradusText

/// Words and phrases that should, must or must not be in a document.
///
///     let query = try BooleanQuery(parsing: "+laminar flow -wing \"boundary layer\"~3")
///     let result = try index.search(query, k: 10)
///
/// In the text, `+` before a word or phrase says that documents must hold it, `-` that they must not; a phrase stands in
/// double quotes, and `~n` after it allows n other words between its words, `~un` any order within n words. What is not
/// excluded adds to the score: a phrase counts as a term of its own, with the number of documents that hold it and the
/// number of its occurrences. Words are analysed; stop words are left out, also after `+` and `-`. A word that the analyzer
/// takes apart is there when all of its parts are.
///
/// Phrases need an index that was built with positions, in which a title's last word stands next to the text's first.
public struct BooleanQuery: Sendable, Equatable {
  public enum Occurrence: Sendable, Equatable {
    case should, must, mustNot
  }

  public enum Content: Sendable, Equatable {
    case word(String)
    case phrase(String, Proximity)
  }

  public struct Clause: Sendable, Equatable {
    public let occurrence: Occurrence
    public let content: Content

    public init(_ occurrence: Occurrence, _ content: Content) {
      self.occurrence = occurrence
      self.content = content
    }
  }

  public var clauses: [Clause]

  public init(_ clauses: [Clause]) { self.clauses = clauses }

  /// - Throws: ``IndexError/invalidQuery(_:)`` for a quotation mark that is not closed and for what follows `~` and is no number.
  public init(parsing text: String) throws {
    clauses = []
    var rest = Substring(text)
    while true {
      rest = rest.drop { $0.isWhitespace }
      guard let first = rest.first else { return }
      var occurrence = Occurrence.should
      if first == "+" || first == "-", let next = rest.dropFirst().first, !next.isWhitespace {
        occurrence = first == "+" ? .must : .mustNot
        rest = rest.dropFirst()
      }
      if rest.first == "\"" {
        clauses.append(Clause(occurrence, try Self.phrase(&rest)))
      } else {
        let word = rest.prefix { !$0.isWhitespace }
        rest = rest.dropFirst(word.count)
        clauses.append(Clause(occurrence, .word(String(word))))
      }
    }
  }

  private static func phrase(_ rest: inout Substring) throws -> Content {
    let inner = rest.dropFirst()
    guard let end = inner.firstIndex(of: "\"") else {
      throw IndexError.invalidQuery("a quotation mark is not closed: \(rest)")
    }
    let words = String(inner[..<end])
    rest = inner[inner.index(after: end)...]
    guard rest.first == "~" else { return .phrase(words, .phrase) }
    let suffix = rest.dropFirst().prefix { !$0.isWhitespace }
    rest = rest.dropFirst(suffix.count + 1)
    let isUnordered = suffix.first == "u"
    guard let number = Int(isUnordered ? suffix.dropFirst() : suffix), number >= (isUnordered ? 1 : 0), number <= 1 << 20 else {
      throw IndexError.invalidQuery("\"\(words)\"~\(suffix): expected a number of words after ~, such as ~3 or ~u8")
    }
    return .phrase(words, isUnordered ? .unordered(window: number) : .ordered(slop: number))
  }
}

extension InvertedIndex {
  /// The `k` best documents of those that a Boolean query allows.
  ///
  /// - Throws: ``IndexError/notBuilt(path:what:)`` for a phrase where the index holds no positions, and what
  ///   ``search(_:k:model:pruning:filter:)`` throws.
  public func search(
    _ query: BooleanQuery, k: Int = 1000, model: any WeightingModel = BM25(), pruning: Pruning = .blockMaxScore,
    filter: DocumentSet? = nil
  ) throws -> SearchResult {
    let resolved = try resolve(query)
    var allowed = resolved.allowed
    if let filter { allowed?.formIntersection(filter) }
    return try withSearcher {
      try search(resolved.query, $0, k: k, model: model, pruning: pruning, filter: allowed ?? filter)
    }
  }

  /// Term by term, why a document has its score for a Boolean query, whether or not the query allows the document.
  public func explain(
    _ query: BooleanQuery, docno: String, model: any WeightingModel = BM25()
  ) throws -> ScoreExplanation {
    try explain(try resolve(query).query, docno: docno, model: model)
  }

  /// What scores, and which documents may be retrieved; nil for all.
  private func resolve(_ query: BooleanQuery) throws -> (query: AnalyzedQuery, allowed: DocumentSet?) {
    var words: [WeightedTerm] = []
    var phrases: [(phrase: Phrase, weight: Double)] = []
    var allowed: DocumentSet?
    var length = 0
    for clause in query.clauses {
      let phrase = try self.phrase(clause.content)
      guard !phrase.terms.isEmpty else { continue }
      let isPhrase = phrase.terms.count > 1 && clause.content.isPhrase
      if clause.occurrence != .mustNot {
        length += phrase.terms.count
        if isPhrase { phrases.append((phrase, 1)) } else { words += phrase.terms.map { WeightedTerm($0) } }
      }
      guard clause.occurrence != .should else { continue }
      var holding = try isPhrase ? documents(holding: phrase) : documents(holdingAll: phrase.terms)
      if clause.occurrence == .mustNot { holding.formComplement() }
      if allowed == nil { allowed = holding } else { allowed?.formIntersection(holding) }
    }
    return (try AnalyzedQuery(words: words, phrases: phrases, length: length, in: self), allowed)
  }

  /// The terms of a clause with their places.
  private func phrase(_ content: BooleanQuery.Content) throws -> Phrase {
    switch content {
    case .word(let text): try phrase(text, .phrase)
    case .phrase(let text, let proximity): try phrase(text, proximity)
    }
  }

  func phrase(_ text: String, _ proximity: Proximity) throws -> Phrase {
    try withSearcher { searcher in
      var phrase = Phrase(terms: [], offsets: [], proximity: proximity)
      var text = text
      text.withUTF8 { utf8 in
        searcher.analyzer.analyze(utf8) { term, token in
          phrase.terms.append(String(decoding: term, as: UTF8.self))
          phrase.offsets.append(token.position)
        }
      }
      let first = phrase.offsets.first ?? 0
      phrase.offsets = phrase.offsets.map { $0 - first }
      return phrase
    }
  }

  private func documents(holding phrase: Phrase) throws -> DocumentSet {
    var set = DocumentSet(documents: statistics.documents)
    try forEachSegment(holding: phrase) { view, postings in
      for posting in postings { set.insert(view.docIndex(Int(posting >> 32))) }
    }
    return set
  }

  private func documents(holdingAll words: [String]) throws -> DocumentSet {
    var set = DocumentSet.all(documents: statistics.documents)
    for word in words {
      var holding = DocumentSet(documents: statistics.documents)
      for view in segments {
        var word = word
        guard let entry = try word.withUTF8({ try view.segment.terms.find($0) }) else { continue }
        for doc in try view.documents(of: entry) where view.live.contains(Int(doc)) { holding.insert(view.docIndex(Int(doc))) }
      }
      set.formIntersection(holding)
    }
    return set
  }
}

extension BooleanQuery.Content {
  var isPhrase: Bool {
    if case .phrase = self { true } else { false }
  }
}
