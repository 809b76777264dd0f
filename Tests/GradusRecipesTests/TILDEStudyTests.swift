import Foundation
import GradusCore
import GradusModels
@testable import GradusRecipes
import Testing

@Suite("Training token weights")
struct TILDEStudyTests {
  /// The bench's encoder with a fresh masked-language-model head.
  private func languageModel(_ bench: TinyBench) throws -> ModelFolder {
    var generator = SeededGenerator(seed: 2)
    let model = try MaskedLanguageModel(encoder: try BertEncoder(folder: bench.model), using: &generator)
    let folder = ModelFolder(path: bench.folder + "/language-model")
    try model.save(to: folder.path, tokenizerOf: bench.model)
    return folder
  }

  private func training(_ base: ModelFolder) -> TILDETraining {
    var training = TILDETraining(base: base)
    training.expansionCount = 0
    training.epochs = 10
    training.batch = 4
    training.negatives = 2
    training.learningRate = 1e-3
    training.headLearningRate = 1e-2
    training.maximumPassageTokens = 24
    training.showsProgress = false
    return training
  }

  @Test("Passages with both of a query's words come before those with one, which is not so before training")
  func learns() throws {
    let bench = try TinyBench()
    defer { bench.remove() }
    let data = try bench.data()
    let base = try languageModel(bench)
    let model = try training(base).train(on: data, seed: 1)
    let fresh = try TILDEv2(
      encoder: try BertEncoder(folder: base), tokenizer: try base.tokenizer(), maximumPassageTokens: 24, seed: 1)
    func margins(_ model: TILDEv2) throws -> [Double] {
      try data.qrels("test").qids.map { qid in
        let pairs = try ["both", "one", "other"].map {
          ScoringPair(query: try data.query(qid), document: try data.document("\(qid)-\($0)"))
        }
        let scores = try model.rankingScores(pairs).map(\.score)
        return scores[0] - max(scores[1], scores[2])
      }
    }
    let trained = try margins(model), untrained = try margins(fresh)
    #expect(trained.count { $0 > 0 } >= 6, "\(trained)")
    #expect(trained.reduce(0, +) > untrained.reduce(0, +) + 1, "\(trained) \(untrained)")
    // The same seed, the same bits.
    let again = try training(base).train(on: data, seed: 1)
    #expect(try margins(again) == trained)
  }

  @Test("The study runs with every method, and equal seeds give equal outcomes")
  func study() throws {
    let bench = try TinyBench()
    defer { bench.remove() }
    let base = try languageModel(bench)
    func run(_ changes: [(String, String)]) throws -> StudyOutcome {
      let common = [
        ("data", "tiny"), ("model", base.path), ("epochs", "2"), ("batch", "4"), ("negatives", "2"), ("passage-tokens", "24"),
        ("likelihood-epochs", "1"), ("depth", "10"),
      ]
      return try TILDEStudy.run(
        try StudySettings(TILDEStudy.self, (common + changes).map { (name: $0.0, value: $0.1) }), seed: 3,
        context: StudyContext(home: bench.home))
    }
    let baseline = try run([("method", "bm25")])
    #expect(baseline.items.count == 8 && baseline.values["nDCG@10"]?.allSatisfy { $0 > 0 && $0 <= 1 } == true)
    for changes in [[], [("expansion", "10")], [("expansion", "10"), ("reading", "first")]] {
      let outcome = try run(changes)
      #expect(outcome.items == baseline.items && outcome.values["nDCG@10"]?.allSatisfy { $0 >= 0 && $0 <= 1 } == true)
      #expect(try run(changes) == outcome)
      // Of the weights that are tried 0 is one: on the development queries the sum is never worse.
      let fused = try run(changes + [("first-stage", "added")])
      #expect(try #require(fused.development) >= #require(outcome.development))
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: bench.home.cache).allSatisfy { !$0.hasPrefix("token-weights") })
  }
}
