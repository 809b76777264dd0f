import Foundation
import GradusCore
import GradusEval
import GradusFormats
import GradusRank
import GradusTestSupport
import Testing

/// `Fixtures/fusion.json`: see the note beside it.
struct FusionFixture: Decodable {
  struct Run: Decodable {
    let name: String
    let rankings: [String: [String: Double]]
  }

  struct Case: Decodable, Sendable {
    let method: String
    let normalization: String?
    let weights: [Double]?
    let scores: [String: [String: Double]]
  }

  struct Tuned: Decodable { let value: Double }

  let runs: [Run]
  let qrels: [String: [String: Int]]
  let cases: [Case]
  let tuned: [String: Tuned]

  static let shared: FusionFixture? = try? { () throws -> FusionFixture in
    let path = (Bundle.module.resourcePath ?? "") + "/Fixtures/fusion.json"
    return try JSONDecoder().decode(FusionFixture.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
  }()

  var gradusRuns: [GradusCore.Run] {
    runs.map { run in
      GradusCore.Run(name: run.name, rankings: run.rankings.sorted { $0.key < $1.key }.map { qid, scores in
        Ranking(qid: qid, documents: scores.map { ScoredDocument(docno: $0.key, score: $0.value) })
      })
    }
  }

  var gradusQrels: Qrels {
    var result = Qrels()
    for (qid, grades) in qrels.sorted(by: { $0.key < $1.key }) {
      for (docno, grade) in grades { result.judge(qid: qid, docno: docno, grade: grade) }
    }
    return result
  }
}

@Suite("Fusion against ranx") struct FusionGoldenTests {
  @Test("Scores of every method and normalisation", arguments: FusionFixture.shared?.cases ?? [])
  func scores(golden: FusionFixture.Case) throws {
    let fixture = try #require(FusionFixture.shared)
    let fusion = try Fusion(
      FusionMethod(parsing: golden.method), normalization: golden.normalization.map { try ScoreNormalization(parsing: $0) },
      weights: golden.weights)
    for ranking in try fusion.fuse(fixture.gradusRuns).rankings {
      let expected = try #require(golden.scores[ranking.qid])
      #expect(ranking.documents.count == expected.count)
      for document in ranking.documents {
        let score = expected[document.docno] ?? .nan
        #expect(abs(document.score - score) <= 1e-12 * max(1, abs(score)), "\(fusion): \(document) instead of \(score)")
      }
    }
  }

  @Test("The golden file is there and holds every family")
  func complete() throws {
    let fixture = try #require(FusionFixture.shared)
    #expect(fixture.cases.count >= 20)
    let missing = Set(FusionMethod.knownNames).subtracting(fixture.cases.map { String($0.method.prefix { $0 != "(" }) })
    #expect(missing == ["condorcet"], "what ranx has no reproducible answer for")
  }

  @Test("Tuning finds what ranx's grid search finds, or better", arguments: ["rrf", "combsum", "rbc"])
  func tuning(method: String) throws {
    let fixture = try #require(FusionFixture.shared)
    let tuning = try FusionTuning(
      FusionMethod(parsing: method), runs: fixture.gradusRuns, qrels: fixture.gradusQrels,
      measure: MeasureSpecification("nDCG@10"))
    let golden = try #require(fixture.tuned[method]?.value)
    // ranx's grid for RBC is finer (0.01), and it orders equal fused scores, which ranks make often, by their input.
    #expect(tuning.best.value >= golden - (method == "rbc" ? 0.01 : 1e-9), "\(tuning.best) against \(golden)")
    if method == "combsum" { #expect(abs(tuning.best.value - golden) < 1e-9) }
  }
}

@Suite("Fusion: parameters from judged queries") struct FusionTuningTests {
  /// Two runs: the first has the relevant document first, the second last.
  private static func runs() -> ([Run], Qrels) {
    var qrels = Qrels()
    var good = Run(name: "good")
    var bad = Run(name: "bad")
    for query in 1...6 {
      qrels.judge(qid: "\(query)", docno: "r", grade: 1)
      good.append(Ranking(qid: "\(query)", documents: Worked.list([("r", 9), ("x", 8), ("y", 1)])))
      bad.append(Ranking(qid: "\(query)", documents: Worked.list([("x", 9), ("y", 8), ("r", 1)])))
    }
    return ([good, bad], qrels)
  }

