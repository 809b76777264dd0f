import GradusCore
import GradusData
import GradusEval
import GradusModels
import GradusRank
import GradusTrain

/// A collection with its test queries, on which experiments run.
struct TrainingBench {
  let run: RecipeRun
  let plan: Recipe.Plan
  let data: TrainingData
  let testQrels: Qrels

  init(run: RecipeRun, plan: Recipe.Plan, data: TrainingData) throws {
    self.run = run
    self.plan = plan
    self.data = data
    testQrels = TrainingData.evenly(try data.qrels(run.recipe.testSplit), plan.testQueries)
  }

  private var collection: String { data.collection.name }

  func run(_ experiment: Recipe.Experiment, before: [ExperimentDetails]) throws -> ExperimentDetails {
    let seeds = run.seeds ?? experiment.seeds
    let candidates = try data.run(testQrels, model: run.recipe.firstStage, depth: experiment.testDepth)
    let groups = try data.groups(candidates, qrels: testQrels)
    var ends: [String: String] = [:]
    var trained: [TrainedArm] = []
    var curricula: [String: String] = [:]
    for arm in experiment.arms {
      var values = experiment.settings + arm.settings
      if let other = arm.bestOf, let best = before.first(where: { $0.result.name == other })?.bestCurriculum {
        values += best
      }
      if let end = arm.endOf.flatMap({ ends[$0] }) { values.append(Recipe.Setting(name: "curriculum-end", value: end)) }
      let choice = try experiment.grid.merged(with: arm.grid).choose { chosen, number in
        var own = try self.settings(values + chosen)
        own.seed = 1
        return try cell("\(arm.name)-grid\(number + 1)", experiment, own, nil).development
      }
      values += choice.settings
      var settings = try settings(values)
      if settings.curriculum != "none", arm.isClaimed, arm.bestOf == nil, !experiment.curriculumEnds.isEmpty {
        try settings.set("curriculum-end", to: "\(try chosenEnd(experiment, arm, settings))")
      }
      ends[arm.name] = settings.values.first { $0.name == "curriculum-end" }?.value
      let cells = try (0..<seeds).map { seed in
        var own = settings
        own.seed = UInt64(seed + 1)
        return try cell("\(arm.name)-seed\(seed + 1)", experiment, own, groups)
      }
      let hasCurriculum = settings.curriculum != "none"
      curricula[arm.name] = settings.curriculum
      trained.append(
        TrainedArm(
          arm: arm, cells: cells, curriculum: hasCurriculum ? settings.curriculum : nil,
          curriculumEnd: hasCurriculum ? settings.curriculumEnd.map { "\($0)" } ?? "never" : nil, tried: choice.tried))
    }
    let firstStage = try evaluate(qrels: testQrels, run: candidates, measures: run.recipe.measures)
    let comparison = ExperimentComparison(
      experiment: experiment, collection: collection, itemNoun: "test queries", items: firstStage.qids, seeds: seeds,
      measures: run.recipe.measures.map { StudyMeasure($0.description) }, arms: trained)
    let best = comparison.judgedArm?.arm.name
    return try comparison.details(
      test: run.recipe.test, correction: run.recipe.correction,
      firstStage: zip(run.recipe.measures, firstStage.aggregates).map {
        RecipeResult.Figure(measure: $0.description, mean: $1, seeds: [])
      },
      bestCurriculum: best.flatMap { curricula[$0] }.map { [Recipe.Setting(name: "curriculum", value: $0)] } ?? [])
  }

  private func settings(_ values: [Recipe.Setting]) throws -> TrainingSettings {
    var settings = try TrainingSettings(values: values.map { ($0.name, $0.value) })
    settings.data = collection
    settings.firstStage = run.recipe.firstStage
    settings.tunesFirstStageWeight = false
    settings.model = run.model ?? settings.model
    return settings
  }

  /// The end with the best development figure, with one seed; the earliest among equals.
  private func chosenEnd(_ experiment: Recipe.Experiment, _ arm: Recipe.Arm, _ settings: TrainingSettings) throws -> Int {
    var best: (end: Int, value: Double)?
    for end in experiment.curriculumEnds {
      var own = settings
      own.curriculumEnd = end
      own.seed = 1
      let value = try cell("\(arm.name)-end\(end)", experiment, own, nil).development ?? 0
      if best.map({ value > $0.value }) ?? true { best = (end, value) }
    }
    return best?.end ?? 1
  }

  /// One training and its test, from its file where that is there. Without `groups` there is no test.
  private func cell(
    _ name: String, _ experiment: Recipe.Experiment, _ settings: TrainingSettings, _ groups: [CandidateGroup]?
  ) throws -> RecipeCell {
    let base = ModelFolder(path: try ModelCatalog(home: run.home).locate(settings.model).folder)
    let training = try RankerTraining(settings, data: data, base: base)
    let digest = try digest(training, tested: groups.map { _ in experiment.testDepth })
    return try run.cell(name, in: "\(collection.filter { $0 != "/" })/\(experiment.name)", digest: digest) {
      guard let trained = try training.train() else { throw CancellationError() }
      var values: [String: [Double]] = [:]
      if let groups {
        let reranker = PairReranker(trained.model.scorer)
        let ranked = Run(name: name, rankings: try reranker.rerank(groups, depth: .max).map(\.ranking))
        let evaluation = try evaluate(qrels: testQrels, run: ranked, measures: run.recipe.measures)
        for (measure, perQuery) in zip(evaluation.measures, evaluation.values) { values[measure.description] = perQuery }
      }
      let history = trained.history
      return RecipeCell(
        digest: digest, development: history.epochs[history.bestEpoch].dev, values: values,
        curves: TrainingCurves.curves(history.epochs.map(\.withoutTime), measure: settings.devMeasure))
    }
  }

  private func digest(_ training: RankerTraining, tested depth: Int?) throws -> String {
    var parts = training.settings.values.map { "\($0.name)=\($0.value)" }
    parts += training.digests.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    parts += ["base=\(training.baseDigest)", "version=\(GradusVersion.current)"]
    if let depth { parts += ["test-depth=\(depth)"] + testQrels.qids + run.recipe.measures.map(\.description) }
    return SHA256Digest.hex(of: Array(parts.joined(separator: "\n").utf8))
  }
}
