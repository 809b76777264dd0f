import Foundation
import Testing

@Suite("Impact indexes from the command line", .enabled(if: Command.isBuilt, Comment(rawValue: Command.skipNotice)))
struct SparseTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write(
      """
      {"id": "d1", "content": "Heat flow", "vector": {"heat": 1.5, "flow": 0.5}}
      {"id": "d2", "content": "Wings", "vector": {"wing": 2.0, "flow": 1.0}}
      {"id": "d3", "vector": {}}

      """, "docs.jsonl")
    try folder.write(
      """
      {"id": "q1", "vector": {"heat": 1, "flow": 2}}
      {"id": "q2", "vector": {"nothing": 1}}

      """, "queries.jsonl")
  }

  private func run(_ arguments: String...) throws -> Command.Outcome { try Command.run(arguments, in: folder) }

  private func imported() throws {
    let outcome = try run("sparse", "--import", "docs.jsonl", "--out", "idx")
    try #require(outcome.code == 0, "\(outcome.error)")
  }

  @Test("Vectors are imported, searched with vectors and words, explained, measured and verified")
  func pipeline() throws {
    let report = try run("sparse", "--import", "docs.jsonl", "--out", "idx", "--json").json()
    #expect(report["documents"] as? Int == 3 && report["postings"] as? Int == 4)
    let search = try run("search", "idx", "--topics", "queries.jsonl", "--query-encoder", "vectors")
    #expect(search.code == 0, "\(search.error)")
    let lines = search.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    #expect(lines.map { $0[0] + " " + $0[2] + " " + $0[3] } == ["q1 d1 1", "q1 d2 2"])
    #expect(abs((Double(lines[0][4]) ?? 0) - 2.5) < 0.02 && lines[0][5] == "gradus-sparse")
    let answer = try run("search", "idx", "--query", "Flow of heat", "--query-encoder", "words", "--explain", "--json").json()
    let documents = try #require(answer["documents"] as? [[String: Any]])
    #expect(documents.map { $0["docno"] as? String } == ["d1", "d2"])
    #expect((documents[0]["explanation"] as? [[String: Any]])?.map { $0["term"] as? String } == ["heat", "flow"])
    #expect(answer["unknown_terms"] as? [String] == ["of"])
    let text = try run("search", "idx", "--query", "Flow of heat", "--query-encoder", "words", "--explain").output
    #expect(text.hasPrefix("1. d1  ") && text.contains("contribution"))
    #expect(try run("search", "idx", "--query", "zeppelin", "--query-encoder", "words").output.hasPrefix("No answer"))
    let filtered = try run("search", "idx", "--query", "heat", "--query-encoder", "words", "--filter", "year=1999")
    #expect(filtered.output == "No answer: no document that passes the filter holds any of the query's terms.\n")
    let speed = try run(
      "bench", "search", "idx", "--topics", "queries.jsonl", "--query-encoder", "vectors", "--repeats", "2", "--json"
    ).json()
    #expect((speed["queries_per_second"] as? Double ?? 0) > 0 && speed["queries"] as? Int == 2)
    #expect(try run("validate", "idx").code == 0)
  }

  /// Scores by docno of a search with words.
  private func scores(_ query: String, in index: String = "idx") throws -> [String: Double] {
    let answer = try run("search", index, "--query", query, "--query-encoder", "words", "--json").json()
    let documents = try #require(answer["documents"] as? [[String: Any]])
    return Dictionary(
      uniqueKeysWithValues: documents.compactMap { document in
        (document["docno"] as? String).flatMap { docno in (document["score"] as? Double).map { (docno, $0) } }
      })
  }

  @Test("An index grows, is replaced in parts, shrinks and is compacted, with the scores of one that is built anew")
  func changes() throws {
    try imported()
    try folder.write("{\"id\": \"d4\", \"vector\": {\"heat\": 3, \"wing\": 0.5}}\n", "more.jsonl")
    let added = try run("sparse", "--import", "more.jsonl", "--out", "idx", "--add", "--json").json()
    #expect(added["added"] as? Int == 1 && added["documents"] as? Int == 4 && added["replaced"] == nil)
    #expect(added["added_weights"] as? Int == 2 && added["clipped_weights"] as? Int == 1)
    let again = try run("sparse", "--import", "more.jsonl", "--out", "idx", "--add")
    #expect(again.code == 65 && again.error.contains("'d4' is in the index already"), "\(again.error)")
    try folder.write(
      "{\"id\": \"d1\", \"vector\": {\"flow\": 1.25}}\n{\"id\": \"d5\", \"vector\": {\"heat\": 1}}\n", "new.jsonl")
    let replaced = try run("sparse", "--import", "new.jsonl", "--out", "idx", "--replace", "--json").json()
    #expect(replaced["added"] as? Int == 2 && replaced["replaced"] as? Int == 1 && replaced["documents"] as? Int == 5)
    try folder.write("d5\nnobody\n", "wrong.txt")
    let wrong = try run("sparse", "wrong.txt", "--out", "idx", "--delete")
    #expect(wrong.code == 66 && wrong.error.contains("no document 'nobody'"), "\(wrong.error)")
    try folder.write("d2\n\nd3\n", "gone.txt")
    let deleted = try run("sparse", "gone.txt", "--out", "idx", "--delete", "--json").json()
    #expect(deleted["deleted"] as? Int == 2 && deleted["total"] as? Int == 3 && deleted["deleted_in_files"] as? Int == 3)
    // The same documents at once; what was cut there is cut here.
    try folder.write(
      """
      {"id": "d4", "vector": {"heat": 3, "wing": 0.5}}
      {"id": "d1", "vector": {"flow": 1.25}}
      {"id": "d5", "vector": {"heat": 1}}

      """, "all.jsonl")
    let built = try run("sparse", "--import", "all.jsonl", "--out", "built", "--greatest-weight", "2")
    #expect(built.code == 0 && built.output.contains("1 weights cut to the greatest"), "\(built.error)")
    let expected = try scores("heat flow wing", in: "built")
    #expect(expected.count == 3)
    #expect(try scores("heat flow wing") == expected)
    try folder.write("", "none.txt")
    let compacted = try run("sparse", "none.txt", "--out", "idx", "--delete", "--compact", "--json").json()
    #expect(compacted["deleted_in_files"] as? Int == 0 && compacted["total"] as? Int == 3)
    #expect(try scores("heat flow wing") == expected)
    #expect(try run("validate", "idx").code == 0)

    let cases: [([String], Int32, String)] = [
      (["sparse", "docs.jsonl", "--out", "nowhere", "--add"], 66, "nowhere"),
      (["sparse", "--import", "docs.jsonl", "--out", "idx", "--delete"], 2, "not --import"),
      (["sparse", "--import", "docs.jsonl", "--out", "idx", "--add", "--rounding", "up"], 2, "--rounding goes with a new"),
      (["sparse", "--import", "docs.jsonl", "--out", "idx", "--add", "--delete"], 2, "one of --add"),
      (["sparse", "--import", "docs.jsonl", "--out", "idx", "--compact"], 2, "--compact goes with"),
      (["sparse", "--import", "docs.jsonl", "--out", "x", "--greatest-weight", "0"], 2, "must be above 0"),
    ]
    for (arguments, code, message) in cases {
      let outcome = try Command.run(arguments, in: folder)
      #expect(outcome.code == code && outcome.error.contains(message), "\(arguments): \(outcome.error)")
    }
    try folder.write("1\theat\n", "corpus.tsv")
    try #require(try run("index", "corpus.tsv", "--out", "lexical").code == 0)
    let other = try run("sparse", "--import", "more.jsonl", "--out", "lexical", "--add")
    #expect(other.code == 2 && other.error.contains("no index of term weights"), "\(other.error)")
  }

  @Test("A change that is killed leaves the index as it was, and the next one takes over")
  func killed() throws {
    try imported()
    let before = try scores("heat flow")
    let pipe = Pipe()
    let process = Command.process(Command.path ?? "", ["sparse", "--import", "-", "--out", "idx", "--add"], in: folder)
    process.standardInput = pipe
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    // The pipe stays open: the writer is in the middle of its work when it is killed.
    let lines = (0..<20_000).map { "{\"id\": \"x\($0)\", \"content\": \"text \($0)\", \"vector\": {\"heat\": 1.5}}\n" }
    try pipe.fileHandleForWriting.write(contentsOf: Data(lines.joined().utf8))
    for _ in 0..<2000 where !(try folder.names("idx").contains("segment-2.documents")) { usleep(5000) }
    #expect(try folder.names("idx").contains("segment-2.documents"), "the writer writes beside the index")
    let busy = try run("sparse", "--import", "docs.jsonl", "--out", "idx", "--replace")
    #expect(busy.code == 1 && busy.error.contains("process \(process.processIdentifier) is writing this index"), "\(busy.error)")
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    #expect(try scores("heat flow") == before)
    #expect(try run("validate", "idx").code == 0)
    #expect(try run("sparse", "--import", "docs.jsonl", "--out", "idx", "--replace").code == 0)
    #expect(try scores("heat flow") == before)
    #expect(try run("validate", "idx").code == 0)
  }

  @Test("Bad vectors name file, line and term", arguments: [
    ("{\"id\": \"d2\", \"vector\": {\"x\": -1}}", "docs.jsonl:2: the weight of term 'x' is -1"),
    ("{\"id\": \"d2\", \"vector\": {\"x\": NaN}}", "docs.jsonl:2: the weight of term 'x' is NaN"),
    ("{\"id\": \"d2\", \"vector\": {\"x\": Infinity}}", "docs.jsonl:2: the weight of term 'x' is Infinity"),
    ("{\"id\": \"d1\", \"vector\": {}}", "docs.jsonl:2: id 'd1' occurs already on line 1"),
    ("{\"id\": \"d2\"}", "docs.jsonl:2: the record has no 'vector'"),
  ])
  func badVectors(line: String, message: String) throws {
    try folder.write("{\"id\": \"d1\", \"vector\": {\"a\": 1}}\n\(line)\n", "docs.jsonl")
    let outcome = try run("sparse", "--import", "docs.jsonl", "--out", "idx")
    #expect(outcome.code == 65 && outcome.error.contains(message), "\(outcome.error)")
    #expect(outcome.error.split(separator: "\n").count == 1)
    #expect(try run("search", "idx", "--query", "a").code != 0)
  }

  @Test("Wrong use is refused with what to do")
  func usage() throws {
    try imported()
    let cases: [([String], Int32, String)] = [
      (["sparse", "--out", "x"], 2, "either a corpus or --import"),
      (["sparse", "docs.jsonl", "--import", "docs.jsonl", "--out", "x"], 2, "either a corpus or --import"),
      (["sparse", "--import", "docs.jsonl", "--model", "m", "--out", "x"], 2, "--model goes with a corpus"),
      (["sparse", "--import", "docs.jsonl", "--columns", "a:date", "--out", "x"], 2, "--columns goes with a corpus"),
      (["search", "idx", "--query", "heat", "--query-encoder", "words", "--filter", "year"], 2, "filter 'year'"),
      (["sparse", "--import", "none.jsonl", "--out", "x"], 66, "none.jsonl"),
      (["search", "idx", "--query", "heat"], 2, "--query-encoder words or vectors"),
      (["search", "idx", "--query", "heat", "--query-encoder", "tokens"], 2, "give --encoder MODEL"),
      (["search", "idx", "--query", "heat", "--query-encoder", "vectors"], 2, "--topics FILE"),
      (["search", "idx", "--query", "heat", "--query-encoder", "words", "--encoder", "m"], 2, "no meaning"),
      (["search", "idx", "--query", "heat", "--feedback", "rm3"], 2, "is an impact index"),
      (["sparse", "train", "none", "--out", "x", "--epochs", "0"], 2, "--epochs must be at least 1"),
    ]
    for (arguments, code, message) in cases {
      let outcome = try Command.run(arguments, in: folder)
      #expect(outcome.code == code, "\(arguments): \(outcome.error)")
      #expect(outcome.error.contains(message), "\(arguments): \(outcome.error)")
    }
    try folder.write("q1 Q0 d1 1 2.0 x\n", "first.run")
    try folder.write("q1\theat\n", "topics.tsv")
    let rerank = try run("rerank", "first.run", "--topics", "topics.tsv", "--index", "idx", "--model", "tildev2:idx")
    #expect(rerank.code == 2 && rerank.error.contains("holds no weights of a TILDEv2"), "\(rerank.error)")
    #expect(try run("search", "idx", "--query", "heat", "--query-encoder", "word").code == 2)
  }
}
