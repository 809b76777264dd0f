import GradusCore
import GradusTensor
import GradusText
import Testing

@testable import GradusModels

@Suite("Saving and loading ranking models")
struct SaveTests {
  private let pairs = [
    pair("how cat", "the cat sat."), pair("ranking", ""), pair("zebra", "a b c d e f g h i j k l m n o", number: 2),
  ]

  private func roundTrip(_ model: RankingModel, base: TestFolder, to target: TestFolder) throws -> RankingModel {
    try model.save(to: target.path, tokenizerOf: base.folder)
    return try target.keepingFolder { try RankingModel(folder: $0) }
  }

  @Test("A loaded cross-encoder gives the saved one's scores to the bit", arguments: CrossEncoderHead.fresh)
  func crossEncoder(head: CrossEncoderHead) throws {
    let base = try TestFolder.tinyBert(), target = try TestFolder()
    let limits = TokenLimits(maximumTokens: 14, maximumQueryTokens: 5, policy: .window, windowStride: 3)
    let scorer = try CrossEncoder(base: base.folder, head: head, limits: limits, seed: 7)
    var manifest = ModelManifest(
      architecture: .crossEncoder, base: "tiny", baseDigest: "ab", recipe: ["loss": "hinge"], seed: 7,
      dataDigests: ["qrels": "cd"])
    manifest.firstStageWeight = 0.25
    let model = RankingModel(scorer: scorer, manifest: manifest)
    let loaded = try roundTrip(model, base: base, to: target)
    #expect(loaded.manifest == model.manifest)
    #expect((loaded.scorer as? CrossEncoder)?.limits == limits)
    #expect(try loaded.scorer.rankingScores(pairs) == scorer.rankingScores(pairs))
    // The encoder alone is an ordinary model folder.
    var batch = TokenBatch()
    batch.append([2, 10, 3])
    let again = try target.keepingFolder { try BertEncoder(folder: $0) }
    #expect(again(batch, .inference).hasSameBits(as: scorer.encoder(batch, .inference)))
    #expect(again.configuration == scorer.encoder.configuration)
  }

  @Test("A loaded Conv-KNRM gives the saved one's scores to the bit, over a folder that held another model")
  func convKNRM() throws {
    let base = try TestFolder.tinyBert(), target = try TestFolder.crossEncoder()
    try target.write("tokenizer.json", "{}")
    var options = ConvKNRM.Options()
    options.filters = 8
    options.maximumGram = 2
    let scorer = try ConvKNRM(base: base.folder, options: options, seed: 3)
    let manifest = ModelManifest(architecture: .convKNRM, base: "tiny", baseDigest: "", seed: 3)
    let model = RankingModel(scorer: scorer, manifest: manifest)
    let loaded = try roundTrip(model, base: base, to: target)
    #expect(loaded.manifest == model.manifest)
    #expect(try loaded.scorer.rankingScores(pairs) == scorer.rankingScores(pairs))
    #expect(throws: ModelError.missingFile(folder: target.path, name: "config.json")) { try BertEncoder(folder: target.folder) }
  }

  @Test("The seed decides the fresh weights, and nothing else does")
  func seeds() throws {
    let base = try TestFolder.tinyBert()
    func scores(_ seed: UInt64) throws -> [CandidateScore] {
      try CrossEncoder(base: base.folder, seed: seed).rankingScores(pairs)
        + ConvKNRM(base: base.folder, seed: seed).rankingScores(pairs)
    }
    let first = try scores(1)
    #expect(try scores(1) == first)
    #expect(try zip(scores(2), first).allSatisfy { $0.score != $1.score })
  }

  @Test("A folder without a tokenizer cannot lend one")
  func noTokenizer() throws {
    let base = try TestFolder.crossEncoder(), target = try TestFolder()
    let model = try RankingModel(folder: base.folder)
    try base.remove("vocab.txt")
    #expect(throws: ModelError.missingFile(folder: base.path, name: "tokenizer.json")) {
      try model.save(to: target.path, tokenizerOf: base.folder)
    }
    #expect(throws: ModelError.missingFile(folder: target.path, name: "gradus.json")) { try RankingModel(folder: target.folder) }
  }
}
