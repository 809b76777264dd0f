import Foundation
import Testing

@Suite("Changing an index", .enabled(if: Command.isBuilt, Comment(rawValue: Command.skipNotice)))
struct IndexChangeTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try write("one.tsv", "1\tHeat transfer in laminar flow\n2\tSupersonic wings\n3\tHeated wings\n")
    let outcome = try Command.run(["index", "one.tsv", "--out", "index"], in: folder)
    try #require(outcome.code == 0, "\(outcome.error)")
  }

  private func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder.path(name)))
  }

  private func index(_ arguments: String...) throws -> Command.Outcome {
    try Command.run(["index", "--out", "index"] + arguments, in: folder)
  }

  private func answers(_ query: String, in index: String = "index") throws -> String {
    try Command.run(["search", index, "--query", query, "--explain"], in: folder).output
  }

  @Test("Adding, replacing, deleting and merging give the answers of an index that is built anew")
  func changes() throws {
    try write("two.tsv", "4\tTurbulent flow\n5\tWings in heated air\n")
    #expect(try index("two.tsv", "--add").code == 0)
    try write("three.tsv", "1\tCold flow\n6\tWings again\n")
    let update = try index("three.tsv", "--update", "--json").json()
    #expect(update["added"] as? Int == 1 && update["updated"] as? Int == 1 && update["documents"] as? Int == 6)
    #expect(update["segments"] as? Int == 3)
    try write("gone.txt", "2\n5\n\n")
    let outcome = try index("--delete", "gone.txt")
    #expect(outcome.output.hasPrefix("index: 2 deleted; 4 documents in "), "\(outcome.output)")
    try write("once.tsv", "3\tHeated wings\n4\tTurbulent flow\n1\tCold flow\n6\tWings again\n")
    #expect(try Command.run(["index", "once.tsv", "--out", "once"], in: folder).code == 0)
    for query in ["heated wings", "flow", "supersonic heat"] { #expect(try answers(query) == answers(query, in: "once")) }
    #expect(try index("--merge", "--json").json()["segments"] as? Int == 1)
    for query in ["heated wings", "flow"] { #expect(try answers(query) == answers(query, in: "once")) }
    #expect(try Command.run(["validate", "index"], in: folder).code == 0)
  }

  @Test("Documents put in another order, at once or by a merge: the same answers, and what it saved")
  func reordering() throws {
    // Every other document is about heat, those between about wings.
    let lines = (0..<60).map { "\($0)\t" + ($0 % 2 == 0 ? "heat flow \($0 % 7)" : "wings air \($0 % 7)") + "\n" }
    try write("many.tsv", lines.joined() + "60\theat\n")
    #expect(try Command.run(["index", "many.tsv", "--out", "plain"], in: folder).code == 0)
    let built = try Command.run(["index", "many.tsv", "--out", "better", "--reorder", "--json"], in: folder).json()
    let report = try #require(built["reordering"] as? [String: Any])
    #expect(report["bits_per_gap_before"] as? Double != nil && report["bits_per_gap_after"] as? Double != nil)
    let text = try Command.run(["index", "--merge", "--reorder", "--out", "better"], in: folder)
    #expect(text.code == 0 && text.output.contains("documents reordered in "), "\(text.error)")
    for query in ["heat 3", "wings air", "heat wings 5"] {
      #expect(try answers(query, in: "better") == answers(query, in: "plain"))
    }
    #expect(try Command.run(["validate", "better"], in: folder).code == 0)
  }

  @Test("Mistakes change nothing and say what is wrong, with the exit code of their kind")
  func mistakes() throws {
    let before = try answers("wings heat")
    try write("twice.tsv", "7\tx\n8\ty\n7\tz\n")
    try write("known.tsv", "9\tx\n2\ty\n")
    try write("missing.txt", "1\nx9\n")
    for (arguments, code, text) in [
      (["twice.tsv", "--add"], 65, "twice.tsv:3"), (["twice.tsv", "--update"], 65, "twice.tsv:3"),
      (["known.tsv", "--add"], 65, "document '2' is in the index already"),
      (["--delete", "missing.txt"], 65, "missing.txt:2: no document 'x9'"), (["--delete", "none.txt"], 66, "none.txt"),
      (["known.tsv", "--add", "--update"], 2, "not both"),
      (["known.tsv", "--update", "--analyzer", "german"], 2, "--analyzer german"),
      (["known.tsv", "--update", "--positions"], 2, "--positions"),
      (["known.tsv", "--update", "--columns", "a:date"], 2, "--columns"),
      (["known.tsv", "--delete", "missing.txt"], 2, "--add or --update"),
      (["known.tsv", "--update", "--reorder"], 2, "it needs --merge"),
      (["none.ciff", "--reorder"], 2, "gradus index --merge --reorder --out index"),
    ] as [([String], Int32, String)] {
      let outcome = try Command.run(["index", "--out", "index"] + arguments, in: folder)
      #expect(outcome.code == code && outcome.error.contains(text), "\(arguments): \(outcome.code) \(outcome.error)")
      #expect(try answers("wings heat") == before)
    }
    let none = try Command.run(["index", "known.tsv", "--add", "--out", "nowhere"], in: folder)
    #expect(none.code == 66, "\(none.error)")
    #expect(try Command.run(["index", "--merge", "--out", "."], in: folder).code == 65)
  }

  @Test(
    "Writers that are killed at any moment leave the last commit, and the next one takes over",
    .enabled(if: ProcessInfo.processInfo.environment["GRADUS_SLOW_TESTS"] != nil, "takes a minute: set GRADUS_SLOW_TESTS"))
  func killed() throws {
    let lines = (10..<6000).map { "d\($0)\tnumber\($0) and some words about heat \($0 % 977) \($0 % 613)\n" }
    try write("many.tsv", lines.joined())
    var documents: Set<Int> = [3]
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<40 {
      let process = Command.process(
        Command.path ?? "", ["index", "many.tsv", "--out", "index", "--update", "--memory", "1"], in: folder)
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      usleep(UInt32.random(in: 1000...400_000, using: &generator))
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      let checked = try Command.run(["validate", "index", "--json"], in: folder)
      #expect(checked.code == 0, "\(checked.output) \(checked.error)")
      let count = try index("--merge", "--json").json()["documents"] as? Int ?? -1
      #expect(count == 3 || count == 3 + lines.count, "all of the update or nothing of it: \(count)")
      documents.insert(count)
      if count > 3 {
        // Back to the beginning, so that both outcomes can come again.
        try write("all.txt", (10..<6000).map { "d\($0)\n" }.joined())
        #expect(try index("--delete", "all.txt").code == 0)
      }
    }
    #expect(documents.count == 2, "the moments must lie on both sides of the commit: \(documents)")
  }
}
