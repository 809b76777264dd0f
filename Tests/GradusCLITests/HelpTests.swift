import Foundation
import Testing

@Suite("Help and usage", .enabled(if: Command.isBuilt, Comment(rawValue: Command.skipNotice)))
struct HelpTests {
  static let commands = [
    "", "doctor", "data", "data list", "data show", "data build", "data import", "data pull", "models", "models list",
    "models show", "models pull", "index", "export", "search", "dense", "anncur", "evaluate", "validate", "bench",
    "sparse", "sparse index", "sparse train",
    "bench search", "bench encode", "bench train", "bench generate", "bench tokenize", "bench kernels", "bench vectors",
    "bench losses", "bench maxsim", "bench weightings", "bench output-layer", "curriculum explain", "systems",
    "generate", "fuse", "pipeline", "rerank", "train", "reproduce", "report",
    "ltr", "ltr train", "ltr predict", "pretrain",
  ]

  @Test("Every subcommand explains itself and shows an example", arguments: commands)
  func helpIsThere(command: String) throws {
    let words = command.split(separator: " ").map(String.init)
    let outcome = try Command.run(words + ["--help"], in: TemporaryFolder())
    #expect(outcome.code == 0)
    #expect(outcome.error.isEmpty)
    #expect(outcome.output.contains("USAGE: \((["gradus"] + words).joined(separator: " "))"))
    let isListing = command.hasSuffix("list")
    #expect(isListing || outcome.output.contains("  gradus ") || outcome.output.contains("Example: gradus "))
    // The parser does not wrap its summary of the options.
    for line in outcome.output.split(separator: "\n") where !line.hasPrefix("USAGE:") {
      #expect(line.count <= 100, "too long: \(line)")
    }
  }

  @Test(
    "Examples that need no network work when pasted",
    arguments: ["index", "evaluate", "validate", "data import", "systems", "fuse", "pipeline"])
  func examplesWork(command: String) throws {
    let folder = try TemporaryFolder()
    let words = command.split(separator: " ").map(String.init)
    let help = try Command.run(words + ["--help"], in: folder).output
    let examples = help.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
      .filter { $0.hasPrefix("gradus ") || $0.hasPrefix("printf ") }
    #expect(examples.count >= 2)
    for example in examples {
      let outcome = try Command.shell(example, in: folder)
      // The example of `validate` shows what a problem looks like.
      #expect(outcome.code == (example.hasPrefix("gradus validate") ? 65 : 0), "\(example): \(outcome.error)")
    }
  }

