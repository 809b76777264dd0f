#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusData
import GradusEval
import GradusFormats
import GradusModels
import GradusRank
import GradusTrain

/// Carries out a recipe: trains every arm with every seed on the same candidates, tests once, compares.
///
///     let run = RecipeRun(try RecipeCatalog.current.recipe("curricula"), mode: .quick, out: "curricula-result")
///     let report = try run.run()
///     report.result.conclusion
///
/// Every finished training is kept under `out`, so that an interrupted run goes on with the next one. What is chosen (the
/// best epoch, the end of a curriculum, the arm that the verdict is about) is chosen on development queries.
public struct RecipeRun {
  public let recipe: Recipe
  public let mode: Recipe.Mode
  public let out: String
  /// Instead of the recipe's own number.
  public var seeds: Int?
  /// Instead of the recipe's collections.
  public var collections: [String] = []
  /// Instead of the model that the recipe's settings name.
  public var model: String?
  public var home = DataHome.current
  /// Told of each training before it starts, and of collections that are left out.
  public var log: (String) -> Void = { _ in }
  /// The day that the result is dated.
  public var date: String

  public init(_ recipe: Recipe, mode: Recipe.Mode, out: String, date: String) {
    self.recipe = recipe
    self.mode = mode
    self.out = out
    self.date = date
  }

  /// The result with the trainings behind it.
  public struct Report {
    public let result: RecipeResult
    let details: [ExperimentDetails]
  }

  public func run() throws -> Report {
    try Folder.create(out)
    let plan = recipe.plan(mode)
    var details: [ExperimentDetails] = []
    for collection in try chosenCollections() {
      let bench = try Bench(run: self, plan: plan, data: try TrainingData(collection, home: home))
      for experiment in plan.experiments {
        let before = details.filter { $0.result.collection == collection.name }
        details.append(try bench.run(experiment, before: before))
      }
    }
    let report = Report(result: result(details.map(\.result)), details: details)
    try JSONFile.write(report.result, to: out + "/result.json")
    let page = try OutputFile(path: out + "/report.html")
    try page.write(report.html)
    try page.commit()
    return report
  }

  private func chosenCollections() throws -> [TestCollection] {
    let catalog = CollectionCatalog(home: home)
    if !collections.isEmpty { return try collections.map(catalog.locate) }
    let optional = mode == .full ? recipe.optionalCollections : []
    return try recipe.collections.map(catalog.locate) + optional.compactMap { name in
      let found = try? catalog.locate(name)
      if found == nil { log("\(name): not on this machine, left out") }
      return found
    }
  }

  private func result(_ experiments: [RecipeResult.Experiment]) -> RecipeResult {
    let conclusion = Verdict(all: experiments.map { ($0.conclusion, $0.difference) })
    let figures = experiments.map { experiment -> String in
      let judged = experiment.comparisons.first {
        $0.arm == experiment.judgedArm && $0.measure == recipe.claim.measure.description
      }
      let percent = NumberText.signed(judged?.relativePercent ?? 0, 1)
      return "\(experiment.name) on \(experiment.collection) \(percent) %"
    }
    return RecipeResult(
      slug: recipe.slug, title: recipe.title, source: recipe.source, mode: mode, claim: recipe.claim.text,
      claimMeasure: recipe.claim.measure.description, verdict: conclusion == .shown ? "shown" : "not shown",
      conclusion: conclusion, figure: "\(recipe.claim.measure): " + figures.joined(separator: ", "),
      experiments: experiments, version: GradusVersion.current, date: date)
  }
}

/// An experiment's result with the curves and the per-query values behind it.
struct ExperimentDetails {
  let result: RecipeResult.Experiment
  let qids: [String]
  /// By arm, then by seed.
  let cells: [(arm: String, seeds: [RecipeCell])]
  /// The curriculum settings of the claimed arm with the best development figure.
  let bestCurriculum: [Recipe.Setting]
}

