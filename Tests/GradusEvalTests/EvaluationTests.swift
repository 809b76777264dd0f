import GradusCore
import GradusEval
import Testing

@Suite("Evaluating runs")
struct EvaluationTests {
  static func measures(_ text: String = "nDCG@10 RR@10 AP P@5 R@20 Bpref Compat") throws -> [MeasureSpecification] {
    try MeasureSpecification.list(text)
  }

  @Test("Judged queries that the run lacks count as 0, or are left out where asked, and are named")
  func missingQueries() throws {
    var qrels = Qrels()
    for qid in ["a", "b", "c"] { qrels.judge(qid: qid, docno: "d1", grade: 1) }
    qrels.judge(qid: "z", docno: "d1", grade: 0)
    let hit = [ScoredDocument(docno: "d1", score: 2), ScoredDocument(docno: "d9", score: 1)]
    let run = Run(name: "r", rankings: ["x", "c", "a", "z"].map { Ranking(qid: $0, documents: hit) })
    let all = try evaluate(qrels: qrels, run: run, measures: try Self.measures("RR NumQ NumRel"))
    #expect(all.qids == ["a", "b", "c", "z"])
    #expect(all.values[0] == [1, 0, 1, 0])
    #expect(all.aggregates == [0.5, 4, 3])
    #expect(all.counts.missing == ["b"])
    #expect(all.counts.withoutJudgements == ["x"])
    #expect(all.counts.judged == 4)
    #expect(all.counts.withoutRelevant == 1)
    #expect(all.counts.retrieved == 6)
    #expect(all.counts.unjudgedRetrieved == 3)
    let present = try evaluate(qrels: qrels, run: run, measures: try Self.measures("RR NumQ"), missingQueries: .leaveOut)
    #expect(present.qids == ["a", "c", "z"])
    #expect(present.aggregates == [2.0 / 3, 3])
    #expect(present.counts.missing == ["b"])
  }

  @Test("Equal scores: the higher docno stands first, as in trec_eval")
  func ties() throws {
    var qrels = Qrels()
    qrels.judge(qid: "1", docno: "a", grade: 1)
    let run = Run(name: "r", rankings: [
      Ranking(qid: "1", documents: [ScoredDocument(docno: "a", score: 5), ScoredDocument(docno: "b", score: 5)])
    ])
    #expect(try evaluate(qrels: qrels, run: run, measures: try Self.measures("RR")).aggregates == [0.5])
  }

  @Test("The order of documents and queries changes nothing")
  func shuffled() throws {
    let (qrels, run) = Fixture.random(queries: 60, documents: 30, seed: 4)
    let reference = try evaluate(qrels: qrels, run: run, measures: try Self.measures())
    var generator = SeededGenerator(seed: 9)
    var rankings = run.rankings.map { ranking -> Ranking in
      var documents = ranking.documents
      generator.shuffle(&documents)
      return Ranking(qid: ranking.qid, documents: documents)
    }
    generator.shuffle(&rankings)
    let other = try evaluate(qrels: qrels, run: Run(name: run.name, rankings: rankings), measures: try Self.measures())
    #expect(other == reference)
  }

  @Test("Any number of threads gives the same bits", arguments: [1, 2, 3, 8])
  func threads(count: Int) throws {
    let (qrels, run) = Fixture.random(queries: 300, documents: 20, seed: 2)
    let pool = WorkerPool(threads: count)
    defer { pool.stop() }
    let single = WorkerPool(threads: 1)
    let reference = try evaluate(qrels: qrels, run: run, measures: try Self.measures(), pool: single)
    #expect(try evaluate(qrels: qrels, run: run, measures: try Self.measures(), pool: pool) == reference)
  }

