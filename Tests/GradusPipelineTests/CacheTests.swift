import Foundation
import GradusCore
import GradusEval
import GradusIndex
import GradusRank
import GradusTestSupport
import Testing

@testable import GradusPipeline

@Suite("Pipelines: shared parts and the cache") struct CacheTests {
  private let queries = [Query(qid: "q", text: "heat"), Query(qid: "p", text: "laminar")]
  private let lists: [String: [(String, Double)]] = ["q": [("d1", 3), ("d2", 2), ("d3", 1)], "p": [("d4", 5), ("d1", 1)]]

  private func retrieve(_ retriever: CountingRetriever, depth: Int = 10, fingerprint: String? = "v1") -> RetrievalPipeline {
    .retrieve(retriever, depth: depth, name: "a", fingerprint: fingerprint)
  }

  @Test("A stage with the same input runs once, within a plan and over several")
  func shared() throws {
    for fingerprint in ["v1", nil] {
      let retriever = CountingRetriever(lists)
      let a = retrieve(retriever, fingerprint: fingerprint)
      let result = try (a % 2 + a).run(queries)
      #expect(retriever.asked.load(ordering: .relaxed) == 2)
      #expect(result.stages.map(\.source) == [.computed, .computed, .shared, .computed])
      #expect(docnos(result.outputs[0]) == ["d1", "d2", "d3"] && scores(result.outputs[0]) == [6, 4, 1])
    }
  }

  @Test("What was computed is read the next time, bit for bit; a change of anything is computed")
  func stored() throws {
    let folder = try TemporaryFolder()
    let options = RunOptions(cache: StageCache(folder: folder.path + "/cache"))
    let retriever = CountingRetriever(lists)
    func asked(_ pipeline: RetrievalPipeline, _ queries: [Query]) throws -> (Int, PipelineResult<RankedList>) {
      let before = retriever.asked.load(ordering: .relaxed)
      let result = try pipeline.run(queries, options: options)
      return (retriever.asked.load(ordering: .relaxed) - before, result)
    }
    let first = try asked(retrieve(retriever), queries)
    let second = try asked(retrieve(retriever), queries)
    #expect(first.0 == 2 && second.0 == 0 && second.1.outputs == first.1.outputs)
    #expect(second.1.stages.map(\.source) == [.cached])
    #expect(try retrieve(retriever).run(queries).outputs == first.1.outputs, "the cache changes nothing")
    #expect(try asked(retrieve(retriever, depth: 9), queries).0 == 2, "another setting")
    #expect(try asked(retrieve(retriever, fingerprint: "v2"), queries).0 == 2, "another index")
    #expect(try asked(retrieve(retriever), [queries[0], Query(qid: "p", text: "other")]).0 == 2, "another query text")
    #expect(try asked(retrieve(retriever), queries.reversed()).0 == 2, "another order")
    #expect(folder.files.count == 5)
    #expect(try asked(retrieve(retriever, fingerprint: nil), queries).0 == 2 && folder.files.count == 5, "nobody vouches for it")
  }

