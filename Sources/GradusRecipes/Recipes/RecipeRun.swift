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
    for experiment in plan.experiments {
      guard let study = experiment.study.flatMap(StudyCatalog.study) else { continue }
      details.append(try StudyBench(run: self, study: study).run(experiment))
    }
    let trains = plan.experiments.contains { $0.study == nil }
    for (collection, plan) in trains ? try chosenCollections() : [] {
      let bench = try TrainingBench(run: self, plan: plan, data: try TrainingData(collection, home: home))
      for experiment in plan.experiments where experiment.study == nil {
        let before = details.filter { $0.result.collection == collection.name }
        details.append(try bench.run(experiment, before: before))
      }
    }
    let report = Report(result: try result(details.map(\.result)), details: details)
    try JSONFile.write(report.result, to: out + "/result.json")
    let page = try OutputFile(path: out + "/report.html")
    try page.write(report.html)
    try page.commit()
    return report
  }

  /// The collections, each with what is carried out on it.
  private func chosenCollections() throws -> [(TestCollection, Recipe.Plan)] {
    let catalog = CollectionCatalog(home: home), plan = recipe.plan(mode)
    if !collections.isEmpty {
      return try collections.map { (try catalog.locate($0), recipe.optionalCollections.contains($0) ? optionalPlan : plan) }
    }
    let optional = mode == .full ? recipe.optionalCollections : []
    return try recipe.collections.map { (try catalog.locate($0), plan) } + optional.compactMap { name in
      let found = try? catalog.locate(name)
      if found == nil { log("\(name): not on this machine, left out") }
      return found.map { ($0, optionalPlan) }
    }
  }

  private var optionalPlan: Recipe.Plan { mode == .full ? recipe.optional : recipe.plan(mode) }

  private func result(_ experiments: [RecipeResult.Experiment]) throws -> RecipeResult {
    let conclusion = try Verdict(all: experiments, correction: recipe.correction)
    let figures = experiments.map { experiment in
      "\(experiment.place) \(experiment.judged?.change ?? "-") \(experiment.claimMeasure)"
    }
    return RecipeResult(
      slug: recipe.slug, title: recipe.title, source: recipe.source, mode: mode, claim: recipe.claim.text,
      claimMeasure: recipe.claim.measure, verdict: conclusion == .shown ? "shown" : "not shown",
      conclusion: conclusion, figure: figures.joined(separator: ", "), experiments: experiments,
      version: GradusVersion.current, date: date)
  }

  /// A finished cell of this digest, from its file or from `body`, which is told of first.
  func cell(_ name: String, in folder: String, digest: String, _ body: () throws -> RecipeCell) throws -> RecipeCell {
    let folder = "\(out)/cells/\(folder)"
    try Folder.create(folder)
    let path = "\(folder)/\(name).json"
    if FileManager.default.fileExists(atPath: path) {
      let known = try JSONFile.read(RecipeCell.self, from: path)
      if known.digest == digest { return known }
    }
    log("\(folder.dropFirst(out.count + 7)): \(name)")
    let cell = try body()
    try JSONFile.write(cell, to: path)
    return cell
  }
}
