import GradusCore
import GradusRank

/// Two short lists whose fusions are worked out by hand: a 3, b 2, c 1 and b 10, d 0.
enum Worked {
  static let first = Ranking(qid: "q", documents: list([("a", 3), ("b", 2), ("c", 1)]))
  static let second = Ranking(qid: "q", documents: list([("b", 10), ("d", 0)]))

  static func list(_ pairs: [(String, Double)]) -> [ScoredDocument] { pairs.map { ScoredDocument(docno: $0.0, score: $0.1) } }

  static func scores(_ ranking: Ranking) -> [String: Double] {
    Dictionary(uniqueKeysWithValues: ranking.documents.map { ($0.docno, $0.score) })
  }
}

/// Runs with gaps, ties, negative scores, and queries that not all of them have.
enum RandomRuns {
  static func make(_ count: Int, queries: Int, documents: Int, seed: UInt64) -> [Run] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { number in
      var run = Run(name: "run\(number)")
      for query in 0..<queries where (query + number) % 7 != 0 {
        var list: [ScoredDocument] = []
        for document in 0..<documents where generator.uniform() < 0.6 {
          list.append(ScoredDocument(docno: "d\(document)", score: Double(generator.integer(below: documents)) / 3 - 5))
        }
        run.append(Ranking(qid: "q\(query)", documents: list))
      }
      return run
    }
  }
}

let everyMethod: [FusionMethod] = [
  .combMIN, .combMED, .combMAX, .combSUM, .combANZ, .combMNZ, .combGMNZ(gamma: 0.5), .rrf(), .isr, .logISR, .logNISR(sigma: 0.1),
  .rbc(phi: 0.8), .borda, .condorcet,
]
