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

  /// Terms of a text, each weighted by how often it occurs.
  init(_ query: QueryTerms, in index: InvertedIndex) throws {
    length = query.length
    text = query.text
    try resolve(query.terms, in: index)
    order()
  }

  init(_ text: String, in index: InvertedIndex, analyzer: Analyzer) throws {
    try self.init(QueryTerms(text, analyzer: analyzer), in: index)
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
        for segment in index.dictionaries.indices {
          let dictionary = index.dictionaries[segment]
          guard let number = try dictionary.terms.number(of: term) else { continue }
          let entry = dictionary.terms[number]
          guard entry.documentFrequency >= 1, entry.documentFrequency <= dictionary.documents else {
            throw index.segments[segment].segment.postingsDamage
          }
          let here =
            dictionary.hasDeletions
            ? try index.segments[segment].counts(ofTerm: number, entry)
            : (entry.documentFrequency, entry.collectionFrequency)
          guard here.0 > 0 else { continue }
          counts.documents += Int(here.0)
          counts.occurrences += here.1
          lists.append(ListPlace(segment: segment, entry: entry, number: number, phrase: nil))
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
