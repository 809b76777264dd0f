import Foundation
import GradusCore
import GradusModels
import Testing

@Suite("A training that is killed", .enabled(if: Command.isBuilt, Comment(rawValue: Command.skipNotice)))
struct TrainingCrashTests {
  let folder: TemporaryFolder
  private static let words = (0..<20).map { "word\($0)" }

  init() throws {
    folder = try TemporaryFolder()
    try writeModel()
    try writeCollection()
  }

  /// A randomly initialised encoder of one layer.
  private func writeModel() throws {
    let pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + Self.words
    try folder.write(pieces.joined(separator: "\n") + "\n", "vocabulary/vocab.txt")
    let vocabulary = ModelFolder(path: folder.path("vocabulary"))
    var generator = SeededGenerator(seed: 5)
    let configuration = BertConfiguration(
      vocabularySize: pieces.count, hiddenSize: 32, intermediateSize: 64, layerCount: 1, headCount: 2, maximumPositions: 64)
    let scorer = CrossEncoder(
      encoder: BertEncoder(configuration, using: &generator), tokenizer: try vocabulary.tokenizer(), seed: 1)
    let manifest = ModelManifest(architecture: .crossEncoder, base: "none", baseDigest: "", seed: 5)
    try RankingModel(scorer: scorer, manifest: manifest).save(to: folder.path("model"), tokenizerOf: vocabulary)
  }

  /// Twenty queries of a word each; the relevant document holds it twice, another one once.
  private func writeCollection() throws {
    let documents = Self.words.indices.flatMap { number in
      ["\(Self.words[number]) \(Self.words[number])", "\(Self.words[number]) \(Self.words[(number + 7) % 20])"].enumerated().map {
        #"{"_id": "d\#(number)-\#($0.offset)", "text": "\#($0.element)"}"#
      }
    }
    let queries = Self.words.enumerated().map { #"{"_id": "q\#($0.offset)", "text": "\#($0.element)"}"# }
    try folder.write(documents.joined(separator: "\n") + "\n", "data/corpus.jsonl")
    try folder.write(queries.joined(separator: "\n") + "\n", "data/queries.jsonl")
    for (split, numbers) in [("train", 0..<12), ("dev", 12..<16), ("test", 16..<20)] {
      let lines = numbers.map { "q\($0)\td\($0)-0\t1" }
      try folder.write((["query-id\tcorpus-id\tscore"] + lines).joined(separator: "\n") + "\n", "data/qrels/\(split).tsv")
    }
  }

  private func arguments(_ out: String) -> [String] {
    ["train", "--model", "model", "--data", "data", "--loss", "pairwise-cross-entropy", "--curriculum", "recip",
      "--epochs", "60", "--patience", "60", "--samples-per-epoch", "16", "--seed", "3", "--out", out]
  }

  @Test("goes on where it was, to the same bits, and shows nothing half done before")
  func killed() throws {
    let process = Command.process(Command.path ?? "", arguments("killed"), in: folder)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    let checkpoint = folder.path("killed/checkpoint/LATEST")
    for _ in 0..<20_000 where process.isRunning && !FileManager.default.fileExists(atPath: checkpoint) { usleep(500) }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    try #require(process.terminationReason == .uncaughtSignal, "it was to be killed in the middle")
    let left = try folder.names("killed")
    #expect(left.contains("checkpoint") && !left.contains("gradus.json") && !left.contains("history.json"), "\(left)")

    let resumed = try Command.run(arguments("killed"), in: folder)
    #expect(resumed.code == 0, "\(resumed.error)")
    let whole = try Command.run(arguments("whole"), in: folder)
    #expect(whole.code == 0, "\(whole.error)")
    #expect(try folder.bytes("killed/model.safetensors") == folder.bytes("whole/model.safetensors"))
    #expect(try !folder.names("killed").contains("checkpoint"))
  }
}
