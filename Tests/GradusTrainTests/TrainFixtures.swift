import GradusCore
import GradusTrain

/// Five documents of one query: scores a 12, b 9, c 6, d 5, e 5; ranks a 1, b 2, c 3, e 4, d 5 (ties by docno, descending).
enum WorkedRun {
  static let scores: [(String, Double)] = [("a", 12), ("b", 9), ("c", 6), ("d", 5), ("e", 5)]

  static func run(map: (Double) -> Double = { $0 }) -> Run {
    Run(name: "bm25", rankings: [
      Ranking(qid: "q", documents: scores.map { ScoredDocument(docno: $0.0, score: map($0.1)) })
    ])
  }

  static func statistics(map: (Double) -> Double = { $0 }) throws -> FirstStageStatistics {
    try FirstStageStatistics(run: run(map: map))
  }
}

/// A collection of some queries with graded judgements, enough for samplers and trainers.
enum TinyCollection {
  static let queries = 12
  static let depth = 9

  static var run: Run {
    Run(name: "first", rankings: (0..<queries).map { query in
      Ranking(qid: "q\(query)", documents: (0..<depth).map { position in
        ScoredDocument(docno: "d\(query)-\(position)", score: 20 - Double((position * position + query) % 13))
      })
    })
  }

  /// Grades 0 to 3; document 8 of each query is judged although it is relevant only for even queries.
  static var qrels: Qrels {
    var qrels = Qrels()
    for query in 0..<queries {
      for position in 0..<depth where position % 2 == 0 {
        qrels.judge(qid: "q\(query)", docno: "d\(query)-\(position)", grade: (position + query) % 4)
      }
      qrels.judge(qid: "q\(query)", docno: "outside", grade: 3)
    }
    return qrels
  }
}

func approximately(_ first: Double, _ second: Double, within tolerance: Double = 5e-7) -> Bool {
  abs(first - second) <= tolerance
}
