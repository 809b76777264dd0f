import Foundation
import GradusModels
import GradusText
import Testing

@Suite("Answers of a decoder", .enabled(if: Command.isBuilt, Comment(rawValue: Command.skipNotice)))
struct GenerateTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try TinyDecoder.write(to: folder)
  }

  private func generate(_ arguments: String..., model: String = "decoder") throws -> Command.Outcome {
    try Command.run(["generate", "--model", "./" + model, "--prompt", "Is it so?"] + arguments, in: folder)
  }

  private func json(_ arguments: String..., model: String = "decoder") throws -> [String: Any] {
    let outcome = try Command.run(
      ["generate", "--model", "./" + model, "--prompt", "Is it so?", "--json"] + arguments, in: folder)
    try #require(outcome.code == 0, "\(outcome.error)")
    return try outcome.json()
  }

  private func refused(
    _ code: Int32, _ message: String, _ arguments: String..., location: SourceLocation = #_sourceLocation
  ) throws {
    let outcome = try Command.run(["generate", "--model", "./decoder", "--prompt", "Is it so?"] + arguments, in: folder)
    #expect(outcome.code == code, "\(outcome.error)", sourceLocation: location)
    #expect(outcome.output.isEmpty, sourceLocation: location)
    #expect(outcome.error.contains(message), "\(outcome.error)", sourceLocation: location)
  }

  private struct Row {
    let text: String
    let tokens: [Int32]
    let logProbability: Double
    let score: Double
    let line: Int
    let isComplete: Bool

    init(_ object: [String: Any]) throws {
      text = try #require(object["text"] as? String)
      tokens = try #require(object["tokens"] as? [Int]).map { Int32($0) }
      logProbability = try #require(object["log_probability"] as? Double)
      score = try #require(object["score"] as? Double)
      line = object["line"] as? Int ?? object["choice"] as? Int ?? 0
      isComplete = object["is_complete"] as? Bool ?? true
    }
  }

  private func rows(_ object: [String: Any], _ key: String) throws -> [Row] {
    try #require(object[key] as? [[String: Any]]).map { try Row($0) }
  }

  private static let lines = ["yes", "no", "no way", "yes, of course", "maybe"]

  private func writeLines() throws { try folder.write(Self.lines.joined(separator: "\n\n") + "\r\n \n", "answers.txt") }

  // MARK: Continuations

  @Test("Lines are scored as the library scores them, the best first", arguments: [false, true])
  func continuations(isRaw: Bool) throws {
    try writeLines()
    let raw = isRaw ? ["--raw"] : []
    let path = folder.path("decoder")
    let decoder = try LlamaDecoder(path: path), tokenizer = try BytePairTokenizer(decoder: path)
    let prompt =
      isRaw ? tokenizer.encode("Is it so?") : try ChatTemplate(decoder: path).encode([.user("Is it so?")], with: tokenizer)
    #expect(prompt.contains(TinyDecoder.start) != isRaw)
    var cache = decoder.makeCache()
    try decoder.append(prompt, to: &cache)
    let sequences = Self.lines.map { tokenizer.encode($0, addsSpecial: false) }
    #expect(sequences[0] == [257] && sequences[2].count == 5)
    let expected = try decoder.score(sequences, after: cache)
    for penalty in [nil, 1.0, 0.5] {
      let outcome = try Command.run(
        ["generate", "--model", "./decoder", "--prompt", "Is it so?", "--continuations", "answers.txt", "--json"] + raw
          + (penalty.map { ["--length-penalty", "\($0)"] } ?? []), in: folder)
      let object = try outcome.json()
      #expect(object["prompt_tokens"] as? Int == prompt.count)
      let found = try rows(object, "continuations")
      #expect(Set(found.map(\.line)) == [1, 3, 5, 7, 9])
      for row in found {
        let number = row.line / 2
        #expect(row.text == Self.lines[number] && row.tokens == sequences[number])
        #expect(abs(row.logProbability - expected[number].logProbability) < 1e-9)
        #expect(abs(row.score - expected[number].score(lengthPenalty: penalty ?? 0)) < 1e-9)
      }
      #expect(found.map(\.score) == found.map(\.score).sorted(by: >))
      let text = try Command.run(
        ["generate", "--model", "./decoder", "--prompt", "Is it so?", "--continuations", "answers.txt"] + raw
          + (penalty.map { ["--length-penalty", "\($0)"] } ?? []), in: folder
      ).output.split(separator: "\n")
      #expect(text.count == 6 && text[0].hasSuffix("TOKENS  TEXT"))
      for (line, row) in zip(text.dropFirst(), found) { #expect(line.hasSuffix("  \(row.tokens.count)  \(row.text)"), "\(line)") }
    }
  }

  // MARK: Beams and choices

  @Test("As many beams as answers find all of them, with the log-probabilities of the continuations")
  func allChoices() throws {
    try writeLines()
    // Without "no", which is the beginning of another answer, each ends where nothing else is allowed.
    let lines = ["yes, of course", "no way", "maybe"]
    try folder.write(lines.joined(separator: "\n"), "whole.txt")
    let scored = try rows(json("--continuations", "whole.txt"), "continuations")
    let object = try json("--choices", "whole.txt", "--beams", "3")
    let found = try rows(object, "hypotheses")
    #expect(found.map(\.text) == scored.map(\.text) && found.map(\.line) == scored.map(\.line))
    for (a, b) in zip(found, scored) { #expect(abs(a.logProbability - b.logProbability) < 1e-5) }
    #expect(object["text"] as? String == found[0].text)
    #expect(try generate("--choices", "whole.txt", "--beams", "3").output == found[0].text + "\n")
    // Shared out among the allowed answers, also where one is the beginning of another, probabilities add up to 1.
    let shared = try rows(
      json("--choices", "answers.txt", "--beams", "5", "--constraint-scoring", "renormalized"), "hypotheses")
    #expect(Set(shared.map(\.text)) == Set(Self.lines))
    #expect(abs(shared.map { exp($0.logProbability) }.reduce(0, +) - 1) < 1e-4)
    let masked = try rows(json("--choices", "answers.txt", "--beams", "5"), "hypotheses")
    #expect(masked.map { exp($0.logProbability) }.reduce(0, +) < 0.5)
    let mean = try rows(json("--choices", "whole.txt", "--beams", "3", "--length-penalty", "1"), "hypotheses")
    for row in mean { #expect(abs(row.score - row.logProbability / Double(row.tokens.count)) < 1e-9) }
    #expect(mean.map(\.score) == mean.map(\.score).sorted(by: >))
  }

  @Test("Without beams, an answer is one of the lines, by chance too")
  func choices() throws {
    try writeLines()
    for seed in 1...4 {
      let object = try json("--choices", "answers.txt", "--temperature", "2", "--seed", "\(seed)")
      let line = try #require(object["choice"] as? Int)
      #expect(object["text"] as? String == Self.lines[line / 2])
    }
    let greedy = try generate("--choices", "answers.txt")
    #expect(greedy.code == 0 && Self.lines.contains(greedy.output.trimmingCharacters(in: .newlines)))
  }

  @Test("One beam is greedy; more are ranked, and never worse")
  func beams() throws {
    let greedy = try json("--max-tokens", "6")
    let one = try json("--max-tokens", "6", "--beams", "1")
    let first = try #require(try rows(one, "hypotheses").first)
    #expect(first.tokens == (greedy["tokens"] as? [Int])?.map { Int32($0) })
    #expect(first.text == greedy["text"] as? String)
    let found = try rows(json("--max-tokens", "6", "--beams", "4", "--threads", "1"), "hypotheses")
    #expect(found.count == 4 && Set(found.map(\.tokens)).count == 4)
    for (a, b) in zip(found, found.dropFirst()) { #expect(a.isComplete && !b.isComplete || a.score >= b.score) }
    let again = try rows(json("--max-tokens", "6", "--beams", "4", "--threads", "2"), "hypotheses")
    #expect(again.map(\.tokens) == found.map(\.tokens) && again.map(\.score) == found.map(\.score))
  }

  // MARK: Patterns

  @Test("Answers match their pattern, greedy, by chance and with beams")
  func patterns() throws {
    let pattern = #"\[[1-4]\]( > \[[1-4]\]){0,2}"#
    let expected = /\[[1-4]\]( > \[[1-4]\]){0,2}\n/
    for more in [[], ["--beams", "3"], ["--temperature", "3", "--seed", "5"], ["--temperature", "3", "--seed", "6"]]
      as [[String]]
    {
      let outcome = try Command.run(
        ["generate", "--model", "./decoder", "--prompt", "Is it so?", "--pattern", pattern] + more, in: folder)
      #expect(outcome.code == 0 && outcome.error.isEmpty, "\(outcome.error)")
      #expect(outcome.output.wholeMatch(of: expected) != nil, "\(outcome.output)")
    }
    let fixed = try json("--pattern", "( yes){3}", "--constraint-scoring", "renormalized")
    #expect(fixed["text"] as? String == " yes yes yes" && fixed["tokens"] as? [Int] == [259, 259, 259])
    #expect(fixed["log_probability"] as? Double == 0 && fixed["ending"] as? String == "constraint")
    for more in [[], ["--beams", "2"]] as [[String]] {
      let cut = try Command.run(
        ["generate", "--model", "./decoder", "--prompt", "Is it so?", "--pattern", "( yes){3}", "--max-tokens", "2"] + more,
        in: folder)
      #expect(cut.code == 0 && cut.output == " yes yes\n")
      #expect(cut.error.contains("cut before the constraint was satisfied; raise --max-tokens above 2"), "\(cut.error)")
    }
  }

  // MARK: What is refused

  @Test("Options that contradict each other end with 2 before a model is looked for", arguments: [
    (["--continuations", "f", "--beams", "2"], "--continuations scores texts and generates none; leave it or --beams out"),
    (["--continuations", "f", "--choices", "f"], "leave it or --choices out"),
    (["--continuations", "f", "--pattern", "a"], "leave it or --pattern out"),
    (["--continuations", "f", "--max-tokens", "9"], "leave it or --max-tokens out"),
    (["--continuations", "f", "--temperature", "1"], "leave it or --temperature out"),
    (["--beams", "2", "--temperature", "1"], "leaves nothing to chance; leave it or --temperature out"),
    (["--beams", "2", "--seed", "1"], "leave it or --seed out"),
    (["--top-k", "4"], "--top-k is about chance; give --temperature above 0 too"),
    (["--temperature", "0", "--seed", "4"], "--seed is about chance"),
    (["--length-penalty", "1"], "goes with --beams or --continuations"),
    (["--beams", "2", "--length-penalty=-1"], "--length-penalty must be a number from 0 up, found -1"),
    (["--beams", "2", "--length-penalty", "nan"], "--length-penalty must be a number from 0 up"),
    (["--beams", "0"], "--beams must be at least 1, found 0"),
    (["--choices", "f", "--pattern", "a"], "give either --choices or --pattern"),
    (["--constraint-scoring", "masked"], "--constraint-scoring goes with --choices or --pattern"),
    (["--constraint-scoring", "lost", "--pattern", "a"], "constraint-scoring"),
    (["--pattern", "(a"], "--pattern '(a': token pattern: character 1: the group is not closed"),
    (["--pattern", "a*"], "repetitions need a bound"),
  ] as [([String], String)])
  func contradictions(arguments: [String], message: String) throws {
    let outcome = try Command.run(["generate", "--model", "./nowhere", "--prompt", "x"] + arguments, in: folder)
    #expect(outcome.code == 2 && outcome.error.contains(message), "\(outcome.error)")
  }

  @Test("Files without texts, lines that do not fit and sets of more tokens end with what is wrong and where")
  func badFiles() throws {
    try folder.write("\n \n", "blank.txt")
    try folder.write("yes\n" + String(repeating: "z", count: TinyDecoder.positions) + "\n", "long.txt")
    for option in ["--choices", "--continuations"] {
      try refused(66, "none.txt: cannot open", option, "none.txt")
      try refused(65, "blank.txt: holds no text", option, "blank.txt")
      try refused(65, "long.txt:2: 256 tokens after the prompt's", option, "long.txt")
    }
    try writeLines()
    try refused(2, "answers.txt:7: 12 tokens, and --max-tokens allows 8; give --max-tokens 12", "--choices", "answers.txt",
      "--max-tokens", "8")
    try refused(2, "'é' is 2 tokens", "--pattern", "[é]")
    let bare = try folder.text("decoder/tokenizer_config.json").replacingOccurrences(of: "eos_token", with: "other_token")
    try folder.write(bare, "decoder/tokenizer_config.json")
    try refused(2, "name no token that ends a text", "--raw", "--beams", "2")
  }

  // MARK: Shards

  @Test("A decoder in three shards answers as the whole one, and is checked by validate")
  func shards() throws {
    try TinyDecoder.write(to: folder, as: "parts", shards: 3)
    let (whole, parts) = (try json("--max-tokens", "8"), try json("--max-tokens", "8", model: "parts"))
    #expect(whole["tokens"] as? [Int] == parts["tokens"] as? [Int])
    #expect(whole["log_probability"] as? Double == parts["log_probability"] as? Double)
    func validate(_ name: String) throws -> Command.Outcome { try Command.run(["validate", name], in: folder) }
    #expect(try validate("decoder").output == "decoder: valid model: 20 tensors, 23,968 values, 2 layers, 263 word pieces\n")
    #expect(
      try validate("parts").output == "parts: valid model: 20 tensors, 23,968 values, 3 shards, 2 layers, 263 word pieces\n")
    let index = "parts/model.safetensors.index.json"
    #expect(try validate(index).output == "\(index): valid safetensors: 20 tensors, 23,968 values\n")
    let shard = "parts/model-00002-of-00003.safetensors"
    let bytes = try folder.bytes(shard)
    try folder.write(Array(bytes.dropLast(40)), shard)
    for name in ["parts", index] {
      let outcome = try validate(name)
      #expect(outcome.code == 65 && outcome.output.contains("\(shard): tensor '"), "\(outcome.output)")
    }
    try FileManager.default.removeItem(atPath: folder.path(shard))
    let outcome = try generate(model: "parts")
    #expect(outcome.code == 66 && outcome.error.contains("shard 'model-00002-of-00003.safetensors' with 7 of the tensors"))
    try TinyDecoder.writeIndex(["model.norm.weight": "../decoder/model.safetensors"], to: folder, "parts")
    let outside = try generate(model: "parts")
    #expect(outside.code == 65 && outside.error.contains("expected a .safetensors file beside the index"), "\(outside.error)")
  }
}
