import Foundation
import Testing

@Suite("Index, search, evaluate", .enabled(if: Command.isBuilt, Comment(rawValue: Command.skipNotice)))
struct EndToEndTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try TinyCollection.write(to: folder)
  }

  private func run(_ arguments: String...) throws -> Command.Outcome { try Command.run(arguments, in: folder) }

  private func indexed() throws {
    let outcome = try run("index", "tiny", "--out", "index")
    try #require(outcome.code == 0, "\(outcome.error)")
  }

  @Test("A collection is indexed, searched and evaluated")
  func pipeline() throws {
    let report = try run("index", "tiny", "--out", "index", "--json").json()
    #expect(report["documents"] as? Int == 6)
    let search = try run("search", "index", "--topics", "tiny", "--split", "test", "--out", "tiny.run")
    #expect(search.code == 0 && search.output.isEmpty && search.error.isEmpty)
    let lines = try folder.text("tiny.run").split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    #expect(lines.map { $0[0] + " " + $0[2] + " " + $0[3] } == ["q1 d1 1", "q1 d2 2", "q2 d3 1", "q2 d4 2"])
    #expect(lines.allSatisfy { $0.count == 6 && $0[5] == "gradus-bm25" })
    let evaluation = try run("evaluate", "tiny", "tiny.run", "--json").json()
    let runs = try #require(evaluation["runs"] as? [[String: Any]])
    #expect(runs.map { $0["name"] as? String } == ["tiny.run"])
    let measures = try #require(runs[0]["measures"] as? [String: [String: Any]])
    #expect(Set(measures.keys) == ["nDCG@10", "RR@10", "P@1", "R@100", "AP"])
    #expect(measures.values.allSatisfy { $0["mean"] as? Double == 1 })
    #expect((evaluation["comparisons"] as? [Any])?.isEmpty == true)
  }

  @Test("A query without candidates is said on stderr and is no error")
  func withoutCandidates() throws {
    try indexed()
    let search = try run("search", "index", "--topics", "tiny", "--out", "all.run")
    #expect(search.code == 0)
    #expect(search.error == "gradus: 1 of 3 queries retrieved nothing: q3\n")
    let summary = try run("search", "index", "--topics", "tiny", "--out", "all.run", "--json").json()
    #expect(summary["without_candidates"] as? [String] == ["q3"])
    let evaluation = try run("evaluate", "tiny", "all.run", "--split", "train", "--json")
    #expect(evaluation.code == 65, "no query of the run is judged in train")
    let answer = try run("search", "index", "--query", "zeppelin")
    #expect(answer.code == 0)
    #expect(answer.output == "No answer: no document holds any of the terms zeppelin.\n")
    #expect(try run("search", "index", "--query", "the").output.hasPrefix("No answer: the query is empty"))
  }

  @Test("An answer shows rank, docno, score, source and the passage, without control sequences on a pipe")
  func answers() throws {
    try indexed()
    let output = try run("search", "index", "--query", "laminar flows", "-k", "1").output
    let lines = output.split(separator: "\n")
    #expect(lines[0].hasPrefix("1. d1  ") && lines[0].hasSuffix("  tiny"))
    #expect(lines[1] == "    Laminar flow")
    #expect(lines[2] == "    Heat transfer in laminar flow over a flat plate.")
    #expect(!output.contains("\u{1B}"))
    let json = try run("search", "index", "--query", "laminar flows", "--explain", "--json").json()
    let hit = try #require((json["documents"] as? [[String: Any]])?.first)
    let terms = try #require(hit["explanation"] as? [[String: Any]])
    let sum = terms.reduce(0) { $0 + ($1["contribution"] as? Double ?? 0) }
    #expect(abs(sum - (hit["score"] as? Double ?? 0)) < 1e-12)
  }

  @Test("A passage cannot steer the terminal")
  func controlCharacters() throws {
    try folder.write("d1\tred \u{1B}[31malert\u{7}\n", "evil.tsv")
    #expect(try run("index", "evil.tsv", "--out", "evil").code == 0)
    let output = try run("search", "evil", "--query", "alert").output
    #expect(output.contains("alert") && !output.contains("\u{1B}") && !output.contains("\u{7}"))
  }

  @Test("Threads and memory change no byte of index and run")
  func determinism() throws {
    var runs: [String] = []
    for (name, options) in [("a", ["--threads", "1"]), ("b", ["--threads", "2", "--memory", "1"])] {
      #expect(try Command.run(["index", "tiny", "--out", name] + options, in: folder).code == 0)
      let search = try Command.run(["search", name, "--topics", "tiny", "--threads", options[1]], in: folder)
      runs.append(search.output)
    }
    #expect(!runs[0].isEmpty && runs[0] == runs[1])
    for name in try folder.names("a") where name != "lock" { #expect(try folder.bytes("a/" + name) == folder.bytes("b/" + name)) }
  }

  @Test("Standard input and output, and gzip, work in every place")
  func streams() throws {
    let corpus = "1\tlaminar flow\n2\twings\n"
    #expect(try Command.run(["index", "-", "--out", "piped"], in: folder, input: corpus).code == 0)
    let search = try Command.run(["search", "piped", "--topics", "-"], in: folder, input: "t1\tlaminar\n")
    #expect(search.output.hasPrefix("t1 Q0 1 1 "))
    try folder.write("t1 0 1 1\n", "qrels")
    #expect(try Command.run(["evaluate", "qrels", "-"], in: folder, input: search.output).code == 0)
    let packed = try Command.run(["search", "piped", "--topics", "-", "--out", "run.gz"], in: folder, input: "t1\tlaminar\n")
    #expect(packed.code == 0)
    #expect(try folder.bytes("run.gz").starts(with: [0x1F, 0x8B]))
    #expect(try run("evaluate", "qrels", "run.gz").code == 0)
  }

  @Test("Runs are compared with the baseline, in text, JSON, LaTeX and HTML")
  func comparison() throws {
    try folder.write((1...20).map { "\($0) 0 a 1\n" }.joined(), "qrels")
    try folder.write((1...20).map { "\($0) Q0 a 1 2 x\n\($0) Q0 b 2 1 x\n" }.joined(), "good.run")
    try folder.write((1...20).map { "\($0) Q0 b 1 2 x\n" + ($0 % 3 == 0 ? "" : "\($0) Q0 a 2 1 x\n") }.joined(), "bad.run")
    let outcome = try run("evaluate", "qrels", "bad.run", "good.run", "-m", "RR", "--html", "page.html", "--json")
    let comparisons = try #require(try outcome.json()["comparisons"] as? [[String: Any]])
    #expect(comparisons.count == 1)
    #expect(comparisons[0]["baseline"] as? String == "bad.run")
    #expect(comparisons[0]["significant"] as? Bool == true)
    #expect(try folder.text("page.html").hasPrefix("<!DOCTYPE html>"))
    let turned = try run("evaluate", "qrels", "bad.run", "good.run", "-m", "RR", "--baseline", "good.run", "--json").json()
    #expect((turned["comparisons"] as? [[String: Any]])?[0]["run"] as? String == "bad.run")
    let text = try run("evaluate", "qrels", "bad.run", "good.run", "-m", "RR", "--test", "randomization")
    #expect(text.output.contains("Against bad: paired randomisation test, two-sided, p corrected over runs (holm)"))
    #expect(try run("evaluate", "qrels", "bad.run", "good.run", "--latex").output.contains("\\toprule"))
    #expect(try run("evaluate", "qrels", "good.run", "-m", "RR", "-q").output.contains("RR                    \t7\t1.0000\n"))
  }

  @Test("A judged query that the run lacks counts as zero, or is left out where that is asked for")
  func missingQueries() throws {
    try folder.write("1 0 a 1\n2 0 a 1\n", "qrels")
    try folder.write("1 Q0 a 1 2 x\n", "half.run")
    func mean(_ arguments: String...) throws -> Double? {
      let json = try Command.run(["evaluate", "qrels", "half.run", "-m", "RR", "--json"] + arguments, in: folder).json()
      let measures = (json["runs"] as? [[String: Any]])?[0]["measures"] as? [String: [String: Any]]
      return measures?["RR"]?["mean"] as? Double
    }
    #expect(try mean() == 0.5)
    #expect(try mean("--missing", "skip") == 1)
  }

  @Test("A corpus in another format is imported and found by name")
  func imports() throws {
    try folder.write("d1\theat transfer\n", "corpus.tsv")
    try folder.write("q1\theat\n", "topics.tsv")
    try folder.write("q1 0 d1 1\n", "qrels.txt")
    let outcome = try run("data", "import", "corpus.tsv", "--name", "mine", "--topics", "topics.tsv", "--qrels", "test=qrels.txt")
    #expect(outcome.code == 0, "\(outcome.error)")
    #expect(try run("index", "mine", "--out", "mine.index").code == 0)
    let shown = try run("data", "show", "mine", "--json").json()
    #expect(shown["documents"] as? Int == 1)
    let missing = try run("index", "mnie", "--out", "x")
    #expect(missing.code == 66)
    #expect(missing.error.contains("did you mean 'mine'?"))
  }

  @Test("All recipes run and end with a table; one that cannot run is named, and the others run")
  func reproduceAll() throws {
    func recipe(_ slug: String, _ study: String) -> String {
      """
      slug: \(slug)
      title: Title of \(slug)
      source: nobody
      claim: {text: It falls., measure: log10 test loss}
      test: t
      correction: holm
      experiments:
        - name: lines
          kind: study
          study: \(study)
          baseline: plain
          settings: {problems: 4, steps: 10}
          arms:
            - {name: plain}
            - {name: longer, claimed: true, settings: {learning-rates: "0.2"}}

      """
    }
    for slug in ["first", "second"] { try folder.write(recipe(slug, "linear-regression"), "Recipes/\(slug)/recipe.yaml") }
    let all = try run("reproduce", "--all", "--quick")
    #expect(all.code == 0, "\(all.error)")
    #expect(all.output.contains("It falls.") && all.output.hasPrefix("SYSTEM"))
    let rows = all.output.split(separator: "\n").filter { $0.contains("log10 test loss -") }
    #expect(rows.count == 2 && rows[0].hasPrefix("first") && rows[0].contains("[-") && rows[1].hasPrefix("second"))
    let json = try run("reproduce", "--all", "--quick", "--json")
    let results = try #require(JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]])
    #expect(results.map { $0["slug"] as? String } == ["first", "second"] && results[0]["verdict"] != nil)

    try folder.write(recipe("broken", "liner-regression"), "Recipes/broken/recipe.yaml")
    let some = try run("reproduce", "--all", "--quick")
    #expect(some.code == 65 && some.output.contains("broken") && some.output.contains("second"))
    #expect(some.error.contains("there is no 'liner-regression'"))
    // Data that is not here is no failure of the others.
    try folder.write(
      recipe("broken", "set-ranking").replacingOccurrences(of: "log10 test loss", with: "nDCG@10")
        .replacingOccurrences(of: "settings: {problems: 4, steps: 10}", with: "settings: {}")
        .replacingOccurrences(of: "learning-rates: \"0.2\"", with: "glimpses: 0"), "Recipes/broken/recipe.yaml")
    let partly = try run("reproduce", "--all", "--quick")
    #expect(partly.code == 0 && partly.output.contains("skipped"))
    #expect(partly.error.contains("broken: skipped: study set-ranking needs"))
    for wrong in [["reproduce"], ["reproduce", "first", "--all"], ["reproduce", "--all", "--out", "x"]] {
      #expect(try Command.run(wrong, in: folder).code == 2)
    }
    #expect(try run("reproduce", "frst").error.contains("did you mean 'first'"))
  }
}