  @Test("Weights go to the better run; every setting is tried, the first of equals wins")
  func weights() throws {
    let (runs, qrels) = Self.runs()
    let tuning = try FusionTuning(.combSUM, runs: runs, qrels: qrels, measure: MeasureSpecification("RR"), step: 0.25)
    #expect(tuning.trials.compactMap(\.fusion.weights) == [[0, 1], [0.25, 0.75], [0.5, 0.5], [0.75, 0.25], [1, 0]])
    // r: w; x: 7/8 w + 1 - w = 1 - w/8. Equal at w = 8/9, so among the steps only w = 1 puts r first.
    #expect(tuning.best.fusion.weights == [1, 0] && tuning.best.value == 1)
    #expect(tuning.untuned.fusion.weights == nil && tuning.untuned.value == 0.5)
    #expect(tuning.comparison.meanDifference == 0.5 && tuning.comparison.count == 6)
    // Queries without judgements do not take part.
    let more = runs.map { run in
      var run = run
      run.append(Ranking(qid: "z", documents: Worked.list([("r", 1)])))
      return run
    }
    let again = try FusionTuning(.combSUM, runs: more, qrels: qrels, measure: MeasureSpecification("RR"), step: 0.25)
    #expect(again.trials.map(\.value) == tuning.trials.map(\.value))
  }

  @Test("Grids of the methods with a parameter", arguments: [
    (FusionMethod.rrf(k: 7), 10), (.rbc(), 21), (.combGMNZ(gamma: 1), 11), (.logNISR(), 11), (.borda, 11), (.condorcet, 11),
  ])
  func grids(method: FusionMethod, count: Int) throws {
    let (runs, qrels) = Self.runs()
    let tuning = try FusionTuning(method, runs: runs, qrels: qrels, measure: MeasureSpecification("nDCG@10"))
    #expect(tuning.trials.count == count && Set(tuning.trials.map(\.fusion)).count == count)
    #expect(tuning.trials.allSatisfy { $0.value <= tuning.best.value })
    #expect(tuning.best.fusion == tuning.trials.first { $0.value == tuning.best.value }?.fusion)
  }

  @Test("What cannot be tuned is said")
  func refused() throws {
    let (runs, qrels) = Self.runs()
    let measure = try MeasureSpecification("RR")
    #expect(throws: FusionError.nothingToTune(method: "isr")) {
      try FusionTuning(.isr, runs: runs, qrels: qrels, measure: measure)
    }
    #expect(throws: FusionError.noRuns) { try FusionTuning(.rrf(), runs: [], qrels: qrels, measure: measure) }
    #expect(throws: FusionError.gridTooLarge(settings: 92_378, limit: 10_000)) {
      let many = (0..<10).map { Run(name: "\($0)", rankings: runs[0].rankings) }
      return try FusionTuning(.combSUM, runs: many, qrels: qrels, measure: measure)
    }
    #expect(throws: FusionError.outOfRange(parameter: "step", value: 0, allowed: "above 0, at most 1")) {
      try FusionTuning(.combSUM, runs: runs, qrels: qrels, measure: measure, step: 0)
    }
  }

  @Test("Bayes fusion by hand: one query, candidates x, y, z, of which y is relevant")
  func bayes() throws {
    var qrels = Qrels()
    qrels.judge(qid: "1", docno: "y", grade: 1)
    let runs = [
      Run(name: "a", rankings: [Ranking(qid: "1", documents: Worked.list([("x", 2), ("y", 1)]))]),
      Run(name: "b", rankings: [Ranking(qid: "1", documents: Worked.list([("y", 2), ("z", 1)]))]),
    ]
    let model = try BayesFuse(training: runs, qrels: qrels)
    // Ten ranges that start at 1/2: 6 relevant and 7 others in all. In ranks 1-5 1.5 of each; absent 0.5 and 1.5.
    let present = log((1.5 / 6) / (1.5 / 7))
    let absent = log((0.5 / 6) / (1.5 / 7))
    #expect(model.logOdds.allSatisfy { abs($0[0] - present) < 1e-15 && abs(($0.last ?? 0) - absent) < 1e-15 })
    let scores = Worked.scores(try #require(try Fusion(.bayesFuse(model)).fuse(runs)["1"]))
    #expect(abs((scores["y"] ?? 0) - 2 * present) < 1e-15)
    #expect(abs((scores["x"] ?? 0) - (present + absent)) < 1e-15 && scores["x"] == scores["z"])
    #expect(throws: FusionError.runCount(found: 1, trained: 2)) { try Fusion(.bayesFuse(model)).fuse([runs[0]]) }
    #expect(throws: FusionError.noRuns) { try BayesFuse(training: [], qrels: qrels) }
  }
}

