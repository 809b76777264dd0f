import Foundation
import GradusCore
import GradusEval
import GradusFormats

enum Fixture {
  static func path(_ name: String) throws -> String {
    guard let folder = Bundle.module.resourcePath else { throw FileError(.open, path: name, code: ENOENT) }
    return folder + "/Fixtures/" + name
  }

  static func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

  static func small() throws -> (qrels: Qrels, run: Run) {
    (try QrelsReader.read(path("small.qrels")), try TrecRunReader.read(path("small.run")))
  }

  /// A run and judgements of any size, with ties, unjudged documents and grades -1 to 3.
  static func random(queries: Int, documents: Int, seed: UInt64, name: String = "random") -> (qrels: Qrels, run: Run) {
    var generator = SeededGenerator(seed: seed)
    var qrels = Qrels()
    var run = Run(name: name)
    for query in 0..<queries {
      let qid = "q\(query)"
      var ranked: [ScoredDocument] = []
      for document in 0..<documents {
        ranked.append(ScoredDocument(docno: "d\(document)", score: Double(generator.integer(below: documents))))
        if document == 0 || generator.uniform() < 0.6 {
          qrels.judge(qid: qid, docno: "d\(document)", grade: generator.integer(below: 5) - 1)
        }
      }
      run.append(Ranking(qid: qid, documents: ranked))
    }
    return (qrels, run)
  }
}

/// Grades with `nil` for unjudged.
func ranking(_ grades: [Int32?], judged: [Int32]) -> JudgedRanking {
  JudgedRanking(grades: grades.map { $0 ?? JudgedRanking.unjudged }, judged: judged)
}

func value(_ name: String, _ grades: [Int32?], judged: [Int32]) throws -> Double {
  try MeasureSpecification(name).measure.value(for: ranking(grades, judged: judged))
}

func isClose(_ first: Double, _ second: Double, relative: Double = 1e-12, absolute: Double = 1e-14) -> Bool {
  abs(first - second) <= max(absolute, relative * max(abs(first), abs(second)))
}

enum TextOf {
  static func file(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
}
