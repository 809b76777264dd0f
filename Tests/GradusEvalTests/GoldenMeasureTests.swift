import GradusCore
import GradusEval
import GradusFormats
import GradusTestSupport
import Testing

@Suite("Measures against other programs")
struct GoldenMeasureTests {
  @Test("ir_measures 0.4.3 with pytrec_eval, cwl_eval and gdeval")
  func irMeasures() throws {
    let (qrels, run) = try Fixture.small()
    var checked = 0
    for line in try Fixture.text("small.ir_measures.tsv").split(separator: "\n") {
      let fields = line.split(separator: "\t").map(String.init)
      let specification = try MeasureSpecification(fields[0])
      let evaluation = try evaluate(qrels: qrels, run: run, measures: [specification])
      let query = try #require(evaluation.qids.firstIndex(of: fields[1]))
      let expected = try #require(Double(fields[2]))
      // gdeval prints five decimals; everything else is a double.
      let isRounded = fields[0].hasPrefix("ERR") || fields[0].contains("exp-log2")
      let found = evaluation.values[0][query]
      #expect(
        isClose(found, expected, relative: 1e-12, absolute: isRounded ? 5.1e-6 : 1e-14),
        "\(fields[0]) \(fields[1]): \(found), \(expected)")
      checked += 1
    }
    #expect(checked > 240)
  }
}

@Suite(
  "trec_eval 10, to the printed digit",
  .enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.skipNotice)))
struct TrecEvalTests {
  private static func path(_ name: String) throws -> String { try #require(SharedData.path("runs/" + name)) }

  /// Lines of trec_eval that are measures; `relstring` prints grades as text.
  private static func lines(_ name: String) throws -> [String] {
    let text = try TextOf.file(path(name))
    return text.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("relstring") }
  }

