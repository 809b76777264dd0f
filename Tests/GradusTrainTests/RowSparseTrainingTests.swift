import GradusCore
import GradusModels
import GradusTensor
import Testing

@testable import GradusTrain

@Suite("Training with row-sparse gradients")
struct RowSparseTrainingTests {
  /// Turns the gradients into dense ones, or leaves them, and notes which parameters' are row-sparse in the end.
  private struct Witness: TrainerHook {
    let densifies: Bool
    final class Notes { var rowSparse: Set<String> = [] }
    let notes = Notes()

    mutating func afterBackward(_ trainer: Trainer, gradients: inout StepGradients) {
      guard densifies else { return }
      gradients.parts = gradients.parts.map { part in
        part.mapValues { store in
          var dense = GradientStore()
          for parameter in store.parameters { if let sum = store[parameter] { dense.add(sum, for: parameter) } }
          return dense
        }
      }
    }

    mutating func beforeOptimizerStep(_ trainer: Trainer, gradients: inout [String: GradientStore]) {
      for store in gradients.values {
        for parameter in store.parameters where store.gradient(of: parameter)?.isRowSparse == true {
          notes.rowSparse.insert(parameter.name)
        }
      }
    }
  }

  /// Of a vocabulary that is larger than a batch: 500 words of which the texts have a few.
  private static func scorer() throws -> BiEncoder {
    var generator = SeededGenerator(seed: 3)
    let configuration = BertConfiguration(
      vocabularySize: 500, hiddenSize: 8, intermediateSize: 12, layerCount: 1, headCount: 2, maximumPositions: 16,
      hiddenDropout: 0.1, attentionDropout: 0.1, initializerRange: 0.3)
    return BiEncoder(encoder: BertEncoder(configuration, using: &generator), tokenizer: try #require(TinyModel.tokenizer))
  }

  private static func trained(
    densifies: Bool, isLazy: Bool, change: (inout TrainerOptions) -> Void
  ) throws -> (bits: [UInt32], words: [Float], rowSparse: Set<String>) {
    var options = TrainerOptions(seed: 11)
    options.batchSize = 6
    options.epochLength = .samples(12)
    options.maxEpochs = 2
    options.showsProgress = false
    change(&options)
    let scorer = try scorer()
    let group = ParameterGroup(parameters: scorer.parameters, learningRate: 0.01, weightDecay: 0.1)
    let witness = Witness(densifies: densifies)
    let trainer = try Trainer(
      models: [TrainedModel(scorer, optimizer: AdamW(groups: [group], isLazy: isLazy), gradientClipping: 0.1)],
      sampler: try PairwiseSampler(run: TinyCollection.run, qrels: TinyCollection.qrels, negatives: 2, seed: 3),
      texts: TinyModel.texts, objectives: [
        TrainingObjective(PairwiseSoftmaxLoss(), name: "softmax"), TrainingObjective(PairwiseCrossEntropyLoss(), name: "pairs"),
      ], hooks: [witness], options: options)
    _ = try trainer.train()
    return (bits(scorer), scorer.encoder.embeddingTables[0].value.floats(), witness.notes.rowSparse)
  }

  static let changes: [@Sendable (inout TrainerOptions) -> Void] = [
    { _ in }, { $0.microBatchSize = 2 }, { $0.gradientCacheSize = 2 }, { $0.checkpointsActivations = true },
    { $0.gradients = .separate },
  ]

  @Test(
    "Whole batches, micro-batches, gradient caching, checkpoints, objectives apart: the bits of dense gradients, clipped",
    arguments: 0..<5, [false, true])
  func sameBits(number: Int, isLazy: Bool) throws {
    let sparse = try Self.trained(densifies: false, isLazy: isLazy, change: Self.changes[number])
    let dense = try Self.trained(densifies: true, isLazy: isLazy, change: Self.changes[number])
    #expect(sparse.bits == dense.bits)
    #expect(sparse.rowSparse.contains("embeddings.word_embeddings.weight") && dense.rowSparse.isEmpty)
    // Words that no text has fade, unless the optimizer is lazy.
    let start = try Self.scorer().encoder.embeddingTables[0].value.floats()
    #expect((sparse.words.suffix(100 * 8) == start.suffix(100 * 8)) == isLazy)
    #expect(sparse.words.prefix(16 * 8) != start.prefix(16 * 8))
  }

  @Test("The memory plan counts rows that a step can look up")
  func plan() throws {
    let scorer = try Self.scorer()
    let all = 4 * scorer.trainableParameters.reduce(0) { $0 + $1.value.count }
    func gradientBytes(_ tokens: Int, step: Int? = nil) -> Int {
      let plan = TrainingMemory(of: scorer, tokens: tokens, sequences: 4, stepTokens: step)
      #expect(plan.optimizerBytes == 2 * all)
      return plan.gradientBytes
    }
    // Positions and segments have fewer rows than the batch has tokens.
    #expect(gradientBytes(20) == all - 4 * 8 * 480)
    #expect(gradientBytes(20, step: 60) == all - 4 * 8 * 440)
    #expect(gradientBytes(20, step: 600) == all && gradientBytes(500) == all)
    let tokenizer = try #require(TinyModel.tokenizer)
    let cross = CrossEncoder(encoder: try Self.scorer().encoder, tokenizer: tokenizer, head: .cls, seed: 1)
    func plannedBytes() -> Int { TrainingMemory(of: cross, tokens: 20, sequences: 4).gradientBytes }
    func trainableBytes() -> Int { 4 * cross.trainableParameters.reduce(0) { $0 + $1.value.count } }
    #expect(plannedBytes() == trainableBytes() - 4 * 8 * 480)
    cross.encoder.freezeEmbeddings()
    #expect(plannedBytes() == trainableBytes())
  }
}
