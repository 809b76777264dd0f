import Foundation
import GradusCore
import GradusModels
import GradusTensor
@testable import GradusTrain
import GradusTestSupport
import Testing

/// Notes which moment came when, and counts steps; its count is part of checkpoints.
struct DiaryHook: TrainerHook {
  struct State: Codable, Sendable, Equatable { var diary: [String] = [] }
  var state = State()
  var resumeState: State { state }
  mutating func resume(from state: State) { self.state = state }

  mutating func beforeEpoch(_ trainer: Trainer) { state.diary.append("epoch \(trainer.epoch)") }
  mutating func beforeForward(_ trainer: Trainer, samples: inout [TrainingSample]) {
    state.diary.append("forward \(trainer.step)")
  }
  mutating func afterBackward(_ trainer: Trainer, gradients: inout StepGradients) { state.diary.append("backward") }
  mutating func beforeOptimizerStep(_ trainer: Trainer, gradients: inout [String: GradientStore]) { state.diary.append("apply") }
  mutating func afterOptimizerStep(_ trainer: Trainer) { state.diary.append("stepped \(trainer.step)") }
  mutating func afterEpoch(_ trainer: Trainer, record: EpochRecord) { state.diary.append("done \(record.epoch)") }
}

@Suite("Trainer: everything composes")
struct TrainerCompositionTests {
  @Test("A loss of exits is the last path's plus the weight times the others', sample by sample")
  func exitObjective() throws {
    let samples = [
      TrainingSample.pairwise(qid: "q", positive: "a", negatives: ["b"]),
      TrainingSample.pairwise(qid: "r", positive: "c", negatives: ["d"]),
    ]
    // Two exits and the last path; of each document the three logits.
    let logits = Tensor([1, 2, 3, 0, 2, 1, -1, 0, 5, 1, 0, 5].map(Double.init), shape: [2, 2, 3])
    let pass = ForwardPass(samples: samples, epoch: 0, step: 0) { _ in
      ForwardPass.ModelOutput(scores: logits, embeddings: nil)
    }
    let found = try TrainingObjective(PairwiseCrossEntropyLoss(), exitWeight: 0.25).perSample(pass).doubles()
    func softplus(_ x: Double) -> Double { log(1 + exp(x)) }
    let expected = [
      softplus(-2) + 0.25 * (softplus(-1) + softplus(0)), softplus(0) + 0.25 * (softplus(2) + softplus(0)),
    ]
    for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-12) }
    let single = ForwardPass(samples: samples, epoch: 0, step: 0) { _ in
      ForwardPass.ModelOutput(scores: logits.slice(axis: 2, from: 0, to: 1).squeezed(-1), embeddings: nil)
    }
    #expect(throws: LossError.self) { try TrainingObjective(PairwiseCrossEntropyLoss(), exitWeight: 1).perSample(single) }
  }

  static func weightings() throws -> [(any SampleWeighting)?] {
    [
      nil, try TinyTraining.curriculum(), try TinyTraining.curriculum(NormalizedScoreDifficulty(), endEpoch: nil),
      try TinyTraining.curriculum(KDEScoreDifficulty()).averaged(over: .groupMean(size: 2)), LossMemoryWeighting(),
      try ProductWeighting([try TinyTraining.curriculum(), LossMemoryWeighting()], renormalization: .mean(1)),
    ]
  }

  @Test("Any loss with any weighting and any sampler, in whole batches and in micro-batches", arguments: 0..<8)
  func matrix(number: Int) throws {
    let loss = LossTests.losses[number]
    let isPairwise = "\(type(of: loss))".hasPrefix("Pairwise")
    let lines = TinyCollection.run.rankings.flatMap { ranking in
      (1..<4).map { "\(ranking.qid)\t\(ranking.documents[0].docno)\t\(ranking.documents[$0].docno)\n" }
    }
    let path = try TemporaryFolder.makeFile(lines.joined(), "triples.tsv")
    for sampling in [.pairs, .points, .binaryPoints, .triples(path: path)] as [TinyTraining.Sampling] {
      for weighting in try Self.weightings() {
        for microBatch in [nil, 3] as [Int?] {
          var training = TinyTraining()
          training.sampling = sampling
          training.logits = loss.logitsPerDocument
          training.options.microBatchSize = microBatch
          training.objectives = [TrainingObjective(loss, weighting: weighting)]
          let (trainer, scorer) = try training.make()
          let before = scorer.bits
          // Pairs cannot be made of single documents, and raw grades are no probabilities.
          let fits =
            switch sampling {
            case .pairs: !(loss is PointwiseCrossEntropyLoss)
            case .points: !isPairwise && !(loss is PointwiseCrossEntropyLoss)
            case .binaryPoints: !isPairwise
            case .triples: true
            }
          if fits {
            #expect(try trainer.train(steps: 4).end == .interrupted)
            #expect(trainer.step == 4 && scorer.bits != before)
          } else {
            #expect(throws: LossError.self) { try trainer.train(steps: 4) }
          }
        }
      }
    }
  }

  @Test("Hooks run at their moments, in order")
  func hookOrder() throws {
    var training = TinyTraining()
    training.options.epochLength = .samples(5)
    training.options.maxEpochs = 1
    training.hooks = [DiaryHook()]
    let trainer = try training.make().trainer
    _ = try trainer.train()
    #expect((trainer.hooks[0] as? DiaryHook)?.state.diary == [
      "epoch 0", "forward 0", "backward", "apply", "stepped 1", "forward 1", "backward", "apply", "stepped 2", "done 0",
    ])
  }

  @Test("A hook may exchange samples, change gradients and look at the whole set without gradient")
  func hooksChange() throws {
    struct Meddler: TrainerHook {
      let pool: [TrainingSample]
      mutating func beforeEpoch(_ trainer: Trainer) throws {
        let scores = try trainer.scores(of: pool)
        #expect(scores.map(\.count) == pool.map(\.documents.count))
        // Inference has no dropout: twice the same.
        #expect(try trainer.scores(of: pool) == scores)
        #expect(try trainer.currentGradients() == nil)
      }
      mutating func beforeForward(_ trainer: Trainer, samples: inout [TrainingSample]) {
        samples = Array(pool.prefix(samples.count))
      }
      mutating func afterBackward(_ trainer: Trainer, gradients: inout StepGradients) throws {
        // The same samples, weights and dropout masks give the same gradients again.
        let again = try #require(try trainer.currentGradients())
        let (first, second) = (gradients.total(model: "ranker"), again.total(model: "ranker"))
        #expect(first.parameters.count == 4)
        for parameter in first.parameters {
          #expect(first[parameter]?.floats() == second[parameter]?.floats())
        }
      }
      mutating func beforeOptimizerStep(_ trainer: Trainer, gradients: inout [String: GradientStore]) {
        gradients["ranker"]?.scale(by: 0)
      }
    }
    var sampler = try PairwiseSampler(run: TinyCollection.run, qrels: TinyCollection.qrels, negatives: 2, seed: 77)
    var training = TinyTraining()
    training.objectives = [TrainingObjective(PairwiseSoftmaxLoss(), weighting: LossMemoryWeighting())]
    training.hooks = [Meddler(pool: try sampler.next(8))]
    let (trainer, scorer) = try training.make()
    let before = scorer.bits
    _ = try trainer.train(steps: 2)
    #expect(scorer.bits == before)
    let seen = try #require(trainer.weightings[0] as? LossMemoryWeighting).seen
    #expect(Set(seen.keys) == Set((training.hooks[0] as? Meddler)?.pool.prefix(4).map(\.id) ?? []))
  }

  @Test("Several objectives: gradients apart add up to the gradients together, and hooks can tell them apart")
  func severalObjectives() throws {
    struct Halves: TrainerHook {
      let expected: Int
      let keep: Int?
      mutating func afterBackward(_ trainer: Trainer, gradients: inout StepGradients) {
        #expect(gradients.parts.count == expected)
        if let keep { gradients.parts = [gradients.parts[keep]] }
      }
    }
    func bits(_ combination: GradientCombination, keep: Int? = nil, only: Int? = nil) throws -> [Float] {
      var training = TinyTraining()
      training.usesSGD = true
      training.options.gradients = combination
      let both = [
        TrainingObjective(PairwiseSoftmaxLoss(), name: "softmax", weighting: try TinyTraining.curriculum()),
        TrainingObjective(PointwiseMSELoss(), name: "mse", scale: 0.3),
      ]
      training.objectives = only.map { [both[$0]] } ?? both
      training.hooks = [Halves(expected: combination == .separate ? training.objectives.count : 1, keep: keep)]
      let (trainer, scorer) = try training.make()
      _ = try trainer.train(steps: 1)
      return scorer.parameters.flatMap { $0.value.floats() }
    }
    let together = try bits(.summed)
    for (x, y) in zip(together, try bits(.separate)) { #expect(abs(x - y) < 1e-5) }
    #expect(try bits(.separate, keep: 1) == bits(.summed, only: 1))
    #expect(try bits(.separate, keep: 0) == bits(.summed, only: 0))
    #expect(try bits(.separate, keep: 0) != together)
  }

  @Test("A student learns from a frozen teacher; two rankers train together")
  func severalModels() throws {
    func optimizer(_ scorer: TinyScorer) -> any Optimizer {
      Adam(groups: [ParameterGroup(parameters: scorer.parameters, learningRate: 0.03)])
    }
    let teacher = TinyScorer(seed: 5, dropout: 0.5)
    let student = TinyScorer(seed: 6, dropout: 0)
    let teacherBits = teacher.bits
    var training = TinyTraining()
    training.options.maxEpochs = 40
    training.objectives = [
      TrainingObjective(name: "distillation", model: "student") { pass in
        (try pass.scores(of: "student") - pass.scores(of: "teacher")).square().mean(axes: [1])
      }
    ]
    let result = try training.make(models: [
      TrainedModel(student, name: "student", optimizer: optimizer(student)),
      TrainedModel(teacher, name: "teacher", optimizer: nil),
    ]).train()
    #expect(teacher.bits == teacherBits)
    #expect(result.history[39].objectives[0].meanLoss < 0.1 * result.history[0].objectives[0].meanLoss)

    let (first, second) = (TinyScorer(seed: 1), TinyScorer(seed: 2))
    training.options.maxEpochs = 2
    training.objectives = [
      TrainingObjective(PairwiseSoftmaxLoss(), name: "one", model: "first"),
      TrainingObjective(try PairwiseHingeLoss(), name: "two", model: "second", weighting: LossMemoryWeighting()),
    ]
    let before = (first.bits, second.bits)
    let both = try training.make(models: [
      TrainedModel(first, name: "first", optimizer: optimizer(first), gradientClipping: 0.01),
      TrainedModel(second, name: "second", optimizer: optimizer(second)),
    ])
    _ = try both.train()
    #expect(first.bits != before.0 && second.bits != before.1)
  }

  @Test("Dropout takes a stream of its own in every step and micro-batch, and none outside of training")
  func dropoutStreams() throws {
    final class Witness: PairScorer {
      let inner = TinyScorer(seed: 1)
      var seeds: [UInt64] = []
      var parameters: [Parameter] { inner.parameters }
      func scores(_ batch: [ScoringPair], context: ForwardContext) -> Tensor {
        if context.isTraining { seeds.append(context.nextSeed()) }
        return inner.scores(batch, context: .inference)
      }
    }
    func seeds(_ weighting: (any SampleWeighting)?) throws -> [UInt64] {
      var training = TinyTraining()
      training.options.maxEpochs = 2
      training.options.microBatchSize = 2
      training.validation = try TinyTexts.validation()
      training.objectives = [TrainingObjective(PairwiseSoftmaxLoss(), weighting: weighting)]
      let witness = Witness()
      let sgd = SGD(groups: [ParameterGroup(parameters: witness.parameters, learningRate: 0.1)])
      _ = try training.make(models: [TrainedModel(witness, optimizer: sgd)]).train()
      return witness.seeds
    }
    // 10 samples an epoch, 4 a step, 2 at once: 5 forward passes.
    let plain = try seeds(nil)
    #expect(plain.count == 10 && Set(plain).count == 10)
    // A weighting that reads scores has each step that is cut scored twice, with the same masks.
    let twice = try seeds(LossMemoryWeighting())
    #expect(twice.count == 18 && Set(twice) == Set(plain))
  }

  @Test("Clipping limits the global norm of a model's gradient")
  func clipping() throws {
    struct NormCheck: TrainerHook {
      mutating func afterBackward(_ trainer: Trainer, gradients: inout StepGradients) {
        #expect(gradients.total(model: "ranker").globalNorm() > 0.001)
      }
      mutating func beforeOptimizerStep(_ trainer: Trainer, gradients: inout [String: GradientStore]) {
        #expect(approximately(gradients["ranker"]?.globalNorm() ?? 0, 0.001, within: 1e-8))
      }
    }
    var training = TinyTraining()
    training.hooks = [NormCheck()]
    let scorer = TinyScorer(seed: 1)
    let sgd = SGD(groups: [ParameterGroup(parameters: scorer.parameters, learningRate: 0.1)])
    _ = try training.make(models: [TrainedModel(scorer, optimizer: sgd, gradientClipping: 0.001)]).train(steps: 3)
  }
}
