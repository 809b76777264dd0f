import Foundation
import GradusTestSupport
import Testing

@Suite("Fields and their weights", .enabled(if: Command.isBuilt, Comment(rawValue: Command.skipNotice)))
struct FieldSearchTests {
  let folder: TemporaryFolder
  private static let model = "bm25f(k1=1.2,title=3,title.b=0.5,text.b=0.75,keywords=2)"

  init() throws {
    folder = try TemporaryFolder()
    try write(
      "corpus.jsonl",
      """
      {"_id": "a", "title": "Laminar flow", "text": "Air moves along a plate.", "metadata": {"keywords": "heat transfer"}}
      {"_id": "b", "title": "", "text": "Laminar flow, and laminar flow of heat.", "metadata": {"keywords": ["wing", "heat"]}}
      {"_id": "c", "title": "Wings", "text": "Supersonic wings in a wind tunnel.", "metadata": {}}

      """)
    let outcome = try Command.run(
      ["index", "corpus.jsonl", "--out", "index", "--fields", "title,text,keywords"], in: folder)
    try #require(outcome.code == 0, "\(outcome.error)")
  }

  private func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder.path(name)))
  }

  private func hits(_ query: String, _ model: String, in index: String = "index") throws -> [[String: Any]] {
    let arguments = ["search", index, "--query", query, "--model", model, "--explain", "--json"]
    return try #require(Command.run(arguments, in: folder).json()["documents"] as? [[String: Any]])
  }

  @Test("Weights decide, and the explanation adds up field by field")
  func weights() throws {
    #expect(try hits("laminar", "bm25f(title=5,title.b=0)").first?["docno"] as? String == "a")
    #expect(try hits("laminar", "bm25f(title=0.1)").first?["docno"] as? String == "b")
    #expect(try hits("wing", "bm25f").compactMap { $0["docno"] as? String }.sorted() == ["b", "c"])
    for hit in try hits("laminar heat", Self.model) {
      let terms = try #require(hit["explanation"] as? [[String: Any]])
      var sum = 0.0
      for term in terms {
        let fields = try #require(term["fields"] as? [[String: Any]])
        #expect(fields.compactMap { $0["name"] as? String } == ["title", "text", "keywords"])
        let x = fields.reduce(0) { $0 + ($1["part"] as? Double ?? .nan) }
        #expect(abs(try #require(term["normalized_frequency"] as? Double) - x) < 1e-12)
        let idf = try #require(term["inverse_document_frequency"] as? Double)
        let contribution = try #require(term["contribution"] as? Double)
        #expect(abs(contribution - idf * x / (x + 1.2)) < 1e-12)
        sum += contribution
      }
      #expect(abs(try #require(hit["score"] as? Double) - sum) < 1e-12)
    }
    let shown = try Command.run(["search", "index", "--query", "heat", "--model", Self.model, "--explain"], in: folder).output
    #expect(shown.contains("by field") && shown.contains("keywords "), "\(shown)")
    #expect(try !Command.run(["search", "index", "--query", "heat", "--explain"], in: folder).output.contains("by field"))
  }

  @Test("Changes keep the fields, and give the scores of an index that is built anew")
  func changes() throws {
    try write(
      "more.jsonl",
      """
      {"_id": "a", "title": "Turbulent", "text": "Laminar no more", "metadata": {"keywords": "laminar"}}
      {"_id": "d", "title": "Heat", "text": "Flow of air", "metadata": {"keywords": "heat"}}

      """)
    let update = ["index", "more.jsonl", "--out", "index", "--update", "--fields", "keywords,title,text"]
    #expect(try Command.run(update, in: folder).code == 0)
    try write("gone.txt", "c\n")
    #expect(try Command.run(["index", "--delete", "gone.txt", "--out", "index"], in: folder).code == 0)
    let old = try String(contentsOfFile: folder.path("corpus.jsonl"), encoding: .utf8).split(separator: "\n")[1]
    try write("once.jsonl", "\(old)\n" + String(contentsOfFile: folder.path("more.jsonl"), encoding: .utf8))
    #expect(try Command.run(["index", "once.jsonl", "--out", "once", "--fields", "title,text,keywords"], in: folder).code == 0)
    func answers(_ index: String) throws -> String {
      try Command.run(["search", index, "--query", "laminar heat flow", "--model", Self.model, "--explain"], in: folder).output
    }
    let expected = try answers("once")
    #expect(try answers("index") == expected && expected.contains("by field"))
    #expect(try Command.run(["index", "--merge", "--out", "index"], in: folder).code == 0)
    #expect(try answers("index") == expected)
    #expect(try Command.run(["validate", "index"], in: folder).code == 0)
  }

  @Test("Mistakes say what is wrong, with the exit code of their kind")
  func mistakes() throws {
    #expect(try Command.run(["index", "corpus.jsonl", "--out", "plain"], in: folder).code == 0)
    let phrases = ["index", "corpus.jsonl", "--out", "phrases", "--fields", "title,text", "--positions"]
    #expect(try Command.run(phrases, in: folder).code == 0)
    for (arguments, text) in [
      (["search", "index", "--query", "heat", "--model", "bm25f(tilte=2)"], "did you mean 'title'"),
      (["search", "index", "--query", "heat", "--model", "bm25f(title=-2)"], "title"),
      (["search", "plain", "--query", "heat", "--model", "bm25f(title=2)"], "built without fields"),
      (["search", "phrases", "--query", "\"heat flow\"", "--syntax", "boolean", "--model", "bm25f"], "phrase"),
      (["index", "corpus.jsonl", "--out", "other", "--fields", "title,k1"], "'k1' cannot be a field"),
      (["index", "corpus.jsonl", "--out", "index", "--update", "--fields", "title,text"], "with --fields title,text,keywords"),
      (["index", "corpus.jsonl", "--out", "plain", "--update", "--fields", "title"], "built without"),
      (["index", "some.ciff", "--out", "other", "--fields", "title"], "--fields"),
    ] as [([String], String)] {
      let outcome = try Command.run(arguments, in: folder)
      #expect(outcome.code == 2 && outcome.error.contains(text), "\(arguments): \(outcome.code) \(outcome.error)")
    }
  }
}