  @Test("An empty run is all zeros; empty judgements give no queries")
  func empty() throws {
    let (qrels, run) = Fixture.random(queries: 3, documents: 5, seed: 1)
    let none = try evaluate(qrels: qrels, run: Run(name: "empty"), measures: try Self.measures())
    #expect(none.aggregates.allSatisfy { $0 == 0 })
    #expect(none.counts.missing == qrels.qids)
    let unjudged = try evaluate(qrels: Qrels(), run: Run(name: "empty"), measures: try Self.measures())
    #expect(unjudged.qids.isEmpty)
    #expect(unjudged.aggregates.allSatisfy { $0 == 0 })
    #expect(throws: EvaluationError.noCommonQueries(run: "random")) {
      try evaluate(qrels: Qrels(), run: run, measures: try Self.measures())
    }
    #expect(throws: MeasureNameError.noMeasures) { try evaluate(qrels: qrels, run: run, measures: []) }
  }

  @Test("Per-query values are found by measure, and measures that were not evaluated are refused")
  func perQuery() throws {
    let (qrels, run) = Fixture.random(queries: 3, documents: 5, seed: 1)
    let evaluation = try evaluate(qrels: qrels, run: run, measures: try Self.measures("RR AP"))
    #expect(try evaluation.perQuery(MeasureSpecification("MAP")) == evaluation.values[1])
    #expect(evaluation.mean("nDCG") == nil)
    #expect(throws: EvaluationError.unknownMeasure("nDCG", known: ["RR", "AP"])) {
      try evaluation.perQuery(try MeasureSpecification("nDCG"))
    }
  }

  @Test("Grades beyond 32 bits stay grades")
  func hugeGrades() throws {
    var qrels = Qrels()
    qrels.judge(qid: "1", docno: "a", grade: .max)
    qrels.judge(qid: "1", docno: "b", grade: .min)
    let run = Run(name: "r", rankings: [
      Ranking(qid: "1", documents: [ScoredDocument(docno: "a", score: 1), ScoredDocument(docno: "b", score: 2)])
    ])
    #expect(try evaluate(qrels: qrels, run: run, measures: try Self.measures("RR Judged nDCG@1")).aggregates == [0.5, 1, 0])
  }

  @Test("nDCG from arrays of grades equals nDCG from names", arguments: ["nDCG@10", "nDCG", "nDCG(dcg='exp-log2')@10"])
  func arrays(name: String) throws {
    let (qrels, run) = Fixture.random(queries: 40, documents: 25, seed: 8)
    let specification = try MeasureSpecification(name)
    let ndcg = try #require(specification.measure as? NDCG)
    var grades: [Int32] = []
    var offsets = [0]
    var judged: [Int32] = []
    var judgedOffsets = [0]
    for qid in qrels.qids {
      grades += try #require(run[qid]).documents.map {
        qrels.grade(qid: qid, docno: $0.docno).map(Int32.init) ?? JudgedRanking.unjudged
      }
      judged += qrels[qid].values.map(Int32.init).sorted(by: >)
      offsets.append(grades.count)
      judgedOffsets.append(judged.count)
    }
    let values = try ndcg.values(grades: grades, offsets: offsets, judged: judged, judgedOffsets: judgedOffsets)
    #expect(values == (try evaluate(qrels: qrels, run: run, measures: [specification])).values[0])
    #expect(try ndcg.values(grades: [], offsets: [0], judged: [], judgedOffsets: [0]).isEmpty)
    #expect(throws: EvaluationError.offsets(expected: "end at 1", found: "0")) {
      try ndcg.values(grades: [1], offsets: [0, 0], judged: [], judgedOffsets: [0, 0])
    }
    #expect(throws: EvaluationError.offsets(expected: "never fall", found: "2 before 1")) {
      try ndcg.values(grades: [1], offsets: [0, 2, 1], judged: [], judgedOffsets: [0, 0, 0])
    }
    #expect(throws: EvaluationError.offsets(expected: "have 2 entries", found: "1")) {
      try ndcg.values(grades: [], offsets: [0, 0], judged: [], judgedOffsets: [0])
    }
  }
}
