import Foundation
import Testing

@Suite("Benchmarks", .enabled(if: Command.isBuilt, Comment(rawValue: Command.skipNotice)))
struct BenchTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func run(_ arguments: String...) throws -> Command.Outcome { try Command.run(arguments, in: folder) }

  /// Ids are line numbers from 0: [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, [MASK] 4, the 5, cat 6, ##s 7, sat 8.
  @Test("The tokenizer's benchmark counts what it encodes, and writes the ids")
  func tokenize() throws {
    try folder.write("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncat\n##s\nsat\n", "words/vocab.txt")
    let documents = [("d1", "", "The cats sat"), ("d2", "The", "cat zebra"), ("d3", "", "")]
    let lines = documents.map { #"{"_id": "\#($0.0)", "title": "\#($0.1)", "text": "\#($0.2)"}"# }
    try folder.write(lines.joined(separator: "\n") + "\n", "texts.jsonl")
    let figures = try run("bench", "tokenize", "texts.jsonl", "--model", "words", "--ids", "ids.jsonl", "--json").json()
    #expect(try folder.text("ids.jsonl") == "[5,6,7,8]\n[5,6,1]\n[]\n")
    #expect(figures["texts"] as? Int == 3 && figures["tokens"] as? Int == 7 && figures["bytes"] as? Int == 25)
    #expect(figures["threads"] as? Int == 1 && figures["repeats"] as? Int == 5)
    let rate = try #require(figures["megabytes_per_second"] as? [String: Double])
    #expect(rate["median"] ?? 0 > 0 && rate["best"] ?? 0 >= rate["median"] ?? 0)
    #expect(try run("bench", "tokenize", "texts.jsonl", "--model", "words").output.contains("3 texts, 25 B, 7 tokens"))
  }

  @Test("The kernels' benchmark measures each kernel of the name that was asked for, and all of them")
  func kernels() throws {
    let figures = try run("bench", "kernels", "--only", "postings", "--milliseconds", "1", "--threads", "1", "--json").json()
    let kernels = try #require(figures["kernels"] as? [[String: Any]])
    #expect(kernels.compactMap { $0["kernel"] as? String } == ["postings: decode a block", "postings: BM25 of a block"])
    for kernel in kernels {
      let seconds = try #require(kernel["seconds"] as? [String: Double])
      let median = try #require(seconds["median"]), best = try #require(seconds["best"])
      #expect(best > 0 && best <= median && median < 1)
      // Nine bytes a posting to decode one, twenty to score it.
      let bytes = kernel["kernel"] as? String == "postings: decode a block" ? 9.0 : 20.0
      let rate = try #require(kernel["gigabytes_per_second"] as? Double)
      #expect(abs(rate * median * 1e9 / (128 * bytes) - 1) < 1e-6)
    }
    let all = try run("bench", "kernels", "--milliseconds", "1", "--repeats", "5", "--threads", "2").output
    for name in [
      "encoder int8 product: down", "encoder bf16 attention", "decoder Q4_1 product of a token", "training layer norm: backward",
      "top-k of scores",
    ] {
      #expect(all.contains(name))
    }
  }

  @Test("More tokens than the model takes are refused before any text is made", arguments: ["losses", "weightings", "train"])
  func tokens(name: String) throws {
    let tests = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")
    let model = tests + "/GradusModelsTests/Fixtures/tiny-bert"
    let outcome = try run("bench", name, "--model", model, "--tokens", "1000000000")
    #expect(outcome.code == 2 && outcome.error.contains("the model takes at most 40"), "\(outcome.error)")
  }

  @Test("A corpus without any text is refused")
  func noText() throws {
    try folder.write("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n", "words/vocab.txt")
    try folder.write(#"{"_id": "d1", "title": "", "text": ""}"# + "\n", "empty.jsonl")
    let outcome = try run("bench", "tokenize", "empty.jsonl", "--model", "words")
    #expect(outcome.code == 2 && outcome.error.contains("empty.jsonl: no text to tokenize"), "\(outcome.error)")
  }
}
