import GradusCore
import GradusText

/// A query's terms, found in the dictionary and put in the order in which their contributions are added.
///
/// The order is by weight, the heaviest first, and by bytes among equals. It depends on the query and the collection's
/// counts alone, so sums have the same bits whatever is skipped.
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
