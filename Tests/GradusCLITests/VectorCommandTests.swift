import Foundation
import GradusCore
import GradusFormats
import GradusModels
import GradusText
import Testing

@Suite("Vector indexes from the command line", .enabled(if: Command.isBuilt, Comment(rawValue: Command.skipNotice)))
struct VectorCommandTests {
  let folder: TemporaryFolder
  private static let words = (0..<24).map { "word\($0)" }
  private static let count = 20

  init() throws {
    folder = try TemporaryFolder()
    try writeModels()
    let documents = (0..<Self.count).map(Self.document)
    try folder.write(documents.joined(separator: "\n") + "\n", "corpus.jsonl")
    try folder.write(
      "{\"_id\": \"q1\", \"text\": \"word1 word2\"}\n{\"_id\": \"q2\", \"text\": \"word9 word3\"}\n", "topics.jsonl")
    let run = ["q1", "q2"].flatMap { qid in (0..<Self.count).map { "\(qid) Q0 d\($0) \($0 + 1) \(40 - $0) first" } }
    try folder.write(run.joined(separator: "\n") + "\n", "first.run")
    try folder.write("{\"_id\": \"d0\", \"text\": \"word1\", \"metadata\": {\"year\": \"late\"}}\n", "bad.jsonl")
  }

  private static func document(_ number: Int) -> String {
    let text = "\(words[number % 20]) \(words[(number + 3) % 20]) \(words[(number * 7) % 20])"
    return "{\"_id\": \"d\(number)\", \"text\": \"\(text)\", \"metadata\": {\"year\": \"\(1990 + number)\"}}"
  }

  /// Randomly initialised models of two layers: two encoders and a cross-encoder.
  private func writeModels() throws {
    let pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + Self.words
    try folder.write(pieces.joined(separator: "\n") + "\n", "vocabulary/vocab.txt")
    let vocabulary = ModelFolder(path: folder.path("vocabulary"))
    let configuration = BertConfiguration(
      vocabularySize: pieces.count, hiddenSize: 32, intermediateSize: 64, layerCount: 2, headCount: 2, maximumPositions: 64,
      initializerRange: 0.2)
    func encoder(_ seed: UInt64) -> BertEncoder {
      var generator = SeededGenerator(seed: seed)
      return BertEncoder(configuration, using: &generator)
    }
    for (name, seed) in [("encoder", 1), ("another", 2)] as [(String, UInt64)] {
      let scorer = BiEncoder(encoder: encoder(seed), tokenizer: try vocabulary.tokenizer())
      try RankingModel(
        scorer: scorer, manifest: ModelManifest(architecture: .biEncoder, base: "none", baseDigest: "", seed: seed)
      ).save(to: folder.path(name), tokenizerOf: vocabulary)
    }
    let scorer = CrossEncoder(
      encoder: encoder(3), tokenizer: try vocabulary.tokenizer(),
      limits: TokenLimits(maximumTokens: 32, maximumQueryTokens: 8), seed: 3)
    try RankingModel(
      scorer: scorer, manifest: ModelManifest(architecture: .crossEncoder, base: "none", baseDigest: "", seed: 3)
    ).save(to: folder.path("ranker"), tokenizerOf: vocabulary)
  }

  private func run(_ arguments: String...) throws -> Command.Outcome { try Command.run(arguments, in: folder) }

  /// Runs what must work.
  @discardableResult
  private func done(_ arguments: String...) throws -> Command.Outcome {
    let outcome = try Command.run(arguments, in: folder)
    try #require(outcome.code == 0, "\(arguments.joined(separator: " ")): \(outcome.error)")
    return outcome
  }

  private func refused(_ code: Int32, _ text: String, _ arguments: String...) throws {
    let outcome = try Command.run(arguments, in: folder)
    #expect(outcome.code == code && outcome.error.contains(text), "\(arguments.joined(separator: " ")): \(outcome.error)")
  }