  /// `results.trunc` has words after the sixth column, which our reader refuses and trec_eval does not look at.
  private static func truncatedRun(_ path: String) throws -> Run? {
    guard path.hasSuffix(".trunc") else { return nil }
    var documents: [String: [ScoredDocument]] = [:]
    var name = ""
    for line in try TextOf.file(path).split(separator: "\n") {
      let fields = line.split { $0 == " " || $0 == "\t" }.map(String.init)
      documents[fields[0], default: []].append(ScoredDocument(docno: fields[2], score: try #require(Double(fields[4]))))
      name = fields[5]
    }
    return Run(name: name, rankings: documents.keys.sorted().map { Ranking(qid: $0, documents: documents[$0] ?? []) })
  }

  private static func evaluated(
    _ qrels: String, _ run: String, _ measures: String, rel: Int = 1, depth: Int? = nil,
    missing: MissingQueryPolicy = .countAsZero
  ) throws -> Evaluation {
    let run = try truncatedRun(path(run)) ?? TrecRunReader.read(path(run))
    return try evaluate(
      qrels: try QrelsReader.read(path(qrels)), run: depth.map { run.prefix($0) } ?? run,
      measures: try MeasureSpecification.list(measures, defaultRel: rel), missingQueries: missing)
  }

  @Test(
    "Its own test files, byte for byte",
    arguments: [
      ("out.test", "qrels.test", "results.test", "official", 1, 0, false),
      ("out.test.a", "qrels.test", "results.test", "all_trec", 1, 0, false),
      ("out.test.aq", "qrels.test", "results.test", "all_trec", 1, 0, true),
      ("out.test.aqc", "qrels.test", "results.trunc", "all_trec", 1, 0, true),
      ("out.test.aqcM", "qrels.test", "results.trunc", "all_trec", 1, 100, true),
      ("out.test.aql", "qrels.rel_level", "results.test", "all_trec", 2, 0, true),
    ])
  func ownFiles(expected: String, qrels: String, run: String, measures: String, rel: Int, depth: Int, perQuery: Bool) throws {
    let evaluation = try Self.evaluated(
      "trec_eval/" + qrels, "trec_eval/" + run, measures, rel: rel, depth: depth == 0 ? nil : depth)
    let found = TrecEvalOutput.text(evaluation, perQuery: perQuery).split(separator: "\n").map(String.init)
    let wanted = try Self.lines("trec_eval/" + expected)
    #expect(found.count == wanted.count)
    for (found, wanted) in zip(found, wanted) { #expect(found == wanted) }
  }

  @Test("Parameters of measures")
  func parameters() throws {
    let evaluation = try Self.evaluated(
      "trec_eval/qrels.test", "trec_eval/results.test",
      """
      iprec_at_recall..10,.20,.25,.75,.50 P.5,7,3 recall.20,2000 Rprec_mult.5.0,0.2,0.35 utility.2,-1,0,0
      11pt_avg..25,.5,.75 nDCG(gains={1:3,2:9,4:4.5}) ndcg_cut.10,20,23.4 success.2,5,20
      """)
    let labels = ["11pt_avg_0.25,0.5,0.75": "11pt_avg_.25,.5,.75", "nDCG(gains={1:3,2:9,4:4.5})": "ndcg_1=3,2=9,4=4.5"]
    func normalized(_ line: String) -> String {
      var fields = line.split(separator: "\t").map(String.init)
      fields[0] = String(fields[0].prefix { $0 != " " })
      fields[0] = labels[fields[0]] ?? fields[0]
      return fields.joined(separator: "\t")
    }
    let found = TrecEvalOutput.text(evaluation, perQuery: true).split(separator: "\n").map { normalized(String($0)) }
    let wanted = try Self.lines("trec_eval/out.test.meas_params").map(normalized)
    #expect(Set(found).isSuperset(of: Set(wanted).filter { !$0.hasPrefix("runid") }))
    #expect(found.count >= wanted.count)
  }

  @Test(
    "TREC Deep Learning 2019, five systems, both relevance levels",
    arguments: ["bm25", "bm25-rm3", "splade-pp-ed", "tas-b", "ada2"])
  func deepLearning(system: String) throws {
    for level in [1, 2] {
      let evaluation = try Self.evaluated("dl19/qrels.txt", "dl19/runs/\(system).trec", "all_trec", rel: level)
      let found = TrecEvalOutput.text(evaluation).split(separator: "\n").map(String.init)
      let wanted = try Self.lines("dl19/expected/\(system).level\(level).txt")
      #expect(found.count == wanted.count)
      for (found, wanted) in zip(found, wanted) { #expect(found == wanted) }
    }
  }

  @Test("TREC Deep Learning 2019, each topic")
  func topics() throws {
    for system in ["bm25", "ada2"] {
      let evaluation = try Self.evaluated(
        "dl19/qrels.txt", "dl19/runs/\(system).trec", "map Rprec bpref recip_rank P_10 recall_100 ndcg ndcg_cut_10", rel: 2)
      let found = Set(TrecEvalOutput.text(evaluation, perQuery: true).split(separator: "\n").map(String.init))
      let wanted = try Self.lines("dl19/expected/\(system).level2.queries.txt").filter { !$0.contains("\tall\t") }
      #expect(wanted.count == 43 * 8)
      for line in wanted { #expect(found.contains(line), "\(line)") }
    }
  }

  @Test("Leaving missing queries out is what trec_eval 9 did: two queries of three are averaged")
  func missing() throws {
    let all = try Self.evaluated("trec_eval/qrels.test", "trec_eval/results.trunc", "map num_q")
    let present = try Self.evaluated("trec_eval/qrels.test", "trec_eval/results.trunc", "map num_q", missing: .leaveOut)
    #expect(all.counts.missing == ["302"])
    #expect(all.mean("NumQ") == 3)
    #expect(present.mean("NumQ") == 2)
    let (whole, part) = (try #require(all.mean("AP")), try #require(present.mean("AP")))
    #expect(isClose(whole * 3, part * 2))
  }
}
