import ArgumentParser
import Gradus

struct BenchWeightingsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "weightings", abstract: "What each sample weighting costs beside training without one.",
    discussion: """
        gradus bench weightings --model minilm-l6 --documents 16 --tokens 64 --json

      A step is one of the trainer: samples drawn, weighted, scored, differentiated, AdamW. Every weighting is measured in turns \
      with a training without one on the same pairs and pairwise cross-entropy. What a weighting needs beside that (a second \
      model, another pass) is said with its name.
      """)

  @OptionGroup var options: ModelBenchOptions

  @Option(help: ArgumentHelp("Documents of a step, a multiple of 4.", valueName: "n"))
  var documents = 16

  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard documents >= 8, documents % 4 == 0 else {
      throw ValidationError("--documents must be a multiple of 4 and at least 8, found \(documents)")
    }
  }

  func run() throws {
    let threadCount = threads.apply()
    let bench = try WeightingBench(folder: try options.folder(), documents: documents, tokens: options.tokens)
    var rows: [Figures.Row] = []
    for weighted in WeightingBench.Case.all {
      let row = try bench.measure(weighted, repeats: options.repeats)
      rows.append(row)
      if !output.json {
        try printOutput(
          "\(row.name)  \(row.seconds_per_step.fixed(4)) s/step, \(row.ratio.fixed(3)) of none"
            + (row.needs.isEmpty ? "\n" : "; needs \(row.needs)\n"))
      }
    }
    if output.json {
      try printJSON(
        Figures(
          weightings: rows, model: options.model, documents: documents, tokens: options.tokens, repeats: options.repeats,
          threads: threadCount, instruction_set: NumericBackend.instructionSet))
    }
  }

  /// Names are those of the JSON object.
  struct Figures: Encodable {
    struct Row: Encodable {
      let name: String
      let seconds_per_step: Double
      /// Median over the turns of this weighting's step over the one without beside it.
      let ratio: Double
      /// A second model or another pass; empty for none.
      let needs: String
    }

    let weightings: [Row]
    let model: String
    let documents: Int
    let tokens: Int
    let repeats: Int
    let threads: Int
    let instruction_set: String
  }
}

/// Pairs and texts that all weightings are measured on.
private struct WeightingBench {
  /// A weighting as it is trained with.
  struct Case {
    let name: String
    let needs: String
    /// Cuts the step in two.
    var isCut = false
    var hasSecondModel = false
    let make: @Sendable (WeightingBench) throws -> (any SampleWeighting)?

    static let all = [
      Case(name: "curriculum recip", needs: "") { try $0.curriculum(ReciprocalRankDifficulty()) },
      Case(name: "curriculum norm", needs: "") { try $0.curriculum(NormalizedScoreDifficulty()) },
      Case(name: "curriculum kde", needs: "") { try $0.curriculum(KDEScoreDifficulty()) },
      Case(name: "loss(warmup=0)", needs: "") { _ in try LossReweighting(warmupSteps: 0) },
      Case(
        name: "loss(warmup=0), step cut in two", needs: "a forward pass over the step, since weights need all losses", isCut: true
      ) { _ in try LossReweighting(warmupSteps: 0) },
      Case(name: "propensity", needs: "") { try InversePropensityWeighting(statistics: $0.statistics) },
      Case(name: "consensus", needs: "a pass over all pairs before each epoch, not in the step") {
        try ConsensusWeighting(
          pairs: $0.pairs, views: [.model("ranker"), .run($0.statistics)], division: try ConfidentConsensusDivision(), seed: 1)
      },
      Case(name: "cet", needs: "a second model, trained along, and a pass of each over the step", hasSecondModel: true) { _ in
        try CoupledEstimation(selection: "selection").relevanceWeighting
      },
    ]
  }

  let statistics: FirstStageStatistics
  let pairs: [TrainingSample]
  private let folder: ModelFolder
  private let limits: TokenLimits
  private let texts: InMemoryTexts
  private let run: Run
  private let qrels: Qrels