  private struct Lines: Equatable {
    /// `qid docno`
    let names: [String]
    let scores: [Double]
  }

  private func read(_ name: String) throws -> Lines {
    let fields = try folder.text(name).split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    return Lines(names: fields.map { $0[0] + " " + $0[2] }, scores: fields.map { Double($0[4]) ?? .nan })
  }

  private func dense(_ index: String = "idx") throws {
    try done("dense", "corpus.jsonl", "--index", index, "--model", "encoder", "--precision", "fp32")
  }

  @Test("A vector index grows, is replaced in parts and shrinks; other encoders and unknown names are refused")
  func changes() throws {
    try dense()
    try folder.write(Self.document(20) + "\n" + Self.document(21) + "\n", "more.jsonl")
    let report = try done("dense", "more.jsonl", "--index", "idx", "--add", "--precision", "fp32", "--json").json()
    #expect(report["documents"] as? Int == 2 && report["total"] as? Int == 22)
    try refused(65, "'d20' is in the index already", "dense", "more.jsonl", "--index", "idx", "--add", "--precision", "fp32")
    try refused(2, "use the encoder of the index", "dense", "more.jsonl", "--index", "idx", "--add", "--model", "another")
    try folder.write("{\"_id\": \"d20\", \"text\": \"word1 word2\"}\n{\"_id\": \"d30\", \"text\": \"word5\"}\n", "new.jsonl")
    let replaced = try done("dense", "new.jsonl", "--index", "idx", "--replace", "--precision", "fp32", "--json").json()
    #expect(replaced["replaced"] as? Int == 1 && replaced["total"] as? Int == 23)
    let answer = try done("search", "idx", "--query", "word1 word2", "-k", "1", "--json").json()
    let documents = try #require(answer["documents"] as? [[String: Any]])
    #expect(documents.map { $0["docno"] as? String } == ["d20"] && documents[0]["text"] as? String == "word1 word2")

    try folder.write("d20\n\nd3\n", "gone.txt")
    try folder.write("d5\nnobody\n", "wrong.txt")
    try refused(66, "no document 'nobody'", "dense", "wrong.txt", "--index", "idx", "--delete")
    let deleted = try done("dense", "gone.txt", "--index", "idx", "--delete", "--json").json()
    #expect(deleted["deleted"] as? Int == 2 && deleted["total"] as? Int == 21 && deleted["deleted_in_files"] as? Int == 3)
    try done("search", "idx", "--topics", "topics.jsonl", "-k", "50", "--out", "left.run")
    let names = try read("left.run").names
    #expect(names.count == 42 && names.contains("q1 d5") && !names.contains("q1 d3") && !names.contains("q1 d20"))
    try folder.write("d30\n", "last.txt")
    let compacted = try done("dense", "last.txt", "--index", "idx", "--delete", "--compact", "--json").json()
    #expect(compacted["deleted_in_files"] as? Int == 0 && compacted["total"] as? Int == 20)
    try done("search", "idx", "--topics", "topics.jsonl", "-k", "50", "--out", "compact.run")
    #expect(try read("compact.run").names == names.filter { !$0.hasSuffix(" d30") })
    try refused(66, "nowhere", "dense", "more.jsonl", "--index", "nowhere", "--add")
    try refused(2, "go with --index", "dense", "more.jsonl", "--topics", "topics.jsonl", "--add")
  }

