import GradusCore
import GradusText

/// A query's terms, found in the dictionaries and put in the order in which their contributions are added.
///
/// The order is by weight in the query times Lucene's idf, the heaviest first, and by bytes among equals, for every model. It
/// depends on the query and the collection's counts alone, so sums have the same bits whatever is skipped, and however the
/// documents are spread over segments.
struct AnalyzedQuery {
  /// Terms that a document of the index holds.
  private(set) var terms: [QueryTerm] = []
  private(set) var unknownTerms: [String] = []
  private(set) var length = 0
  /// Sum of the weights of the terms.
  private(set) var weight = 0.0
  /// Terms one after the other.
  private var text: [UInt8] = []
  /// Posting lists of the terms, one term after the other, its segments in order.
  private var lists: [ListPlace] = []
  /// Whether the query has phrases, found or not.
  private(set) var hasPhrases = false

  /// A posting list of a term or phrase in one segment.
  struct ListPlace {
    let segment: Int
    /// In the segment's dictionary: counts there include deleted documents.
    let entry: TermEntry
    /// In the segment's dictionary; nil for a phrase.
    let number: Int?
    /// Postings that the dictionary does not know, for a phrase.
    let phrase: PhraseList?
  }

  /// So many terms are compared one by one, more are looked up.
  private static let fewTerms = 32
  private static let usualTerms = 16

  /// Terms of a text, each weighted by how often it occurs.
  init(_ text: String, in index: InvertedIndex, analyzer: Analyzer) throws {
    var bytes: [UInt8] = []
    var found: [(range: Range<Int>, weight: Double)] = []
    var places: [[UInt8]: Int] = [:]
    var text = text
    var length = 0
    if text.utf8.count > Self.longText {
      (bytes, found, length) = Self.count(text, analyzer)
      self.length = length
      self.text = bytes
      try resolve(found, in: index)
      order()
      return
    }
    // Room for a usual query at once: growing by and by costs as much as looking some terms up.
    bytes.reserveCapacity(Self.longText)
    found.reserveCapacity(Self.usualTerms)
    text.withUTF8 { utf8 in
      analyzer.analyze(utf8) { term, _ in
        length += 1
        if found.count >= Self.fewTerms {
          // A whole document as a query: comparing each term with all others would take the square of their number.
          let key = Array(term)
          if let number = places[key] {
            found[number].weight += 1
            return
          }
          places[key] = found.count
        } else {
          for number in found.indices where found[number].range.count == term.count {
            let isSame = bytes.withUnsafeBufferPointer {
              bytesAreEqual(UnsafeBufferPointer(rebasing: $0[found[number].range]), term)
            }
            if isSame {
              found[number].weight += 1
              return
            }
          }
          if found.count == Self.fewTerms - 1 {
            for number in found.indices { places[Array(bytes[found[number].range])] = number }
            places[Array(term)] = found.count
          }
        }
        found.append((bytes.count..<bytes.count + term.count, 1))
        bytes.append(contentsOf: term)
      }
    }
    self.length = length
    self.text = bytes
    try resolve(found, in: index)
    order()
  }

  /// Beyond so many bytes a query's terms are found in a hash table, before by looking at all of them.
  private static let longText = 256

  private static func count(
    _ text: String, _ analyzer: Analyzer
  ) -> (bytes: [UInt8], found: [(range: Range<Int>, weight: Double)], length: Int) {
    let table = ByteTable()
    var bytes: [UInt8] = []
    var found: [(range: Range<Int>, weight: Double)] = []
    var length = 0
    var text = text
    text.withUTF8 { utf8 in
      analyzer.analyze(utf8) { term, _ in
        length += 1
        let (number, isNew) = table.insert(term)
        if isNew {
          found.append((bytes.count..<bytes.count + term.count, 1))
          bytes.append(contentsOf: term)
        } else {
          found[number].weight += 1
        }
      }
    }
    return (bytes, found, length)
  }

  /// Terms that were analysed before.
  init(_ weightedTerms: [WeightedTerm], in index: InvertedIndex) throws {
    try collect(weightedTerms, in: index)
    order()
  }

