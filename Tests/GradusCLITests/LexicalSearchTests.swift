import Foundation
import Testing

@Suite("Models, feedback, phrases and filters", .enabled(if: Command.isBuilt, Comment(rawValue: Command.skipNotice)))
struct LexicalSearchTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try TinyCollection.write(to: folder)
    let outcome = try Command.run(
      ["index", "tiny", "--out", "index", "--positions", "--columns", "source:keyword"], in: folder)
    try #require(outcome.code == 0, "\(outcome.error)")
  }

  private func run(_ arguments: String...) throws -> Command.Outcome { try Command.run(arguments, in: folder) }

  private func docnos(_ arguments: String...) throws -> [String] {
    let documents = try Command.run(["search", "index", "--json"] + arguments, in: folder).json()["documents"] as? [[String: Any]]
    return try #require(documents).compactMap { $0["docno"] as? String }
  }

  @Test("Explanations add up to the score", arguments: ["bm25+", "ql-dirichlet(mu=20)", "dph", "pl2(c=2)", "tfidf-pivoted"])
  func models(name: String) throws {
    let json = try run("search", "index", "--query", "laminar heat", "--model", name, "--explain", "--json").json()
    #expect((json["model"] as? String)?.hasPrefix(String(name.prefix { $0 != "(" })) == true)
    let hits = try #require(json["documents"] as? [[String: Any]])
    #expect(hits.count == 2)
    for hit in hits {
      let terms = try #require(hit["explanation"] as? [[String: Any]])
      let sum = terms.reduce(hit["document_part"] as? Double ?? 0) { $0 + ($1["contribution"] as? Double ?? 0) }
      let score = try #require(hit["score"] as? Double)
      #expect(abs(sum - score) < 1e-12)
    }
    #expect(try run("search", "index", "--query", "heat", "--model", name, "--explain").output.contains("contribution"))
  }

  @Test("Feedback shows what it made of the query, and names the run")
  func feedback() throws {
    let json = try run("search", "index", "--query", "laminar", "--feedback", "rm3(docs=1)", "--json", "--explain").json()
    #expect(json["feedback_documents"] as? [String] == ["d1"])
    let terms = try #require(json["expanded_query"] as? [[String: Any]])
    #expect(terms.first?["term"] as? String == "laminar" && terms.count > 3)
    let hits = try #require(json["documents"] as? [[String: Any]])
    #expect(hits.compactMap { $0["docno"] as? String } == ["d1", "d2"])
    let shown = try run("search", "index", "--query", "laminar", "--feedback", "bo1", "--explain").output
    #expect(shown.hasPrefix("Query after feedback"))
    let lines = try run("search", "index", "--topics", "tiny", "--feedback", "kl", "--model", "inl2").output
    #expect(lines.split(separator: "\n").allSatisfy { $0.hasSuffix(" gradus-inl2-kl") })
    let unknown = try run("search", "index", "--query", "a", "--feedback", "rm4")
    #expect(unknown.code == 2 && unknown.error.contains("rm3, bo1, kl, rocchio, axiomatic"))
  }

  @Test("Boolean queries, the dependence model and filters")
  func syntaxes() throws {
    #expect(try docnos("--syntax", "boolean", "--query", "+heat -laminar") == ["d2"])
    #expect(try docnos("--syntax", "boolean", "--query", "\"laminar flow\"") == ["d1"])
    #expect(try docnos("--syntax", "boolean", "--query", "\"flow laminar\"").isEmpty)
    #expect(try docnos("--syntax", "dependence", "--query", "heat transfer").first == "d1")
    #expect(try docnos("--query", "heat", "--filter", "source=tiny").count == 2)
    #expect(try docnos("--query", "heat", "--filter", "source!=tiny").isEmpty)
    let mistake = try run("search", "index", "--query", "heat", "--filter", "year>1990")
    #expect(mistake.code == 2 && mistake.error.contains("'year'"))
    #expect(try run("index", "tiny", "--out", "plain").code == 0)
    let without = try run("search", "plain", "--syntax", "boolean", "--query", "\"laminar flow\"")
    #expect(without.code == 2 && without.error.contains("without positions"))
  }

  @Test("An index goes out as CIFF and comes back with the same run")
  func exchange() throws {
    #expect(try run("export", "index", "--out", "x.ciff.gz").code == 0)
    #expect(try run("index", "x.ciff.gz", "--out", "again").code == 0)
    let plain = try run("search", "index", "--topics", "tiny").output
    #expect(!plain.isEmpty)
    #expect(try run("search", "again", "--topics", "tiny").output == plain)
    #expect(try run("index", "x.ciff.gz", "--out", "third", "--positions").code == 2)
  }

  @Test("The benchmark counts the documents that a filter allows")
  func filteredBenchmark() throws {
    let bench = ["bench", "search", "index", "--topics", "tiny", "--repeats", "2"]
    let filtered = try Command.run(bench + ["--filter", "source=tiny", "--json"], in: folder).json()
    #expect(filtered["filter_documents"] as? Int == 6 && filtered["filter"] as? String == "source=tiny")
    let document = try #require(filtered["document_p50_us"] as? Double)
    #expect(document > 0 && document <= filtered["document_p99_us"] as? Double ?? 0)
    #expect(filtered["open_ms"] as? Double ?? 0 > 0)
    #expect(filtered["filter_ms"] as? Double ?? -1 >= 0 && filtered["queries_per_second"] as? Double ?? 0 > 0)
    let none = try Command.run(bench + ["--filter", "source=other"], in: folder)
    #expect(none.output.contains("0 documents allowed"), "\(none.error)")
    #expect(try Command.run(bench + ["--json"], in: folder).json()["filter_documents"] == nil)
    let unknown = try Command.run(bench + ["--filter", "year=1999"], in: folder)
    #expect(unknown.code == 2 && unknown.error.contains("column 'year'"), "\(unknown.error)")
  }
}