  @Test("The help of a subcommand as a whole")
  func snapshot() throws {
    let outcome = try Command.run(["validate", "--help"], in: TemporaryFolder())
    #expect(
      outcome.output == #"""
        OVERVIEW: Check files and folders of any known format.

        The kind is told by the content where --kind does not say. The first problem of each file is
        printed with its line; the exit code is then 65.

          printf '1 Q0 a 1 9.5 x\n1 Q0 a 2 8.0 x\n' > twice.run
          gradus validate twice.run

        A folder is an index, a model, or a collection (its corpus, queries and judgements are checked,
        also against each other).

        USAGE: gradus validate <file> ... [--kind <kind>] [--json]

        ARGUMENTS:
          <file>                  Files or folders.

        OPTIONS:
          --kind <kind>           What the files are. (values: run, qrels, topics, corpus, collection,
                                  features, safetensors, index, model, state-dict)
          --json                  Print one JSON object instead of text.
          --version               Show the version.
          -h, --help              Show help information.


        """#)
  }

  @Test("The version is one line")
  func version() throws {
    let outcome = try Command.run(["--version"], in: TemporaryFolder())
    #expect(outcome.code == 0)
    #expect(outcome.output == "gradus 0.1.0\n")
  }

  @Test(
    "Usage errors end with 2 and say what would have been right",
    arguments: [
      (["serch"], "did you mean 'search'?"),
      (["index", "--out", "i"], "Missing expected argument '<corpus>'"),
      (["index", "a.tsv", "--out", "i", "--merge"], "say --add or --update"),
      (["index", "a.tsv", "--out", "i", "--columns", "year"], "'year' is no column"),
      (["search", "i", "--query", "a", "--feedback", "rm3", "--syntax", "boolean"], "--feedback goes with --syntax words"),
      (["index", "a.tsv", "--out", "i", "--thread", "2"], "--threads"),
      (["index", "a.tsv", "--out", "i", "--threads", "0"], "at least 1"),
      (["index", "a.tsv", "--out", "i", "--analyzer", "klingon"], "unknown language 'klingon'"),
      (["search", "i"], "--query TEXT or --topics FILE"),
      (["search", "i", "--query", "a", "--topics", "b"], "--query TEXT or --topics FILE"),
      (["search", "i", "--query", "a", "--model", "bm25(k=1)"], "did you mean 'k1'?"),
      (["search", "i", "--query", "a", "--model", "bm52"], "did you mean 'bm25'?"),
      (["search", "i", "--topics", "a", "--tag", "two words"], "--tag"),
      (["dense", "a.tsv", "--topics", "q", "-k", "0"], "-k must be at least 1"),
      (["dense", "a.tsv", "--topics", "q", "--json"], "--out FILE"),
      (["dense", "-", "--topics", "-"], "cannot both be standard input"),
      (["dense", "a.tsv"], "--topics FILE to search or --index DIR"),
      (["dense", "a.tsv", "--index", "i", "--split", "test"], "--split goes with --topics"),
      (["dense", "a.tsv", "--index", "i", "--M", "1"], "--M must be between 2 and 256"),
      (["dense", "a.tsv", "--index", "i", "--add", "--delete"], "one of --add, --replace and --delete"),
      (["dense", "a.tsv", "--index", "i", "--compact"], "--compact goes with --add"),
      (["dense", "a.tsv", "--index", "i", "--late-interaction", "--nbits", "3"], "--nbits must be 1, 2 or 4"),
      (["dense", "a.tsv", "--index", "i", "--late-interaction", "--add", "--nbits", "2"], "of a new one"),
      (["search", "i", "--query", "a", "--nprobe", "0"], "--nprobe must be at least 1"),
      (["search", "i", "--query", "a", "--centroid-threshold", "2"], "a cosine from -1 to 1"),
      (
        ["anncur", "a", "--model", "m", "--anchor-queries", "q", "--topics", "q", "--budget", "9", "--anchor-items", "9"],
        "used up"
      ),
      (["search", "i", "--query", "a", "--efSearch", "0"], "--efSearch must be at least 1"),
      (["bench", "vectors", "a.npy"], "--queries FILE or --export FILE"),
      (["bench", "vectors", "a.npy", "--queries", "q.npy", "--allowed", "0"], "a list of shares above 0"),
      (["evaluate", "q", "r", "-m", "nDGC@10"], "did you mean 'nDCG'?"),
      (["evaluate", "q", "r", "--test", "z"], "--test"),
      (["evaluate", "q", "r", "--json", "--latex"], "either --json or --latex"),
      (["models", "show", "minilm-16"], "did you mean 'minilm-l6'?"),
      (["data", "build", "wikipedia"], "'faq' is the only"),
      (["rerank", "r", "--topics", "q", "--corpus", "a.tsv", "--model", "m", "--passages", "best"],
       "first, max, sum, avg or top:N"),
      (["rerank", "r", "--topics", "q", "--corpus", "a.tsv", "--model", "m", "--stride", "3"],
       "need --passages"),
      (["rerank", "r", "--topics", "q", "--corpus", "a.tsv", "--model", "m", "--passages", "max",
        "--window", "10", "--stride", "11"],
       "from 1 to the window's 10 words"),
      (["rerank", "r", "--topics", "q", "--corpus", "a.tsv", "--model", "m", "--budget-ms", "-1"], "--budget-ms"),
      (["rerank", "r", "--topics", "q", "--corpus", "a.tsv", "--model", "m", "--budget-ms=nan"], "--budget-ms"),
      (["rerank", "r", "--topics", "q", "--corpus", "a.tsv", "--model", "m", "--budget-tokens=-5"], "at least 0, found -5"),
      (["rerank", "r", "--topics", "q", "--corpus", "a.tsv", "--model", "m", "--budget-ms", "1", "--budget-tokens", "1"],
       "either --budget-ms or --budget-tokens"),
      (["rerank", "r", "--topics", "q", "--corpus", "a.tsv", "--model", "m", "--cascade", "small:0"], "expected MODEL:N"),
      (["rerank", "r", "--topics", "q", "--corpus", "a.tsv", "--model", "m", "--cascade", "small:9,"], "expected MODEL:N"),
      (["rerank", "r", "--topics", "q", "--corpus", "a.tsv", "--model", "m", "--state-storage", "fp32"],
       "needs --document-states"),
      (["rerank", "r", "--topics", "q", "--corpus", "a.tsv", "--model", "m", "--passages", "max",
        "--document-states", "s"],
       "of whole documents"),
      (["fuse", "r", "--method", "rff"], "did you mean 'rrf'?"),
      (["fuse", "r", "--norm", "min-max"], "reads ranks, not scores"),
      (["fuse", "r", "--weights", "1 2"], "expected one weight for each of 1 runs, found 2"),
      (["fuse", "r", "--method", "bayesfuse"], "give them with --tune"),
      (["fuse", "r", "--measure", "RR"], "--measure goes with --tune"),
      (["fuse", "r", "--tune", "q", "--weights", "1"], "either --weights or --tune"),
      (["fuse", "r", "--method", "isr", "--tune", "q"], "isr has no parameters to tune"),
      (["fuse", "r", "--json"], "--out FILE"),
      (["pipeline", "p"], "nothing to do"),
      (["pipeline", "p", "--query", "a", "--topics", "b"], "either --topics FILE or --query TEXT"),
      (["pipeline", "p", "--topics", "b", "--print"], "only one thing can go to standard output"),
      (["bench", "encode", "--model", "minilm-l6", "--precision", "int4"], "int4"),
      (["bench", "train", "--model", "minilm-l6", "--precision", "fp23"], "invalid"),
      (["bench", "generate", "--model", "m", "--arithmetic", "int9"], "int8 and bfloat16 are known"),
      (["bench", "tokenize", "a.tsv", "--model", "m", "--repeats", "4"], "at least 5, found 4"),
      (["bench", "tokenize", "a.tsv", "--model", "m", "--ids", "-"], "--ids needs a file"),
      (["bench", "kernels", "--only", "warp drive"], "no kernel's name has 'warp drive'"),
      (["bench", "kernels", "--milliseconds", "0"], "at least 1, found 0"),
    ] as [([String], String)])
  func usage(arguments: [String], message: String) throws {
    let folder = try TemporaryFolder()
    try folder.write("1\tone\n", "a.tsv")
    try folder.write("1 0 a 1\n", "q")
    try folder.write("1 Q0 a 1 1 x\n", "r")
    let outcome = try Command.run(arguments, in: folder)
    #expect(outcome.code == 2, "\(outcome.error)")
    #expect(outcome.output.isEmpty)
    #expect(outcome.error.contains(message), "\(outcome.error)")
  }

  @Test("The systems are 62, with the keys that scripts rely on")
  func systems() throws {
    let outcome = try Command.run(["systems", "--json"], in: TemporaryFolder())
    let systems = try #require(try outcome.json()["systems"] as? [[String: Any]])
    #expect(systems.count == 62)
    #expect(Set(systems.compactMap { $0["slug"] as? String }).count == 62)
    for system in systems {
      #expect(["none", "built", "shown", "not shown"].contains(system["state"] as? String ?? ""))
      #expect(system["figure"] != nil && system["date"] != nil)
    }
    #expect(systems.first { $0["slug"] as? String == "curricula" }?["state"] as? String == "built")
  }

  @Test("A recipe's result decides the state of its system")
  func recipeResult() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      #"{"verdict": "not shown", "figure": "+0.001 nDCG@10", "date": "2024-02-03"}"#, "Recipes/curricula/result.json")
    let systems = try #require(
      try Command.run(["systems", "--json"], in: folder).json()["systems"] as? [[String: Any]])
    let curricula = try #require(systems.first { $0["slug"] as? String == "curricula" })
    #expect(curricula["state"] as? String == "not shown")
    #expect(curricula["figure"] as? String == "+0.001 nDCG@10")
    #expect(curricula["date"] as? String == "2024-02-03")
    #expect(curricula["experiments"] is NSNull && curricula["experiments_shown"] is NSNull)
    // Each experiment has a claim of its own, and one that is shown does not speak for the others.
    let experiments = ["not shown at this size", "shown", "direction as claimed, inside the noise"]
      .map { #"{"conclusion": "\#($0)"}"# }.joined(separator: ", ")
    try folder.write(
      #"{"verdict": "shown", "figure": "a, b", "date": "2024-02-03", "experiments": [\#(experiments)]}"#,
      "Recipes/curricula/result.json")
    let table = try Command.run(["systems"], in: folder).output
    let line = try #require(table.split(separator: "\n").first { $0.hasPrefix("curricula ") })
    #expect(line.contains("  shown (1 of 3)  "))
    try folder.write("{}", "Recipes/curricula/result.json")
    #expect(try Command.run(["systems"], in: folder).code == 65)
  }

  @Test("The doctor finds the core working and says what is missing")
  func doctor() throws {
    let outcome = try Command.run(["doctor", "--json"], in: TemporaryFolder())
    #expect(outcome.code == 0)
    let findings = try outcome.json()
    #expect(findings["core_works"] as? Bool == true)
    let remedies = try #require(findings["remedies"] as? [String])
    #expect(remedies.contains { $0.contains("gradus data build faq") })
    #expect(remedies.contains { $0.contains("gradus models pull minilm-l6") })
  }
}