  /// Words and phrases of a structured query.
  ///
  /// - Parameter length: Tokens of the query after analysis.
  init(words: [WeightedTerm], phrases: [(phrase: Phrase, weight: Double)], length: Int, in index: InvertedIndex) throws {
    try collect(words, in: index)
    self.length = length
    hasPhrases = !phrases.isEmpty
    for (phrase, weight) in phrases {
      let first = lists.count
      let counts = try index.resolve(phrase) {
        lists.append(ListPlace(segment: $0, entry: $1, number: nil, phrase: $2))
      }
      let start = text.count
      text.append(contentsOf: phrase.text.utf8)
      append(start..<text.count, weight, counts, lists: first..<lists.count, in: index)
    }
    order()
  }

  /// The posting list of a term in a segment, or nil where its documents do not hold the term. O(segments).
  func list(of term: QueryTerm, in segment: Int) -> ListPlace? {
    for place in term.lists where lists[place].segment == segment { return lists[place] }
    return nil
  }

  /// Whether the documents of a segment hold any term.
  func hasLists(in segment: Int) -> Bool { lists.contains { $0.segment == segment } }

  /// A term's text, or a phrase in quotation marks.
  func text(of term: QueryTerm) -> String { String(decoding: text[term.text], as: UTF8.self) }

  private mutating func collect(_ weightedTerms: [WeightedTerm], in index: InvertedIndex) throws {
    var found: [(range: Range<Int>, weight: Double)] = []
    var places: [String: Int] = [:]
    for term in weightedTerms {
      guard term.weight.isFinite, term.weight > 0 else {
        throw IndexError.invalidQuery("weight \(term.weight) of term '\(term.term)': expected a positive number")
      }
      if let place = places[term.term] {
        found[place].weight += term.weight
      } else {
        places[term.term] = found.count
        found.append((text.count..<text.count + term.term.utf8.count, term.weight))
        text.append(contentsOf: term.term.utf8)
      }
    }
    length = weightedTerms.count
    try resolve(found, in: index)
  }

  private mutating func resolve(_ found: [(range: Range<Int>, weight: Double)], in index: InvertedIndex) throws {
    terms.reserveCapacity(found.count)
    lists.reserveCapacity(found.count * index.segments.count)
    let text = self.text
    for (range, weight) in found {
      let first = lists.count
      var counts: (documents: Int, occurrences: UInt64) = (0, 0)
      try text.withUnsafeBufferPointer { text in
        let term = UnsafeBufferPointer(rebasing: text[range])
        for view in index.segments {
          guard let number = try view.segment.terms.number(of: term) else { continue }
          let entry = view.segment.terms[number]
          guard (1...max(1, view.live.documents)).contains(Int(entry.documentFrequency)) else {
            throw view.segment.postingsDamage
          }
          let here = try view.counts(ofTerm: number, entry)
          guard here.documents > 0 else { continue }
          counts.documents += Int(here.documents)
          counts.occurrences += here.occurrences
          lists.append(ListPlace(segment: view.number, entry: entry, number: number, phrase: nil))
        }
      }
      append(range, weight, counts, lists: first..<lists.count, in: index)
    }
  }

  private mutating func append(
    _ range: Range<Int>, _ queryWeight: Double, _ counts: (documents: Int, occurrences: UInt64), lists: Range<Int>,
    in index: InvertedIndex
  ) {
    guard counts.documents > 0 else {
      unknownTerms.append(String(decoding: text[range], as: UTF8.self))
      return
    }
    let idf = BM25.inverseDocumentFrequency(documentFrequency: counts.documents, documents: index.statistics.documents)
    terms.append(
      QueryTerm(
        documentFrequency: counts.documents, collectionFrequency: counts.occurrences, weight: queryWeight * idf,
        queryWeight: queryWeight, text: range, lists: lists))
  }

  /// Puts the terms in order.
  private mutating func order() {
    let text = self.text
    text.withUnsafeBufferPointer { text in
      terms.sort { first, second in
        if first.weight != second.weight { return first.weight > second.weight }
        return compareBytes(UnsafeBufferPointer(rebasing: text[first.text]), UnsafeBufferPointer(rebasing: text[second.text])) < 0
      }
    }
    for term in terms { weight += term.queryWeight }
  }
}

/// A query term and its counts in the whole index.
struct QueryTerm {
  let documentFrequency: Int
  let collectionFrequency: UInt64
  /// Weight in the query times inverse document frequency: the place among the query's terms.
  let weight: Double
  /// How often the term stands in the query, or the weight given to it.
  let queryWeight: Double
  let text: Range<Int>
  /// Among the posting lists of the query.
  let lists: Range<Int>
}