  @Test("A damaged entry is computed again, said, and mended", arguments: ["cut", "flipped", "first line", "empty", "content"])
  func damaged(how: String) throws {
    let folder = try TemporaryFolder()
    let cache = StageCache(folder: folder.path)
    let retriever = CountingRetriever(lists)
    let pipeline = retrieve(retriever)
    let expected = try pipeline.run(queries, options: RunOptions(cache: cache)).outputs
    let path = folder.path + "/" + (folder.files.first ?? "")
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    switch how {
    case "cut": bytes.removeLast(9)
    case "flipped": bytes[bytes.count - 3] ^= 1
    case "first line": bytes.insert(contentsOf: Array("x".utf8), at: 0)
    case "empty": bytes = []
    default:
      // A body that fits its checksum and is no output of this stage.
      let body = StageCoding.encode(StageOutput(values: [.query(queries[0])]))
      bytes = Array("gradus-stage 1 \(SHA256Digest.hex(of: body)) \(body.count)\n".utf8) + body
    }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let again = try pipeline.run(queries, options: RunOptions(cache: cache))
    #expect(again.outputs == expected)
    guard case .recomputed = again.stages[0].source else { return #expect(Bool(false), "\(again.stages[0].source)") }
    #expect(try pipeline.run(queries, options: RunOptions(cache: cache)).stages[0].source == .cached)
  }

  @Test("Values of every kind are stored and read back, with all bits")
  func coding() throws {
    let features = try RankedList(
      query: Query(qid: "q", text: "tab\tline\nümlaut"), scoreKind: .logit,
      documents: [ScoredDocument(docno: "a", score: 0.1 + 0.2), ScoredDocument(docno: "b", score: -0.0)],
      featureNames: ["f", "g"], features: [[1, .leastNonzeroMagnitude], [-2, 3]])
    let values: [PipelineBox] = [
      .list(features), .query(Query(qid: "", text: "")), .list(try list([])),
      .document(Document(docno: "d", title: "t", text: "x", metadata: ["b": "2", "a": "1"])),
      .answer(Answer(qid: "q", text: "yes", citations: ["a", "b"])),
    ]
    let bytes = StageCoding.encode(StageOutput(values: values, truncatedTokens: 17))
    let read = try #require(bytes.withUnsafeBytes(StageCoding.decode))
    #expect(read.values == values && read.truncatedTokens == 17)
    guard case .list(let list) = read.values[0] else { return #expect(Bool(false)) }
    #expect(list.documents[1].score.sign == .minus)
    // No shorter text decodes, and none crashes.
    for length in 0..<bytes.count { #expect(bytes[..<length].withUnsafeBytes(StageCoding.decode) == nil) }
    var generator = SeededGenerator(seed: 2)
    for _ in 0..<300 {
      var broken = bytes
      broken[generator.integer(below: broken.count)] = UInt8(generator.integer(below: 256))
      _ = broken.withUnsafeBytes(StageCoding.decode)
    }
  }

  @Test("The fingerprint of an index follows its documents, not its path or the threads that built it")
  func indexFingerprint() throws {
    let folder = try TemporaryFolder()
    let first = try folder.index(name: "one").fingerprint()
    #expect(try folder.index(name: "two").fingerprint() == first)
    let changed = tinyDocuments.dropLast() + [Document(docno: "d4", text: "laminar boundary lawyer")]
    #expect(try folder.index(Array(changed), name: "three").fingerprint() != first)
    let renamed = tinyDocuments.dropLast() + [Document(docno: "d5", text: tinyDocuments[3].text)]
    #expect(try folder.index(Array(renamed), name: "four").fingerprint() != first)
  }

  @Test("The fingerprint of a folder follows names and contents")
  func folderFingerprint() throws {
    let folder = try TemporaryFolder()
    func write(_ text: String, _ name: String) throws {
      try text.write(toFile: folder.path + "/" + name, atomically: true, encoding: .utf8)
    }
    try write("ab", "a")
    try write("c", "b")
    let first = try ContentFingerprint.of(path: folder.path)
    #expect(try ContentFingerprint.of(path: folder.path) == first)
    try write("a", "a")
    try write("bc", "b")
    let moved = try ContentFingerprint.of(path: folder.path)
    #expect(moved != first, "the same bytes, cut elsewhere")
    try FileManager.default.moveItem(atPath: folder.path + "/b", toPath: folder.path + "/c")
    #expect(try ContentFingerprint.of(path: folder.path) != moved)
  }
}

@Suite("Experiments over several pipelines") struct ExperimentTests {
  private let queries = (1...6).map { Query(qid: "\($0)", text: "") }
  private var qrels: Qrels {
    var qrels = Qrels()
    for number in 1...5 { qrels.judge(qid: "\(number)", docno: "r", grade: 1) }
    return qrels
  }

  @Test("Shared prefixes run once; values are per query, comparisons paired and corrected")
  func experiment() throws {
    let retriever = CountingRetriever(
      Dictionary(uniqueKeysWithValues: queries.map { ($0.qid, [("x", 3.0), ("r", $0.qid == "5" ? 4 : 2), ("y", 1)]) }))
    let a = RetrievalPipeline.retrieve(retriever, name: "a")
    let table = DocumentTable([Document(docno: "x", text: "1"), Document(docno: "r", text: "7"), Document(docno: "y", text: "2")])
    let rerank = ListPipeline.rerank(NumberReranker(), documents: table, name: "n")
    let experiment = try Experiment(
      [("a", a), ("reranked", a >>> rerank), ("top", a >>> rerank % 1)], queries: queries, qrels: qrels,
      measures: MeasureSpecification.list("RR nDCG@10"), baseline: "a")
    #expect(retriever.asked.load(ordering: .relaxed) == 5, "judged queries, once each")
    #expect(experiment.stages.map(\.report.source) == [.computed, .shared, .computed, .shared, .shared, .computed])
    #expect(experiment.stages.map(\.pipeline) == ["a", "reranked", "reranked", "top", "top", "top"])
    #expect(experiment.evaluations[0].values[0] == [0.5, 0.5, 0.5, 0.5, 1])
    #expect(experiment.evaluations[1].values[0] == [1, 1, 1, 1, 1])
    let rr = try MeasureSpecification("RR")
    let comparison = try #require(experiment.report.comparisons.first { $0.run == "reranked" && $0.measure == rr })
    #expect(comparison.differences == [0.5, 0.5, 0.5, 0.5, 0] && comparison.wins == 4 && comparison.ties == 1)
    #expect(comparison.correctedP >= comparison.test.p)
    #expect(experiment.report.text.contains("Against a: paired t-test"))
    #expect(experiment.runs[2].rankings.allSatisfy { $0.documents.map(\.docno) == ["r"] })
  }

  @Test("Names that do not fit are refused")
  func refused() throws {
    let a = RetrievalPipeline.retrieve(CountingRetriever([:]), name: "a")
    let measures = try MeasureSpecification.list("RR")
    #expect(throws: PipelineError.noPipelines) { try Experiment([], queries: queries, qrels: qrels, measures: measures) }
    #expect(throws: PipelineError.duplicateName("a")) {
      try Experiment([("a", a), ("a", a)], queries: queries, qrels: qrels, measures: measures)
    }
    #expect(throws: EvaluationError.unknownRun("b", known: ["a"])) {
      try Experiment([("a", a)], queries: queries, qrels: qrels, measures: measures, baseline: "b")
    }
  }
}