@Suite(
  "Fusion of real systems (TREC DL 2019)",
  .enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.skipNotice)))
struct FusionEffectTests {
  private static func data() throws -> ([Run], Qrels) {
    let folder = try #require(SharedData.path("runs/dl19"))
    let systems = ["bm25", "bm25-rm3", "splade-pp-ed", "tas-b", "ada2"]
    let runs = try systems.map { try TrecRunReader.read("\(folder)/runs/\($0).trec") }
    return (runs, try QrelsReader.read(folder + "/qrels.txt"))
  }

  @Test("Fusing the five runs finds more than each of them; fusing dense and sparse ranks better than either")
  func effect() throws {
    let (runs, qrels) = try Self.data()
    func values(_ run: Run, _ name: String) throws -> [Double] {
      let measure = try MeasureSpecification(name)
      return try evaluate(qrels: qrels, run: run, measures: [measure]).perQuery(measure)
    }
    let all = try Fusion(.rrf()).fuse(runs)
    let recall = try values(all, "R(rel=2)@100")
    for run in runs {
      let test = try PairedTest.t.compare(try values(run, "R(rel=2)@100"), recall)
      // SPLADE alone comes close: 3.6 points of recall, p 0.09.
      #expect(test.meanDifference > 0 && (test.p < 0.05 || run == runs[2]), "\(run.name): \(test)")
    }
    // bm25 is far below: its fusion with tas-b must be above bm25 with a margin that is not luck.
    let pair = try Fusion(.combSUM, normalization: .minMax).fuse([runs[0], runs[3]])
    let test = try PairedTest.t.compare(try values(runs[0], "nDCG@10"), try values(pair, "nDCG@10"))
    #expect(test.meanDifference > 0.05 && test.p < 0.01, "\(test)")
  }

  @Test("Weights tuned on half of the queries gain there, and on the other half lose nothing that is not luck")
  func tuned() throws {
    let (runs, qrels) = try Self.data()
    let measure = try MeasureSpecification("nDCG@10")
    let development = qrels.restricted(to: Set(qrels.qids.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)))
    let held = qrels.restricted(to: Set(qrels.qids).subtracting(development.qids))
    let three = [runs[0], runs[2], runs[3]]
    let tuning = try FusionTuning(.combSUM, runs: three, qrels: development, measure: measure)
    #expect(tuning.best.value > tuning.untuned.value)
    func values(_ run: Run) throws -> [Double] {
      try evaluate(qrels: held, run: run, measures: [measure]).perQuery(measure)
    }
    // 22 queries cannot tell good weights from better ones; they can tell a fusion from its weakest run.
    let tuned = try values(try tuning.best.fusion.fuse(three))
    let loss = try PairedTest.t.compare(try values(try tuning.untuned.fusion.fuse(three)), tuned)
    #expect(loss.meanDifference > -0.02 && loss.p > 0.05, "\(loss)")
    let bayes = try Fusion(.bayesFuse(try BayesFuse(training: three, qrels: development, minimumGrade: 2)))
    for fused in [tuned, try values(try bayes.fuse(three))] {
      let gain = try PairedTest.t.compare(try values(runs[0]), fused)
      #expect(gain.meanDifference > 0.05 && gain.p < 0.01, "\(gain)")
    }
  }
}
