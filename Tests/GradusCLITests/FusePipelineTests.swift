import Foundation
import Testing

@Suite("Fuse runs, run pipelines", .enabled(if: Command.isBuilt, Comment(rawValue: Command.skipNotice)))
struct FusePipelineTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try TinyCollection.write(to: folder)
    try #require(try Command.run(["index", "tiny", "--out", "index"], in: folder).code == 0)
  }

  private func run(_ arguments: String...) throws -> Command.Outcome { try Command.run(arguments, in: folder) }

  private func ranked(_ text: String) -> [String] {
    text.split(separator: "\n").map { line in
      let fields = line.split(separator: " ")
      return "\(fields[0]) \(fields[2])"
    }
  }

  @Test("Two runs become one, by rank and by weighted scores")
  func fuse() throws {
    try folder.write("1 Q0 a 1 3 x\n1 Q0 b 2 2 x\n1 Q0 c 3 1 x\n", "one.run")
    try folder.write("1 Q0 b 1 10 y\n1 Q0 d 2 0 y\n2 Q0 e 1 1 y\n", "two.run")
    let fused = try run("fuse", "one.run", "two.run", "--method", "rrf(k=60)", "--tag", "both")
    #expect(fused.code == 0)
    #expect(ranked(fused.output) == ["1 b", "1 a", "1 d", "1 c", "2 e"])
    #expect(fused.output.hasPrefix("1 Q0 b 1 \(1.0 / 62 + 1.0 / 61) both\n"))
    #expect(fused.error.contains("one lacks 1 of the queries; they count as empty lists there"))
    #expect(try run("fuse", "two.run", "one.run", "--tag", "both").output == fused.output)
    let sum = try run(
      "fuse", "one.run", "two.run", "--method", "combsum", "--norm", "min-max", "--weights", "1,0.25", "-k", "2", "--out",
      "sum.run", "--json")
    let summary = try sum.json()
    #expect(summary["fusion"] as? String == "combsum, min-max, weights 1 0.25" && summary["documents"] as? Int == 3)
    #expect(ranked(try folder.text("sum.run")) == ["1 a", "1 b", "2 e"])
    #expect(try folder.text("sum.run").contains("1 Q0 b 2 0.75 "))
    try folder.write("1 Q0 a 1 nan x\n", "nan.run")
    #expect(try run("fuse", "nan.run", "one.run").code == 65)
  }

  @Test("Weights are chosen on judged queries; bayesfuse learns from them")
  func tune() throws {
    try folder.write((1...4).map { "\($0) Q0 r 1 9 x\n\($0) Q0 x 2 8 x\n\($0) Q0 y 3 1 x\n" }.joined(), "good.run")
    try folder.write((1...4).map { "\($0) Q0 x 1 9 x\n\($0) Q0 y 2 8 x\n\($0) Q0 r 3 1 x\n" }.joined(), "bad.run")
    try folder.write((1...4).map { "\($0) 0 r 1\n" }.joined(), "dev.qrels")
    let tuned = try run(
      "fuse", "good.run", "bad.run", "--method", "combsum", "--tune", "dev.qrels", "--measure", "RR", "--step", "0.25", "--out",
      "tuned.run", "--json"
    ).json()
    let tuning = try #require(tuned["tuning"] as? [String: Any])
    #expect(tuning["value"] as? Double == 1 && tuning["untuned"] as? Double == 0.5 && tuning["settings"] as? Int == 5)
    #expect(tuned["fusion"] as? String == "combsum, min-max, weights 1 0")
    #expect(ranked(try folder.text("tuned.run")).first == "1 r")
    let bayes = try run("fuse", "good.run", "bad.run", "--method", "bayesfuse", "--tune", "dev.qrels")
    #expect(bayes.code == 0 && ranked(bayes.output).count == 12)
  }

  private static let plan = """
    index: index
    pipeline:
      - stage: fuse
        method: rrf(k=10)
        of:
          - {stage: bm25, depth: 100}
          - stage: chain
            stages:
              - {stage: bm25, depth: 100, k1: 1.2, b: 0.75}
              - {stage: filter, metadata: source, values: [tiny]}
      - {stage: filter, drop: [d2]}
      - {stage: cut, depth: 2}

    """

  @Test("A pipeline from a file: printed, drawn, run, cached")
  func pipeline() throws {
    try folder.write(Self.plan, "plan.yaml")
    let plan = try run("pipeline", "plan.yaml", "--print", "--svg", "plan.svg", "--mermaid", "plan.mmd")
    #expect(plan.code == 0, "\(plan.error)")
    #expect(plan.output.hasPrefix("% 2") && plan.output.contains("b=0.75") && plan.output.contains("rrf(k=10)"))
    #expect(try folder.text("plan.svg").hasPrefix("<svg ") && folder.text("plan.mmd").hasPrefix("flowchart LR\n"))

    let first = try run("pipeline", "plan.yaml", "--topics", "tiny", "--cache", "cache", "--out", "one.run", "--json")
    #expect(first.code == 0, "\(first.error)")
    #expect(ranked(try folder.text("one.run")) == ["q1 d1", "q2 d3", "q2 d4"])
    #expect(try first.json()["without_candidates"] as? [String] == ["q3"])
    let second = try run("pipeline", "plan.yaml", "--topics", "tiny", "--cache", "cache", "--out", "two.run", "--json").json()
    #expect(try folder.text("two.run") == folder.text("one.run"))
    let sources = try #require(second["stages"] as? [[String: Any]]).compactMap { $0["source"] as? String }
    #expect(sources == ["cache", "cache", "cache", "computed", "cache", "computed"])
    for threads in ["1", "2"] {
      #expect(try run("pipeline", "plan.yaml", "--topics", "tiny", "--threads", threads).output == folder.text("one.run"))
    }

    // A damaged entry is computed again, and said.
    let entries = try FileManager.default.subpathsOfDirectory(atPath: folder.path("cache")).filter { $0.count > 60 }
    for entry in entries { try folder.write("gradus-stage 1 00 0\n", "cache/" + entry) }
    let third = try run("pipeline", "plan.yaml", "--topics", "tiny", "--cache", "cache", "--out", "three.run")
    #expect(third.error.contains("a damaged entry of the cache was computed again: bm25"))
    #expect(try folder.text("three.run") == folder.text("one.run"))

    let explained = try run("pipeline", "plan.yaml", "--query", "laminar heat transfer", "--explain").output
    #expect(explained.contains("d1") && explained.contains("Rank after each part of the plan:"))
    #expect(explained.contains("fuse(rrf(k=10))"))
    #expect(try run("pipeline", "plan.yaml", "--query", "zeppelin").output == "No document is left.\n")
    #expect(try run("pipeline", "plan.yaml", "--plan-json").json()["operation"] as? String == "cut")
  }

  @Test("A search with feedback is what the search command gives")
  func feedback() throws {
    try folder.write("index: index\npipeline:\n  - {stage: search, model: ql-dirichlet, feedback: rm3, depth: 5}\n", "plan.yaml")
    let pipeline = try run("pipeline", "plan.yaml", "--topics", "tiny")
    let search = try run("search", "index", "--topics", "tiny", "--model", "ql-dirichlet", "--feedback", "rm3", "-k", "5")
    #expect(pipeline.code == 0 && search.code == 0, "\(pipeline.error)\(search.error)")
    #expect(ranked(pipeline.output) == ranked(search.output) && !pipeline.output.isEmpty)
    #expect(try run("pipeline", "plan.yaml", "--print").output.contains("feedback=rm3(docs=10"))
  }

  @Test("Runs, sums, features and a linear model in a file; JSON is fine as well")
  func joins() throws {
    try folder.write("q1 Q0 d1 1 3 x\nq1 Q0 d2 2 2 x\n", "a.run")
    try folder.write("q1 Q0 d2 1 5 x\nq1 Q0 d5 2 1 x\n", "b.run")
    try folder.write("q1\tsome words\n", "topics.tsv")
    func order(_ pipeline: String) throws -> [String] {
      try folder.write("{\"pipeline\": [\(pipeline)]}", "plan.json")
      let outcome = try run("pipeline", "plan.json", "--topics", "topics.tsv")
      #expect(outcome.code == 0, "\(outcome.error)")
      return ranked(outcome.output).map { String($0.dropFirst(3)) }
    }
    let of = #""of": [{"stage": "run", "file": "a.run"}, {"stage": "run", "file": "b.run"}]"#
    #expect(try order("{\"stage\": \"sum\", \(of)}") == ["d2", "d1", "d5"])
    #expect(try order("{\"stage\": \"concatenation\", \(of)}") == ["d1", "d2", "d5"])
    #expect(try order("{\"stage\": \"intersection\", \(of)}") == ["d2"])
    #expect(try order("{\"stage\": \"union\", \(of)}") == ["d5", "d2", "d1"])
    let linear = #"{"stage": "linear", "weights": [3, 1], "bias": 2}"#
    #expect(try order("{\"stage\": \"features\", \(of)}, \(linear)") == ["d2", "d1", "d5"])
    let lowest = #"{"stage": "scale", "by": -1}, {"stage": "cut", "depth": 1}"#
    #expect(try order("{\"stage\": \"sum\", \(of)}, \(lowest)") == ["d5"])
    let weighted = #""stage": "fuse", "method": "combsum", "norm": "none", "weights": [10, 1]"#
    #expect(try order("{\(weighted), \(of)}") == ["d1", "d2", "d5"])
  }

  @Test("Mistakes in a file are told with their line", arguments: [
    ("index: index\npipeline:\n  - {stage: bm24}\n", 65, "plan.yaml:3: stage: expected a known stage such as 'bm25', found"),
    ("index: index\npipeline:\n  - {stage: bm25, dept: 3}\n", 65, "plan.yaml:3: no key 'dept'; did you mean 'depth'?"),
    ("index: index\npipeline:\n  - {stage: bm25}\n  - {stage: bm25}\n", 65, "plan.yaml:4: stage"),
    ("index: index\npipeline:\n  - {stage: cut, depth: 3}\n", 65, "a cut or scale at the start"),
    ("index: index\npipeline:\n  - {stage: bm25}\n  - {stage: cut}\n", 65, "plan.yaml:4: the key 'depth' is missing"),
    ("index: index\npipeline:\n  - {stage: bm25, depth: 0}\n", 65, "depth: expected a whole number of at least 1"),
    ("pipeline:\n  - {stage: bm25}\n", 65, "the key 'index' is missing"),
    ("index: index\n", 65, "the key 'pipeline' is missing"),
    ("index: nowhere\npipeline:\n  - {stage: bm25}\n", 66, "nowhere"),
    ("index: index\npipeline:\n  - {stage: bm25}\n  - {stage: filter}\n", 65, "0 conditions"),
    ("index: index\npipeline:\n  - {stage: filter, own: true}\n", 65, "no stage that retrieves"),
    ("index: index\npipeline:\n  - stage: fuse\n    method: rff\n    of: [{stage: bm25}]\n", 2, "did you mean 'rrf'?"),
    ("index: index\npipeline:\n  - stage: fuse\n    of: [{stage: bm25}, {stage: filter, own: true}]\n", 65, "a mix"),
  ] as [(String, Int32, String)])
  func mistakes(text: String, code: Int32, message: String) throws {
    try folder.write(text, "plan.yaml")
    let outcome = try run("pipeline", "plan.yaml", "--query", "heat")
    #expect(outcome.code == code, "\(outcome.error)")
    #expect(outcome.error.contains(message), "\(outcome.error)")
  }
}