  @Test("Feedback and filters of a vector index; a missing folder is named whatever the options")
  func searches() throws {
    try dense()
    func names(_ more: String...) throws -> [String] {
      let arguments = ["search", "idx", "--topics", "topics.jsonl", "-k", "5", "--out", "found.run"] + more
      let outcome = try Command.run(arguments, in: folder)
      try #require(outcome.code == 0, "\(outcome.error)")
      return try read("found.run").names
    }
    let plain = try names()
    #expect(try names("--feedback", "rocchio(alpha=1,beta=0)") == plain)
    #expect(try names("--feedback", "average(docs=2)") == names("--vector-feedback", "2"))
    let first = plain.filter { $0.hasPrefix("q1") }[0]
    #expect(try names("--feedback", "rocchio(docs=1,alpha=0,beta=1)").first == first)
    #expect(try names("--feedback", "ance-prf(docs=2)").count == 10)
    #expect(try Set(names("--filter", "year>=2006")) == Set(["q1", "q2"].flatMap { q in (16...19).map { "\(q) d\($0)" } }))
    #expect(try Set(names("--filter", "year=1995", "--feedback", "average")) == ["q1 d5", "q2 d5"])
    let search = ["search", "idx", "--query", "word1"]
    try refused(2, "unknown model 'rm3'", search[0], search[1], search[2], search[3], "--feedback", "rm3")
    try refused(2, "give one of them", "search", "idx", "--query", "a", "--feedback", "average", "--vector-feedback", "2")
    try refused(2, "--nprobe", "search", "idx", "--query", "a", "--nprobe", "2")
    for options in [[], ["--exact"], ["--nprobe", "3"], ["--encoder", "encoder"]] {
      let outcome = try Command.run(["search", "nowhere", "--query", "a"] + options, in: folder)
      #expect(outcome.code == 66 && outcome.error.contains("nowhere"), "\(outcome.error)")
    }
    try done("index", "corpus.jsonl", "--out", "lexical")
    try refused(2, "is no vector index", "search", "lexical", "--query", "a", "--exact")
  }