  init(folder: ModelFolder, documents: Int, tokens: Int) throws {
    self.folder = folder
    limits = TokenLimits(maximumTokens: tokens)
    let words = try BenchWords.plain(of: folder.tokenizer())
    var generator = SeededGenerator(seed: 2)
    func text(_ count: Int) -> String {
      (0..<count).map { _ in words[generator.integer(below: words.count)] }.joined(separator: " ")
    }
    let queries = (0..<documents / 2).map { Query(qid: "q\($0)", text: text(min(8, tokens / 4))) }
    let own = queries.map { query in (0..<4).map { Document(docno: "\(query.qid)-\($0)", text: text(tokens)) } }
    texts = InMemoryTexts(queries: queries, documents: own.flatMap { $0 })
    run = Run(name: "first stage", rankings: zip(queries, own).map { query, documents in
      Ranking(qid: query.qid, documents: documents.enumerated().map {
        ScoredDocument(docno: $1.docno, score: Double(10 - $0))
      })
    })
    var qrels = Qrels()
    for query in queries { qrels.judge(qid: query.qid, docno: query.qid + "-1", grade: 1) }
    self.qrels = qrels
    statistics = try FirstStageStatistics(run: run)
    pairs = queries.map { .pairwise(qid: $0.qid, positive: $0.qid + "-1", negatives: [$0.qid + "-0"]) }
  }

  func curriculum(_ heuristic: any DifficultyHeuristic) throws -> CurriculumWeighting {
    CurriculumWeighting(heuristic: heuristic, schedule: try LinearCurriculum(endEpoch: 20), statistics: statistics)
  }

  func measure(_ weighted: Case, repeats: Int) throws -> BenchWeightingsCommand.Figures.Row {
    let own = try trainer(weighted)
    let plain = try trainer(Case(name: "none", needs: "", isCut: weighted.isCut) { _ in nil })
    // The first step opens the epoch, with whatever belongs before it.
    for trainer in [own, plain] { _ = try trainer.train(steps: 1) }
    var times: [Double] = [], ratios: [Double] = []
    for _ in 0..<repeats {
      let first = try seconds { _ = try plain.train(steps: 1) }, second = try seconds { _ = try own.train(steps: 1) }
      times.append(second)
      ratios.append(second / first)
    }
    return BenchWeightingsCommand.Figures.Row(
      name: weighted.name, seconds_per_step: MedianAndBest(times, best: { $0.min() }).median,
      ratio: MedianAndBest(ratios, best: { $0.min() }).median, needs: weighted.needs)
  }

  private func trainer(_ weighted: Case) throws -> Trainer {
    func model(_ name: String, seed: UInt64) throws -> TrainedModel {
      let scorer = try CrossEncoder(base: folder, head: .similarity, limits: limits, seed: seed)
      let group = ParameterGroup(parameters: scorer.parameters, learningRate: 1e-6, weightDecay: 0.01)
      return TrainedModel(scorer, name: name, optimizer: AdamW(groups: [group]))
    }
    var models = [try model("ranker", seed: 1)]
    var objectives = [TrainingObjective(PairwiseCrossEntropyLoss(), weighting: try weighted.make(self))]
    if weighted.hasSecondModel {
      models.append(try model("selection", seed: 2))
      objectives.append(
        TrainingObjective(
          PairwiseCrossEntropyLoss(), name: "selection", model: "selection",
          weighting: try CoupledEstimation(selection: "selection").selectionWeighting))
    }
    var options = TrainerOptions(seed: 1)
    options.batchSize = pairs.count
    options.microBatchSize = weighted.isCut ? pairs.count / 2 : nil
    options.epochLength = .samples(1 << 40)
    options.showsProgress = false
    return try Trainer(
      models: models, sampler: try PairwiseSampler(run: run, qrels: qrels, seed: 1), texts: texts, objectives: objectives,
      options: options)
  }
}
