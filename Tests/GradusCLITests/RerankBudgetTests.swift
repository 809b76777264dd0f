import Foundation
import GradusCore
import GradusModels
import GradusText
import Testing

@Suite("Re-ranking under a budget", .enabled(if: Command.isBuilt, Comment(rawValue: Command.skipNotice)))
struct RerankBudgetTests {
  let folder: TemporaryFolder
  private static let words = (0..<20).map { "word\($0)" }

  init() throws {
    folder = try TemporaryFolder()
    try writeModel("plain", seed: 1)
    try writeModel("small", seed: 2)
    try writeModel("joined", seed: 1, joinLayer: 1)
    try writeModel("other", seed: 9, joinLayer: 1)
    let documents = (0..<12).map { "{\"_id\": \"d\($0)\", \"text\": \"\(Self.words[$0]) \(Self.words[$0 + 3])\"}" }
    try folder.write(documents.joined(separator: "\n") + "\n", "corpus.jsonl")
    try folder.write("{\"_id\": \"q1\", \"text\": \"word1 word2\"}\n{\"_id\": \"q2\", \"text\": \"word9\"}\n", "topics.jsonl")
    let run = ["q1", "q2"].flatMap { qid in (0..<12).map { "\(qid) Q0 d\($0) \($0 + 1) \(20 - $0) first" } }
    try folder.write(run.joined(separator: "\n") + "\n", "first.run")
  }

  /// A randomly initialised cross-encoder of two layers.
  private func writeModel(_ name: String, seed: UInt64, joinLayer: Int = 0, hasExit: Bool = false) throws {
    let pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + Self.words
    try folder.write(pieces.joined(separator: "\n") + "\n", "vocabulary/vocab.txt")
    let vocabulary = ModelFolder(path: folder.path("vocabulary"))
    var generator = SeededGenerator(seed: seed)
    let configuration = BertConfiguration(
      vocabularySize: pieces.count, hiddenSize: 32, intermediateSize: 64, layerCount: 2, headCount: 2, maximumPositions: 64,
      initializerRange: 0.2)
    var scorer = CrossEncoder(
      encoder: BertEncoder(configuration, using: &generator), tokenizer: try vocabulary.tokenizer(),
      limits: TokenLimits(maximumTokens: 32, maximumQueryTokens: 8), seed: seed)
    let manifest = ModelManifest(architecture: .crossEncoder, base: "none", baseDigest: "", seed: seed)
    if hasExit {
      // Relevant is what the exit itself scores higher, so that it is sure of about half.
      let pairs = Self.words.map {
        ScoringPair(query: Query(qid: "q", text: "word1 word2"), document: Document(docno: $0, text: $0 + " word5"))
      }
      scorer = try scorer.withExits(at: [1], seed: seed)
      let scores = try scorer.exitLogits(pairs).map { $0[0] }
      let middle = scores.sorted()[scores.count / 2]
      scorer = try scorer.calibratingExits(on: pairs, isRelevant: scores.map { $0 > middle })
    }
    try RankingModel(scorer: try scorer.joined(at: joinLayer), manifest: manifest)
      .save(to: folder.path(name), tokenizerOf: vocabulary)
  }

  private func rerank(_ model: String, _ more: String...) throws -> Command.Outcome {
    try Command.run(
      ["rerank", "first.run", "--topics", "topics.jsonl", "--corpus", "corpus.jsonl", "--model", model, "--precision", "fp32",
        "--out", "out.run"] + more, in: folder)
  }

  private func docnos() throws -> [String] {
    try folder.text("out.run").split(separator: "\n").map { line in
      let fields = line.split(separator: " ")
      return "\(fields[0]) \(fields[2])"
    }
  }

  private let first = ["q1", "q2"].flatMap { qid in (0..<12).map { "\(qid) d\($0)" } }

  @Test("A budget that suffices changes no byte of the run; a budget of nothing leaves the first stage's order")
  func limits() throws {
    #expect(try rerank("plain").code == 0)
    let whole = try folder.text("out.run")
    #expect(try docnos() != first)
    for budget in [["--budget-ms", "60000"], ["--budget-tokens", "100000"], ["--cascade", "small:12"]] {
      #expect(try rerank("plain", budget[0], budget[1]).code == 0)
      #expect(try folder.text("out.run") == whole, "\(budget)")
    }
    for budget in ["--budget-ms", "--budget-tokens"] {
      let outcome = try rerank("plain", budget, "0")
      #expect(outcome.code == 0 && outcome.error.contains("2 queries ended by the budget"), "\(outcome.error)")
      #expect(try docnos() == first)
    }
  }