  @Test("Late interaction: the exact scan, the index with all probes and the re-ranker agree")
  func lateInteraction() throws {
    let exact = try done(
      "dense", "corpus.jsonl", "--late-interaction", "--topics", "topics.jsonl", "--model", "encoder", "--precision", "fp32",
      "-k", "20", "--out", "scan.run")
    #expect(exact.error.contains("token by token"))
    let report = try done(
      "dense", "corpus.jsonl", "--late-interaction", "--index", "tok", "--model", "encoder", "--precision", "fp32", "--nbits",
      "4", "--centroids", "24", "--json"
    ).json()
    #expect(report["documents"] as? Int == 20 && report["nbits"] as? Int == 4 && report["centroids"] as? Int == 24)
    // Three words, [CLS] and [SEP].
    #expect(report["tokens"] as? Int == 100)
    try done("search", "tok", "--topics", "topics.jsonl", "--exact", "-k", "20", "--out", "exact.run")
    try done("search", "tok", "--topics", "topics.jsonl", "--nprobe", "24", "--ndocs", "20", "-k", "20", "--out", "all.run")
    #expect(try folder.text("exact.run") == folder.text("all.run"))
    let (scanned, stored) = (try read("scan.run"), try read("exact.run"))
    #expect(scanned.names.count == 40 && Set(scanned.names) == Set(stored.names))
    let scores = Dictionary(uniqueKeysWithValues: zip(scanned.names, scanned.scores))
    for (name, score) in zip(stored.names, stored.scores) { #expect(abs(score - (scores[name] ?? 0)) < 0.25) }
    // The reranker over the corpus gives the scan's scores, over the index the index's.
    try done(
      "rerank", "first.run", "--topics", "topics.jsonl", "--corpus", "corpus.jsonl", "--model", "maxsim:encoder", "--precision",
      "fp32", "--out", "corpus.run")
    #expect(try read("corpus.run").names == scanned.names)
    try done(
      "rerank", "first.run", "--topics", "topics.jsonl", "--index", "tok", "--model", "maxsim:encoder", "--precision", "fp32",
      "--out", "stored.run")
    #expect(try read("stored.run").names == stored.names)
    let answer = try done("search", "tok", "--query", "word1 word4", "-k", "2", "--json").json()
    let hits = try #require(answer["documents"] as? [[String: Any]])
    #expect(hits.count == 2 && (hits[0]["text"] as? String)?.contains("word") == true)
    #expect(try done("validate", "tok").output.contains("token vectors"))
    try refused(2, "token vectors", "search", "tok", "--query", "a", "--efSearch", "4")
    try refused(2, "use the encoder of the index", "search", "tok", "--query", "a", "--encoder", "another")
    try refused(2, "another kind", "dense", "corpus.jsonl", "--index", "tok", "--model", "encoder")
    try refused(2, "makes no vectors", "dense", "corpus.jsonl", "--late-interaction", "--index", "x", "--model", "ranker")
    try refused(2, "--late-interaction and --index", "dense", "corpus.jsonl", "--index", "x", "--nbits", "2")
  }

  @Test("An index of token vectors: documents added, replaced, deleted and compacted, encoded as the index's were")
  func changeTokens() throws {
    try done(
      "dense", "corpus.jsonl", "--late-interaction", "--index", "tok", "--model", "encoder", "--precision", "fp32", "--nbits",
      "4", "--centroids", "24")
    func found(_ name: String) throws -> Lines {
      try done("search", "tok", "--topics", "topics.jsonl", "--exact", "-k", "50", "--out", name)
      return try read(name)
    }
    let before = try found("before.run")
    func line(_ docno: String, _ text: String) -> String { "{\"_id\": \"\(docno)\", \"text\": \"\(text)\"}\n" }
    try folder.write(line("d20", "word4 word6") + line("d21", "word8"), "more.jsonl")
    let added = try done("dense", "more.jsonl", "--index", "tok", "--add", "--precision", "fp32", "--json").json()
    #expect(added["documents"] as? Int == 2 && added["tokens"] as? Int == 7 && added["total"] as? Int == 22)
    #expect(added["replaced"] == nil && added["expected_clipped_share"] as? Double == 0.0625)
    #expect((0...1).contains(added["clipped_share"] as? Double ?? -1))
    let after = try found("after.run")
    #expect(after.names.count == 44)
    let scores = Dictionary(uniqueKeysWithValues: zip(after.names, after.scores))
    for (name, score) in zip(before.names, before.scores) { #expect(scores[name] == score) }
    try refused(65, "'d20' is in the index already", "dense", "more.jsonl", "--index", "tok", "--add", "--precision", "fp32")
    try refused(2, "use the encoder of the index", "dense", "more.jsonl", "--index", "tok", "--add", "--model", "another")

    try folder.write(line("d20", "word1 word2") + line("d30", "word5"), "new.jsonl")
    let replaced = try done(
      "dense", "new.jsonl", "--late-interaction", "--index", "tok", "--replace", "--precision", "fp32", "--json"
    ).json()
    #expect(replaced["replaced"] as? Int == 1 && replaced["total"] as? Int == 23)
    let answer = try done("search", "tok", "--query", "word1 word2", "-k", "1", "--json").json()
    let documents = try #require(answer["documents"] as? [[String: Any]])
    #expect(documents.map { $0["docno"] as? String } == ["d20"] && documents[0]["text"] as? String == "word1 word2")

    try folder.write("d21\n\nd3\n", "gone.txt")
    try folder.write("d5\nnobody\n", "wrong.txt")
    try refused(66, "no document 'nobody'", "dense", "wrong.txt", "--index", "tok", "--delete")
    let deleted = try done("dense", "gone.txt", "--index", "tok", "--delete", "--json").json()
    #expect(deleted["deleted"] as? Int == 2 && deleted["total"] as? Int == 21 && deleted["deleted_in_files"] as? Int == 3)
    #expect(try done("validate", "tok").output.contains("segments"))
    let left = try found("left.run")
    #expect(left.names.count == 42 && left.names.contains("q1 d5") && !left.names.contains("q1 d3"))
    try folder.write("d30\n", "last.txt")
    let compacted = try done("dense", "last.txt", "--index", "tok", "--delete", "--compact", "--json").json()
    #expect(compacted["deleted_in_files"] as? Int == 0 && compacted["total"] as? Int == 20)
    let rest = try found("compact.run")
    #expect(rest.names == left.names.filter { !$0.hasSuffix(" d30") })
    #expect(try done("dense", "new.jsonl", "--index", "tok", "--replace").output.contains("of the numbers clipped"))

    try dense()
    try refused(2, "is no index of token vectors", "dense", "more.jsonl", "--late-interaction", "--index", "idx", "--add")
    try done("index", "corpus.jsonl", "--out", "lexical")
    try refused(2, "is no index of vectors", "dense", "more.jsonl", "--index", "lexical", "--add")
    try refused(2, "of a new one", "dense", "more.jsonl", "--late-interaction", "--index", "tok", "--add", "--nbits", "2")
    try refused(66, "nowhere", "dense", "more.jsonl", "--late-interaction", "--index", "nowhere", "--add")
  }

  @Test("The benchmark of searches in token vectors has a recall, which is 1 where everything is looked at")
  func tokenBenchmark() throws {
    try done(
      "dense", "corpus.jsonl", "--late-interaction", "--index", "tok", "--model", "encoder", "--precision", "fp32", "--columns",
      "year:date")
    let bench = ["bench", "search", "tok", "--topics", "topics.jsonl", "-k", "5", "--repeats", "2", "--json"]
    let all = try Command.run(bench + ["--ndocs", "20", "--nprobe", "400"], in: folder).json()
    #expect(all["recall"] as? Double == 1 && all["scored_documents"] as? Double == 20 && all["queries"] as? Int == 2)
    #expect((all["model"] as? String)?.contains("nprobe=400") == true && all["document_p50_us"] == nil)
    let few = try Command.run(bench + ["--filter", "year<1993"], in: folder).json()
    #expect(few["recall"] as? Double == 1 && few["scored_documents"] as? Double == 3 && few["filter_documents"] as? Int == 3)
    try done("index", "corpus.jsonl", "--out", "lexical")
    try refused(2, "no index of token vectors", "bench", "search", "lexical", "--topics", "topics.jsonl", "--nprobe", "2")
  }

  @Test("The benchmark of vectors measures filtered searches against the exact ones")
  func filteredBenchmark() throws {
    try dense()
    try done("bench", "vectors", "idx", "--export", "base.npy")
    let figures = try done(
      "bench", "vectors", "base.npy", "--queries", "base.npy", "-k", "3", "--efSearch", "20", "--allowed", "0.1,0.5,1",
      "--repeats", "1", "--threads", "1", "--json"
    ).json()
    let points = try #require(figures["points"] as? [[String: Any]])
    #expect(points.map { $0["allowed"] as? Double } == [nil, 0.1, 0.5, 1])
    // Two, ten and all of twenty vectors: so few are compared one by one.
    #expect(points.dropFirst().map { $0["scored_vectors"] as? Double } == [2, 10, 20])
    for point in points.dropFirst() {
      #expect(point["recall"] as? Double == 1 && point["exact_share"] as? Double == 1)
    }
    for wrong in ["0", "1.5", "a", "0.1,,x"] {
      try refused(2, "--allowed must be a list of shares", "bench", "vectors", "base.npy", "--queries", "q", "--allowed", wrong)
    }
  }

  @Test("Columns answer filters on both kinds of vectors as stored documents do")
  func columns() throws {
    for kind in [[], ["--late-interaction"]] as [[String]] {
      for columns in [[], ["--columns", "year:date"]] as [[String]] {
        let name = "idx\(kind.count)\(columns.count)"
        let outcome = try Command.run(
          ["dense", "corpus.jsonl", "--index", name, "--model", "encoder", "--precision", "fp32"] + kind + columns, in: folder)
        try #require(outcome.code == 0, "\(outcome.error)")
        try done("search", name, "--topics", "topics.jsonl", "--filter", "year>=2006", "-k", "9", "--out", "found.run")
        #expect(Set(try read("found.run").names) == Set(["q1", "q2"].flatMap { q in (16...19).map { "\(q) d\($0)" } }))
        #expect(try done("validate", name).code == 0)
      }
    }
    try refused(2, "is no date", "search", "idx02", "--query", "a", "--filter", "year=word")
    try refused(2, "goes with --index", "dense", "corpus.jsonl", "--index", "idx00", "--add", "--columns", "year:date")
    try refused(65, "year", "dense", "bad.jsonl", "--index", "x", "--model", "encoder", "--columns", "year:number")
  }

  @Test("A ColBERT of Stanford's layout, from index to answer and as a re-ranker")
  func colBERT() throws {
    let source = try SafetensorsFile(path: folder.path("encoder/model.safetensors"))
    try folder.write(try folder.text("encoder/vocab.txt"), "colbert/vocab.txt")
    try folder.write(try folder.text("encoder/config.json"), "colbert/config.json")
    let weights = SafetensorsWriter(path: folder.path("colbert/model.safetensors"))
    for tensor in source.tensors { weights.add(tensor.name, shape: tensor.shape, floats: try source.floats(tensor.name)) }
    var generator = SeededGenerator(seed: 8)
    weights.add("linear.weight", shape: [16, 32], floats: (0..<512).map { _ in Float(generator.normal()) })
    try weights.commit()
    try folder.write(
      "{\"dim\": 16, \"query_maxlen\": 8, \"doc_maxlen\": 12, \"query_token_id\": \"word20\", \"doc_token_id\": \"word21\"}",
      "colbert/artifact.metadata")
    let report = try done(
      "dense", "corpus.jsonl", "--late-interaction", "--index", "col", "--model", "colbert", "--precision", "fp32", "--nbits",
      "4", "--json"
    ).json()
    // Three words, [CLS], [D] and [SEP].
    #expect(report["tokens"] as? Int == 120 && report["dimension"] as? Int == 16)
    try done(
      "dense", "corpus.jsonl", "--late-interaction", "--topics", "topics.jsonl", "--model", "colbert", "--precision", "fp32",
      "-k", "20", "--out", "scan.run")
    try done(
      "rerank", "first.run", "--topics", "topics.jsonl", "--corpus", "corpus.jsonl", "--model", "maxsim:colbert", "--precision",
      "fp32", "--out", "corpus.run")
    let scanned = try read("scan.run")
    #expect(try read("corpus.run").names == scanned.names && scanned.scores.allSatisfy { abs($0) <= 8.01 })
    try done("search", "col", "--topics", "topics.jsonl", "--exact", "-k", "20", "--out", "exact.run")
    try done(
      "rerank", "first.run", "--topics", "topics.jsonl", "--index", "col", "--model", "maxsim:colbert", "--precision", "fp32",
      "--out", "stored.run")
    #expect(try read("stored.run").names == read("exact.run").names)
    try refused(2, "a vector for every token", "dense", "corpus.jsonl", "--index", "x", "--model", "colbert")
    try refused(2, "use the encoder of the index", "search", "col", "--query", "a", "--encoder", "encoder")
    try folder.write("{\"dim\": 24}", "colbert/artifact.metadata")
    try refused(65, "dim is 24", "search", "col", "--query", "a")
  }

  @Test("ANNCUR with the whole budget gives the re-ranker's order; scores are kept and refused for another model")
  func anncur() throws {
    try done(
      "rerank", "first.run", "--topics", "topics.jsonl", "--corpus", "corpus.jsonl", "--model", "ranker", "--precision", "fp32",
      "--first-stage-weight", "0", "--out", "all.run")
    func anncur(_ more: String...) throws -> Command.Outcome {
      try Command.run(
        ["anncur", "corpus.jsonl", "--model", "ranker", "--anchor-queries", "topics.jsonl", "--anchor-items", "2", "--topics",
          "topics.jsonl", "--precision", "fp32", "--out", "cur.run", "--scores", "scores.safetensors", "--json"] + more,
        in: folder)
    }
    let whole = try anncur("--budget", "20").json()
    #expect(whole["anchor_scorer_calls"] as? Int == 40 && whole["documents"] as? Int == 20)
    #expect(try read("cur.run").names == read("all.run").names)
    for rounds in ["1", "3"] {
      let few = try anncur("--budget", "6", "--rounds", rounds).json()
      #expect(few["anchor_scorer_calls"] as? Int == 0, "the scores are read")
      let found = try read("cur.run")
      #expect(found.names.count == 12)
      let exact = Dictionary(uniqueKeysWithValues: zip(try read("all.run").names, try read("all.run").scores))
      for (name, score) in zip(found.names, found.scores) { #expect(abs(score - (exact[name] ?? .nan)) < 1e-4) }
    }
    #expect(try anncur("--budget", "2").code == 2)
    let other = try anncur("--budget", "6", "--anchor-query-count", "1")
    #expect(other.code == 65 && other.error.contains("other anchor queries"), "\(other.error)")
    try refused(
      2, "search with it exactly", "anncur", "corpus.jsonl", "--model", "encoder", "--anchor-queries", "topics.jsonl",
      "--topics", "topics.jsonl", "--budget", "6")
    try refused(
      2, "give --index", "anncur", "corpus.jsonl", "--model", "maxsim:encoder", "--anchor-queries", "topics.jsonl", "--topics",
      "topics.jsonl", "--budget", "6")
  }

  @Test("The pipeline's stages give what the commands give")
  func stages() throws {
    try dense()
    try done(
      "dense", "corpus.jsonl", "--late-interaction", "--index", "tok", "--model", "encoder", "--precision", "fp32")
    func pipeline(_ stages: String...) throws -> Lines {
      try folder.write("corpus: corpus.jsonl\npipeline:\n" + stages.map { "  - {\($0)}\n" }.joined(), "plan.yaml")
      try done("pipeline", "plan.yaml", "--topics", "topics.jsonl", "--precision", "fp32", "--out", "plan.run")
      return try read("plan.run")
    }
    func search(_ arguments: String...) throws -> Lines {
      let outcome = try Command.run(
        ["search"] + arguments + ["--topics", "topics.jsonl", "-k", "6", "--out", "search.run"], in: folder)
      try #require(outcome.code == 0, "\(outcome.error)")
      return try read("search.run")
    }
    #expect(try pipeline("stage: dense, index: idx, depth: 6") == search("idx"))
    #expect(
      try pipeline("stage: dense, index: idx, depth: 6, exact: true, feedback: average, filter: 'year<2000'")
        == search("idx", "--exact", "--feedback", "average", "--filter", "year<2000"))
    #expect(try pipeline("stage: late-interaction, index: tok, depth: 6, nprobe: 2") == search("tok", "--nprobe", "2"))
    #expect(try pipeline("stage: late-interaction, index: tok, depth: 6, exact: true") == search("tok", "--exact"))
    let cur = "stage: anncur, model: ranker, anchor-queries: topics.jsonl, anchor-items: 3, budget: 8, depth: 8"
    #expect(try pipeline(cur).names.count == 16)
    #expect(try pipeline("stage: dense, index: idx, depth: 20", "stage: rerank, model: 'maxsim:encoder'").names.count == 40)
    let twice = try pipeline(
      "stage: dense, index: idx, depth: 3", "stage: feedback, docs: 2", "stage: dense, index: idx, depth: 6")
    #expect(twice.names.count == 12)
    for (stages, text) in [
      ("  - {stage: feedback}\n", "'feedback' at the start"),
      ("  - {stage: dense, index: idx}\n  - {stage: feedback}\n  - {stage: cut, depth: 3}\n", "after 'feedback'"),
      ("  - {stage: late-interaction, index: idx}\n", "idx"),
    ] {
      try folder.write("corpus: corpus.jsonl\npipeline:\n" + stages, "plan.yaml")
      let outcome = try run("pipeline", "plan.yaml", "--topics", "topics.jsonl")
      #expect(outcome.code != 0 && outcome.error.contains(text), "\(outcome.error)")
    }
  }
}
