import GradusCore
import GradusText

/// A query's terms, found in the dictionary and put in the order in which their contributions are added.
///
/// The order is by weight in the query times Lucene's idf, the heaviest first, and by bytes among equals, for every model. It
/// depends on the query and the collection's counts alone, so sums have the same bits whatever is skipped.
struct AnalyzedQuery {
  private(set) var terms: [ResolvedTerm] = []
  private(set) var unknownTerms: [String] = []
  private(set) var length = 0

  /// So many terms are compared one by one, more are looked up.
  private static let fewTerms = 32

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
      try resolve(bytes, found, in: index)
      return
    }
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
    try resolve(bytes, found, in: index)
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
    var bytes: [UInt8] = []
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
        found.append((bytes.count..<bytes.count + term.term.utf8.count, term.weight))
        bytes.append(contentsOf: term.term.utf8)
      }
    }
    length = weightedTerms.count
    try resolve(bytes, found, in: index)
  }

  /// Words and phrases of a structured query.
  ///
  /// - Parameter length: Tokens of the query after analysis.
  init(words: [WeightedTerm], phrases: [(phrase: Phrase, weight: Double)], length: Int, in index: InvertedIndex) throws {
    try self.init(words, in: index)
    self.length = length
    var known: [(term: ResolvedTerm, bytes: [UInt8])] = try terms.map { term in
      (term, [UInt8](try index.terms.bytes(of: term.entry)))
    }
    for (phrase, weight) in phrases {
      guard let term = try index.resolve(phrase, queryWeight: weight) else {
        unknownTerms.append(phrase.text)
        continue
      }
      known.append((term, [UInt8](phrase.text.utf8)))
    }
    known.sort { first, second in
      if first.term.weight != second.term.weight { return first.term.weight > second.term.weight }
      return first.bytes.lexicographicallyPrecedes(second.bytes)
    }
    terms = known.map(\.term)
  }

  private mutating func resolve(
    _ bytes: [UInt8], _ found: [(range: Range<Int>, weight: Double)], in index: InvertedIndex
  ) throws {
    try bytes.withUnsafeBufferPointer { bytes in
      var known: [(term: ResolvedTerm, bytes: UnsafeBufferPointer<UInt8>)] = []
      known.reserveCapacity(found.count)
      for (range, weight) in found {
        let term = UnsafeBufferPointer(rebasing: bytes[range])
        guard let entry = try index.terms.find(term) else {
          unknownTerms.append(String(decoding: term, as: UTF8.self))
          continue
        }
        let documents = index.statistics.documents
        guard (1...max(1, documents)).contains(Int(entry.documentFrequency)) else { throw index.postingsDamage }
        let idf = BM25.inverseDocumentFrequency(documentFrequency: Int(entry.documentFrequency), documents: documents)
        known.append((ResolvedTerm(entry: entry, weight: weight * idf, queryWeight: weight), term))
      }
      known.sort { first, second in
        if first.term.weight != second.term.weight { return first.term.weight > second.term.weight }
        return compareBytes(first.bytes, second.bytes) < 0
      }
      terms = known.map(\.term)
    }
  }
}
