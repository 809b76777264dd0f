import GradusCore
import GradusEval
import GradusModels
import GradusTensor
@testable import GradusTrain

/// A two-layer scorer of numbers that stand in the document's text, with dropout between the layers.
final class TinyScorer: PairScorer {
  let hidden: Linear
  let output: Linear
  let dropout: Dropout
  let logitsPerPair: Int

  init(seed: UInt64, dropout rate: Double = 0.2, logits: Int = 1) {
    var generator = SeededGenerator(seed: seed)
    hidden = Linear(
      "hidden", inputs: TinyTexts.features, outputs: 5, activation: .gelu, standardDeviation: 0.5, using: &generator)
    output = Linear("output", inputs: 5, outputs: logits, standardDeviation: 0.5, using: &generator)
    dropout = Dropout(rate: rate)
    logitsPerPair = logits
  }

  var parameters: [Parameter] { hidden.parameters + output.parameters }

  func scores(_ batch: [ScoringPair], context: ForwardContext) -> Tensor {
    let features = batch.flatMap { pair in pair.document.text.split(separator: " ").map { Float($0) ?? 0 } }
    let x = Tensor(features, shape: [batch.count, TinyTexts.features])
    let logits = output(dropout(hidden(x), context))
    return logitsPerPair == 1 ? logits.reshaped(to: [batch.count]) : logits
  }

  var bits: [UInt32] { parameters.flatMap { $0.value.floats().map(\.bitPattern) } }
}

/// Texts for `TinyCollection`: each document's grade, slightly hidden in noise, and its first-stage position.
enum TinyTexts {
  static let features = 3

  static let texts: InMemoryTexts = {
    var generator = SeededGenerator(seed: 99)
    let qrels = TinyCollection.qrels
    let queries = TinyCollection.run.rankings.map { Query(qid: $0.qid, text: "query") }
    let documents = TinyCollection.run.rankings.flatMap { ranking in
      ranking.documents.map { document in
        let grade = Double(qrels.grade(qid: ranking.qid, docno: document.docno) ?? 0)
        let values = [grade + 0.4 * generator.normal(), document.score / 20, generator.normal()]
        return Document(docno: document.docno, text: values.map { "\($0)" }.joined(separator: " "))
      }
    }
    return InMemoryTexts(queries: queries, documents: documents)
  }()

  static func validation(_ measure: String = "RR(rel=2)@5") throws -> RankingValidation {
    let groups = try TinyCollection.run.rankings.prefix(5).map { ranking in
      CandidateGroup(
        query: try texts.query(ranking.qid),
        candidates: try ranking.documents.map { Candidate(document: try texts.document($0.docno)) })
    }
    return RankingValidation(
      groups: groups, qrels: TinyCollection.qrels, measure: try MeasureSpecification(measure), maximumTokens: 7)
  }
}

/// Validation values from a list, one an epoch.
final class ScriptedValidation: TrainingValidation {
  let results: [ValidationResult]
  private var next = 0

  init(_ values: [Double]) { results = values.map { ValidationResult(value: $0) } }
  init(perQuery: [[Double]]) {
    results = perQuery.map { ValidationResult(value: $0.reduce(0, +) / Double($0.count), perQuery: $0) }
  }

  func validate(_ models: [TrainedModel]) -> ValidationResult {
    defer { next += 1 }
    return results[min(next, results.count - 1)]
  }
}

/// Everything that a training is made of, with settings that tests change.
struct TinyTraining {
  enum Sampling { case pairs, points, binaryPoints, triples(path: String) }

  var options = TrainerOptions(seed: 11)
  var sampling = Sampling.pairs
  var scorerSeed: UInt64 = 1
  var dropout = 0.2
  var logits = 1
  var objectives = [TrainingObjective(PairwiseSoftmaxLoss())]
  var validation: (any TrainingValidation)?
  var hooks: [any TrainerHook] = []
  var learningRate = 0.05
  /// Plain gradient descent, whose steps show the size of gradients, at a constant rate.
  var usesSGD = false

  init() {
    options.batchSize = 4
    options.epochLength = .samples(10)
    options.maxEpochs = 6
    options.showsProgress = false
  }

  func make() throws -> (trainer: Trainer, scorer: TinyScorer) {
    let scorer = TinyScorer(seed: scorerSeed, dropout: dropout, logits: logits)
    let groups = [
      ParameterGroup("hidden", parameters: scorer.hidden.parameters, learningRate: learningRate / 2),
      ParameterGroup("output", parameters: scorer.output.parameters, learningRate: learningRate),
    ]
    let model = usesSGD
      ? TrainedModel(scorer, optimizer: SGD(groups: groups))
      : TrainedModel(
        scorer, optimizer: Adam(groups: groups), schedule: LinearWarmupDecay(warmupSteps: 2, totalSteps: 200))
    return (try make(models: [model]), scorer)
  }

  func make(models: [TrainedModel]) throws -> Trainer {
    let run = TinyCollection.run
    let qrels = TinyCollection.qrels
    let sampler: any TrainingSampler
    switch sampling {
    case .pairs: sampler = try PairwiseSampler(run: run, qrels: qrels, negatives: 2, seed: 3)
    case .points: sampler = try PointwiseSampler(run: run, qrels: qrels, seed: 3)
    case .binaryPoints: sampler = try PointwiseSampler(run: run, qrels: qrels, labels: .binary, seed: 3)
    case .triples(let path): sampler = try TripleFileSampler(path: path, form: .pairwise)
    }
    return try Trainer(
      models: models, sampler: sampler, texts: TinyTexts.texts, objectives: objectives, validation: validation,
      hooks: hooks, options: options)
  }

  /// Weights after training to the end.
  func trainedBits() throws -> [UInt32] {
    let (trainer, scorer) = try make()
    _ = try trainer.train()
    return scorer.bits
  }

  static func curriculum(
    _ heuristic: any DifficultyHeuristic = ReciprocalRankDifficulty(), endEpoch: Int? = 3
  ) throws -> CurriculumWeighting {
    CurriculumWeighting(
      heuristic: heuristic, schedule: try LinearCurriculum(endEpoch: endEpoch),
      statistics: try FirstStageStatistics(run: TinyCollection.run))
  }
}