/// A collection with its test queries, on which experiments run.
private struct Bench {
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
    var trained: [(arm: Recipe.Arm, settings: TrainingSettings, cells: [RecipeCell])] = []
    for arm in experiment.arms {
      var values = experiment.settings + arm.settings
      if let other = arm.bestOf, let best = before.first(where: { $0.result.name == other })?.bestCurriculum {
        values += best
      }
      if let end = arm.endOf.flatMap({ ends[$0] }) { values.append(Recipe.Setting(name: "curriculum-end", value: end)) }
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
      trained.append((arm, settings, cells))
    }
    return try details(experiment, seeds: seeds, candidates: candidates, trained)
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
      let value = try cell("\(arm.name)-end\(end)", experiment, own, nil).bestDevelopment
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
    let folder = "\(run.out)/cells/\(collection.filter { $0 != "/" })/\(experiment.name)"
    try Folder.create(folder)
    let digest = try digest(training, tested: groups.map { _ in experiment.testDepth })
    let path = "\(folder)/\(name).json"
    if FileManager.default.fileExists(atPath: path) {
      let known = try JSONFile.read(RecipeCell.self, from: path)
      if known.digest == digest { return known }
    }
    run.log("\(collection), \(experiment.name): training \(name)")
    guard let trained = try training.train() else { throw CancellationError() }
    var values: [String: [Double]] = [:]
    if let groups {
      let reranker = PairReranker(trained.model.scorer)
      let ranked = Run(name: name, rankings: try reranker.rerank(groups, depth: .max).map(\.ranking))
      let evaluation = try evaluate(qrels: testQrels, run: ranked, measures: run.recipe.measures)
      for (measure, perQuery) in zip(evaluation.measures, evaluation.values) { values[measure.description] = perQuery }
    }
    let history = trained.history
    let cell = RecipeCell(
      digest: digest, bestDevelopment: history.epochs[history.bestEpoch].dev, bestEpoch: history.bestEpoch,
      epochs: history.epochs.map(\.withoutTime), values: values)
    try JSONFile.write(cell, to: path)
    return cell
  }

  private func digest(_ training: RankerTraining, tested depth: Int?) throws -> String {
    var parts = training.settings.values.map { "\($0.name)=\($0.value)" }
    parts += training.digests.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    parts += ["base=\(training.baseDigest)", "version=\(GradusVersion.current)"]
    if let depth { parts += ["test-depth=\(depth)"] + testQrels.qids + run.recipe.measures.map(\.description) }
    return SHA256Digest.hex(of: Array(parts.joined(separator: "\n").utf8))
  }

  // MARK: - Results

  private func details(
    _ experiment: Recipe.Experiment, seeds: Int, candidates: Run,
    _ trained: [(arm: Recipe.Arm, settings: TrainingSettings, cells: [RecipeCell])]
  ) throws -> ExperimentDetails {
    let measures = run.recipe.measures
    let firstStage = try evaluate(qrels: testQrels, run: candidates, measures: measures)
    var arms = [
      RecipeResult.Arm(
        name: "first stage", isClaimed: false, curriculum: nil, curriculumEnd: nil, development: nil,
        figures: zip(measures, firstStage.aggregates).map {
          RecipeResult.Figure(measure: $0.description, mean: $1, seeds: [])
        })
    ]
    arms += trained.map { arm, settings, cells in
      let hasCurriculum = settings.curriculum != "none"
      return RecipeResult.Arm(
        name: arm.name, isClaimed: arm.isClaimed, curriculum: hasCurriculum ? settings.curriculum : nil,
        curriculumEnd: hasCurriculum ? settings.curriculumEnd.map { "\($0)" } ?? "never" : nil,
        development: cells.map(\.bestDevelopment).mean,
        figures: measures.map { measure in
          let means = cells.map { ($0.values[measure.description] ?? []).mean }
          return RecipeResult.Figure(measure: measure.description, mean: means.mean, seeds: means)
        })
    }
    let comparisons = try measures.flatMap { try compare(experiment, trained, $0.description) }
    let claimed = trained.filter(\.arm.isClaimed)
    let best = claimed.indices.max { first, second in
      let (a, b) = (claimed[first].cells.map(\.bestDevelopment).mean, claimed[second].cells.map(\.bestDevelopment).mean)
      return (a, -first) < (b, -second)
    }
    let judged = best.map { claimed[$0] }
    let decisive = comparisons.first { $0.arm == judged?.arm.name && $0.measure == run.recipe.claim.measure.description }
    let result = RecipeResult.Experiment(
      collection: collection, name: experiment.name, queries: firstStage.qids.count, seeds: seeds, arms: arms,
      comparisons: comparisons, judgedArm: judged?.arm.name ?? "", difference: decisive?.difference ?? 0,
      conclusion: decisive.map { Verdict(difference: $0.difference, correctedP: $0.correctedP, seedsP: $0.seedsP) } ?? .notShown)
    let settings = judged?.settings.values.filter { $0.name == "curriculum" } ?? []
    return ExperimentDetails(
      result: result, qids: firstStage.qids, cells: trained.map { ($0.arm.name, $0.cells) },
      bestCurriculum: settings.map { Recipe.Setting(name: $0.name, value: $0.value) })
  }

  /// All arms against the baseline, corrected for their number.
  private func compare(
    _ experiment: Recipe.Experiment,
    _ trained: [(arm: Recipe.Arm, settings: TrainingSettings, cells: [RecipeCell])], _ measure: String
  ) throws -> [RecipeResult.Comparison] {
    func values(_ cells: [RecipeCell]) -> [[Double]] { cells.map { $0.values[measure] ?? [] } }
    let baseline = values(trained.first { $0.arm.name == experiment.baseline }?.cells ?? [])
    let others = trained.filter { $0.arm.name != experiment.baseline }
    let tests = try others.map { try SeedComparison(first: baseline, second: values($0.cells), test: run.recipe.test) }
    let corrected = try run.recipe.correction.adjust(tests.map(\.overQueries.p))
    let mean = baseline.map(\.mean).mean
    return zip(others, zip(tests, corrected)).map { other, test in
      RecipeResult.Comparison(
        arm: other.arm.name, baseline: experiment.baseline, measure: measure,
        difference: test.0.overQueries.meanDifference,
        relativePercent: mean > 0 ? 100 * test.0.overQueries.meanDifference / mean : 0,
        interval: test.0.interval.map { [$0.lower, $0.upper] } ?? [], p: test.0.overQueries.p, correctedP: test.1,
        seedsP: test.0.overSeeds.p)
    }
  }
}

extension [Double] {
  /// 0 for none.
  var mean: Double { isEmpty ? 0 : reduce(0, +) / Double(count) }
}

extension TrainingHistory.Epoch {
  /// The same with time 0, for files that must not depend on the clock.
  var withoutTime: Self {
    Self(
      epoch: epoch, loss: loss, weightedLoss: weightedLoss, meanEasiness: meanEasiness, meanWeight: meanWeight,
      hardShare: hardShare, dev: dev, isBest: isBest, seconds: 0)
  }
}
