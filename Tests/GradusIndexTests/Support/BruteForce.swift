import Foundation
import GradusCore
import GradusIndex
import GradusText

/// BM25 by the book, on dictionaries: what the index must agree with.
struct BruteForce {
  private let frequencies: [[String: Int]]
  private let lengths: [Int]
  private let docnos: [String]
  private let analyzer: Analyzer

  init(_ documents: [Document], _ configuration: AnalyzerConfiguration) throws {
    analyzer = try Analyzer(configuration)
    var frequencies: [[String: Int]] = []
    var lengths: [Int] = []
    for document in documents {
      let terms = analyzer.terms(document.contents)
      lengths.append(terms.count)
      frequencies.append(terms.reduce(into: [:]) { $0[$1, default: 0] += 1 })
    }
    self.frequencies = frequencies
    self.lengths = lengths
    docnos = documents.map(\.docno)
  }

  /// The k best, and all scores by docno. Contributions are added from the heaviest term down, equal weights by bytes.
  func search(_ query: String, k: Int, k1: Double = 0.9, b: Double = 0.4) -> [ScoredDocument] {
    let count = Double(docnos.count)
    let average = Double(lengths.reduce(0, +)) / count
    let terms = analyzer.terms(query).reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
    var weights: [(term: String, weight: Double)] = []
    for (term, occurrences) in terms {
      let df = Double(frequencies.count { $0[term] != nil })
      if df > 0 { weights.append((term, Double(occurrences) * log(1 + (count - df + 0.5) / (df + 0.5)))) }
    }
    weights.sort { $0.weight != $1.weight ? $0.weight > $1.weight : $0.term.utf8.lexicographicallyPrecedes($1.term.utf8) }
    var hits: [ScoredDocument] = []
    for doc in docnos.indices {
      var score = 0.0
      for (term, weight) in weights {
        guard let occurrences = frequencies[doc][term] else { continue }
        let tf = Double(occurrences)
        score += weight * (tf / (tf + k1 * (1 - b + b * Double(lengths[doc]) / average)))
      }
      if score > 0 { hits.append(ScoredDocument(docno: docnos[doc], score: score)) }
    }
    return Array(hits.sorted(by: ScoredDocument.precedes).prefix(k))
  }
}

/// Whether two rankings have the same scores up to rounding, and the same documents wherever scores differ by more.
func agree(_ found: [ScoredDocument], _ expected: [ScoredDocument]) -> Bool {
  guard found.count == expected.count else { return false }
  let tolerance = 1e-12
  for (left, right) in zip(found, expected) where abs(left.score - right.score) > tolerance * right.score { return false }
  guard let last = expected.last?.score else { return true }
  let clear = last * (1 + tolerance)
  return Set(found.filter { $0.score > clear }.map(\.docno)).isSubset(of: Set(expected.map(\.docno)))
    && zip(found, found.dropFirst()).allSatisfy { ScoredDocument.precedes($0, $1) }
}