  @Test("What was done is said for each query: stages, precision, tokens, time and why it ended")
  func report() throws {
    // A pair has 3 special tokens, the query's 2 or 1 and the document's 2: 7 or 6.
    let report = try rerank("plain", "--cascade", "small:3", "--budget-tokens", "60", "--json").json()
    #expect(report["budget_tokens"] as? Int == 60 && report["cascade"] as? [String] == ["small", "plain"])
    let queries = try #require(report["per_query"] as? [[String: Any]])
    #expect(queries.map { $0["qid"] as? String } == ["q1", "q2"])
    // Half of the 60 are 4 candidates of 7 or 5 of 6; what is left suffices for the 3 that are passed on.
    for (query, tokens, count) in [(queries[0], 7, 4), (queries[1], 6, 5)] {
      let stages = try #require(query["stages"] as? [[String: Any]])
      #expect(stages.map { $0["model"] as? String } == ["small", "plain"])
      #expect(stages.map { $0["precision"] as? String } == ["fp32", "fp32"])
      #expect(stages.map { $0["offered"] as? Int } == [12, 3] && stages.map { $0["rescored"] as? Int } == [count, 3])
      #expect(stages.map { $0["tokens"] as? Int } == [count * tokens, 3 * tokens])
      #expect(query["end"] as? String == "tokens" && query["ms"] is Double)
    }
    #expect((report["time"] as? [String: Double])?.keys.sorted() == ["longest_ms", "p50_ms", "p99_ms"])
    let text = try rerank("plain", "--budget-ms", "60000").error
    #expect(text.contains("budget 60000.0 ms a query; a query: 12.0 by plain (fp32), median "), "\(text)")
    #expect(text.split(separator: "\n").count == 1)
    #expect(text.contains("; 0 queries ended by the budget"))
  }

  @Test("Early exits: a threshold of nothing changes no byte, one of everything ends at the exit, and what left is counted")
  func earlyExits() throws {
    try writeModel("exiting", seed: 1, hasExit: true)
    #expect(try rerank("exiting").code == 0)
    let whole = try folder.text("out.run")
    var outcome = try rerank("exiting", "--early-exit", "0")
    #expect(outcome.code == 0 && outcome.error.contains("; left early: none, 24 read to the end"), "\(outcome.error)")
    #expect(try folder.text("out.run") == whole)
    outcome = try rerank("exiting", "--early-exit", "1", "--budget-tokens", "60")
    #expect(outcome.error.contains("after layer 1 (not relevant), 0 read to the end"), "\(outcome.error)")
    let report = try rerank("exiting", "--early-exit", "0.5", "--json").json()
    let exits = try #require(report["early_exits"] as? [[String: Any]])
    #expect(exits.count == 1 && exits[0]["layer"] as? Int == 1 && exits[0]["relevant"] as? Bool == false)
    #expect((1..<24).contains(exits[0]["candidates"] as? Int ?? 0))
    #expect(try rerank("exiting", "--json").json()["early_exits"] == nil)
    let plain = try rerank("plain", "--early-exit", "0.1")
    #expect(plain.code == 2 && plain.error.contains("--exits"), "\(plain.error)")
    // Stored weights have no layers either.
    let stored = try rerank("tildev2:nowhere", "--early-exit", "0.1")
    #expect(stored.code == 2 && stored.error.contains("--exits"), "\(stored.error)")
    #expect(try rerank("exiting", "--early-exit", "0.9", "--early-exit-relevant", "0.8").code == 2)
    #expect(try rerank("exiting", "--early-exit", "0.1", "--passages", "max").code == 2)
  }

  @Test("States of documents are computed once and then read; another model's are refused")
  func documentStates() throws {
    #expect(try rerank("joined").code == 0)
    let whole = try folder.text("out.run")
    for _ in 0..<2 {
      let outcome = try rerank("joined", "--document-states", "d.states", "--state-storage", "fp32")
      #expect(outcome.code == 0, "\(outcome.error)")
      #expect(try folder.text("out.run") == whole)
    }
    let refused = try rerank("other", "--document-states", "d.states")
    #expect(refused.code == 65 && refused.error.contains("d.states: computed by another model"), "\(refused.error)")
    let plain = try rerank("plain", "--document-states", "d.states")
    #expect(plain.code == 2 && plain.error.contains("--join-layer"), "\(plain.error)")
  }
}
