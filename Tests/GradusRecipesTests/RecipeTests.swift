import Foundation
import GradusCore
@testable import GradusRecipes
import Testing

@Suite struct RecipeTests {
  static let text = """
    slug: tiny
    title: A tiny recipe
    source: nobody
    claim: {text: It gains., measure: RR@10, relative-gain-percent: 4}
    collections: [tiny]
    first-stage: bm25
    measures: [RR@10, P@1]
    test: t
    correction: holm
    experiments:
      - name: cross
        baseline: none
        seeds: 3
        test-depth: 10
        curriculum-ends: [1, 2]
        settings: {samples-per-epoch: 8, epochs: 2, batch: 4, depth: 20, dev-depth: 5, maximum-tokens: 24}
        arms:
          - {name: none}
          - {name: recip, claimed: true, settings: {curriculum: recip}}
          - {name: anti, end-of: recip, settings: {curriculum: recip, anti: true}}
      - name: conv
        baseline: none
        settings: {architecture: conv-knrm, samples-per-epoch: 8, epochs: 1, batch: 4, curriculum-end: 1}
        arms:
          - {name: none}
          - {name: best, claimed: true, best-of: cross}
    quick:
      experiments:
        - {name: cross, seeds: 2, arms: [none, recip]}
        - {name: conv}

    """

  private func withFile<Result>(_ text: String, _ body: (String) throws -> Result) throws -> Result {
    let path = NSTemporaryDirectory() + "recipe-\(UUID().uuidString).yaml"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
  }

  @Test("A recipe states its protocol; the quick plan changes the full one")
  func reads() throws {
    let recipe = try withFile(Self.text) { try Recipe(path: $0) }
    let full = recipe.plan(.full).experiments
    #expect(full.map(\.name) == ["cross", "conv"] && full[0].seeds == 3 && full[0].curriculumEnds == [1, 2])
    #expect(full[0].arms.map(\.name) == ["none", "recip", "anti"] && full[0].arms[1].isClaimed)
    let quick = recipe.plan(.quick).experiments
    #expect(quick[0].seeds == 2 && quick[0].arms.map(\.name) == ["none", "recip"] && quick[0].testDepth == 10)
    #expect(quick[1] == full[1])
  }

  @Test("Mistakes in a recipe are refused with their line and the nearest name", arguments: [
    ("seeds: 3", "seedz: 3", 13, RecipeError.Reason.unknownKey("seedz", nearest: "seeds")),
    ("epochs: 2", "epocs: 2", 16, .unknownKey("epocs", nearest: "epochs")),
    ("seeds: 3", "seeds: none", 13, .value(key: "seeds", found: "none", expected: "a whole number of at least 1")),
    ("best-of: cross", "best-of: crs", 26, .reference(key: "best-of", name: "crs", known: ["cross"])),
    ("correction: holm", "correction: hol", 9,
      .value(key: "correction", found: "hol", expected: "one of benjamini-hochberg, bonferroni, holm, none")),
    ("slug: tiny\n", "", 1, .missingKey("slug")),
    ("curriculum: recip}}", "curriculum: recipp}}", 19,
      .setting(.value(
        setting: "curriculum", found: "recipp", expected: "one of none, recip, norm, kde, teacher (did you mean 'recip'?)"))),
  ])
  func refuses(part: String, replacement: String, line: Int, reason: RecipeError.Reason) throws {
    let start = try #require(Self.text.range(of: part))
    let text = Self.text.replacingCharacters(in: start, with: replacement)
    _ = try withFile(text) { path in
      #expect(throws: RecipeError(file: path, line: line, reason: reason)) { try Recipe(path: path) }
    }
  }

  @Test("A file of settings: read in its order; a misspelt name has its line and the nearest; a recipe goes elsewhere")
  func trainingFile() throws {
    let settings = try withFile("epochs: 3\nloss: pairwise-softmax\n") { try TrainingFile.read($0) }
    #expect(settings.map(\.name) == ["epochs", "loss"] && settings.map(\.value) == ["3", "pairwise-softmax"])
    for (text, line, nearest) in [("epochs: 3\nlos: kl\n", 2, "did you mean 'loss'?"), (Self.text, 1, "'gradus reproduce'")] {
      let error = #expect(throws: RecipeError.self) { try withFile(text) { try TrainingFile.read($0) } }
      #expect(error?.line == line && error?.description.contains(nearest) == true, "\(String(describing: error))")
    }
  }

  @Test("What is not YAML is refused with its line")
  func syntax() throws {
    try withFile("slug: tiny\nclaim: [1, 2\n") { path in
      let error = #expect(throws: RecipeError.self) { try Recipe(path: path) }
      guard case .syntax = error?.reason else { return #expect(Bool(false), "\(String(describing: error))") }
      #expect((error?.line ?? 0) >= 2)
    }
  }

  @Test("The committed recipes can be read")
  func committed() throws {
    let package = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    let catalog = RecipeCatalog(folder: package + "/Recipes")
    #expect(catalog.slugs.contains("curricula"))
    #expect(catalog.slugs.count >= 7)
    for slug in catalog.slugs {
      let recipe = try catalog.recipe(slug)
      #expect(recipe.slug == slug && SystemCatalog.system(slug)?.parts.isEmpty == false)
      for plan in Recipe.Mode.allCases.map(recipe.plan) {
        // An experiment without a claimed arm could show nothing.
        #expect(!plan.experiments.isEmpty && plan.experiments.allSatisfy { $0.arms.contains(where: \.isClaimed) })
      }
    }
    #expect(throws: RecipeCatalogError.self) { try catalog.recipe("curicula") }
  }

  @Test("The verdict follows the stated rule")
  func verdict() throws {
    #expect(Verdict(gain: 0.02, correctedP: 0.01, seedsP: 0.01) == .shown)
    #expect(Verdict(gain: 0.02, correctedP: 0.05, seedsP: 0.01) == .insideTheNoise)
    #expect(Verdict(gain: 0.02, correctedP: 0.01, seedsP: 1) == .insideTheNoise)
    #expect(Verdict(gain: 0, correctedP: 0.01, seedsP: 0.01) == .notShown)
    #expect(Verdict(gain: -0.02, correctedP: 0.01, seedsP: 0.01) == .notShown)
  }

  /// An experiment whose judged arm has this gain and p.
  private func experiment(_ name: String, gain: Double, p: Double, seedsP: Double = 0.01) -> RecipeResult.Experiment {
    let judged = RecipeResult.Comparison(
      arm: "method", baseline: "base", measure: "loss", difference: -gain, relativePercent: -10, gain: gain, interval: [],
      p: p, correctedP: p, seedsP: seedsP)
    return RecipeResult.Experiment(
      collection: nil, study: "coins", name: name, claim: "", claimMeasure: "loss", itemNoun: "throws", items: 9, seeds: 2,
      arms: [], comparisons: [judged], judgedArm: "method",
      conclusion: Verdict(gain: gain, correctedP: p, seedsP: seedsP))
  }

  @Test("A system is shown where one experiment is, after a correction for their number")
  func systemVerdict() throws {
    func verdict(_ experiments: [RecipeResult.Experiment]) throws -> Verdict { try Verdict(all: experiments, correction: .holm) }
    let shown = experiment("a", gain: 1, p: 0.001)
    let against = experiment("b", gain: -1, p: 0.001)
    #expect(try verdict([shown]) == .shown)
    #expect(try verdict([shown, against]) == .shown)
    // 0.03 alone would do; of two looks it is not enough.
    let weak = experiment("c", gain: 1, p: 0.03)
    #expect(weak.conclusion == .shown)
    #expect(try verdict([weak]) == .shown)
    #expect(try verdict([weak, experiment("d", gain: 1, p: 0.9)]) == .insideTheNoise)
    #expect(try verdict([experiment("e", gain: 1, p: 0.001, seedsP: 0.4)]) == .insideTheNoise)
    #expect(try verdict([against]) == .notShown)
    #expect(try verdict([]) == .notShown)
    // A fall of the loss is a gain, and the sentence says so.
    let sentence = RecipeRun.Report.sentence(shown)
    #expect(sentence.contains("10.0 % lower than that of 'base', which is better") && sentence.contains("over throws"))
    #expect(RecipeRun.Report.sentence(against).contains("which is worse"))
  }

  static let studyText = """
    slug: tiny
    title: A tiny study
    source: nobody
    claim: {text: It falls., measure: log10 test loss}
    test: t
    correction: holm
    experiments:
      - name: lines
        kind: study
        study: linear-regression
        baseline: plain
        seeds: 3
        settings: {problems: 8, steps: 30, learning-rates: "0.05"}
        arms:
          - {name: plain}
          - {name: longer, claimed: true, settings: {learning-rates: "0.2"}}
          - {name: same}
    quick:
      experiments:
        - {name: lines, seeds: 2, settings: {problems: 4}}

    """

  @Test("A study runs in a recipe: paired over items and seeds, lower is better, cells are kept")
  func study() throws {
    let recipe = try withFile(Self.studyText) { try Recipe(path: $0) }
    #expect(recipe.plan(.full).experiments[0].study == "linear-regression" && recipe.collections.isEmpty)
    let folder = NSTemporaryDirectory() + "study-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var cells = 0
    var run = RecipeRun(recipe, mode: .full, out: folder, date: "2024-02-29")
    run.log = { _ in cells += 1 }
    let report = try run.run()
    #expect(cells == 9)
    let experiment = report.result.experiments[0]
    #expect(experiment.items == 8 && experiment.itemNoun == "problems")
    #expect(experiment.arms.map(\.name) == ["plain", "longer", "same"])
    let longer = try #require(experiment.judged)
    // Four times the step falls faster, in every problem.
    #expect(longer.difference < -0.5 && longer.gain == -longer.difference && longer.correctedP < 0.01)
    #expect(experiment.conclusion == .shown && report.result.verdict == "shown")
    let same = try #require(experiment.comparisons.first { $0.arm == "same" })
    #expect(same.difference == 0 && same.p == 1)
    #expect(longer.relativePercent == nil)
    #expect(report.text.contains("Shown: lines.") && report.result.figure.hasPrefix("lines -"))
    #expect(RecipeRun.Report.sentence(experiment).contains(" lower than that of 'plain', which is better"))
    let page = try Data(contentsOf: URL(fileURLWithPath: folder + "/report.html"))
    try checkWellFormed(String(decoding: page, as: UTF8.self))
    let again = try run.run()
    #expect(cells == 9 && again.result == report.result)

    // Another setting is another cell; the quick plan changes the full one.
    var quick = RecipeRun(recipe, mode: .quick, out: folder, date: "2024-02-29")
    quick.log = { _ in cells += 1 }
    #expect(try quick.run().result.experiments[0].items == 4 && cells == 15)
  }

  static let gridText = studyText.replacingOccurrences(
    of: "    arms:\n", with: "    grid: {learning-rates: [\"0.05\", \"0.00001\"]}\n    arms:\n"
  ).replacingOccurrences(
    of: "settings: {learning-rates: \"0.2\"}",
    with: "grid: {learning-rates: [\"0.00001\", \"0.1\", \"0.2\"], batch: [16, 32]}")

  @Test("A grid: every combination with one seed, the best on development data with all, each arm by itself")
  func grid() throws {
    let recipe = try withFile(Self.gridText) { try Recipe(path: $0) }
    let experiment = recipe.plan(.full).experiments[0]
    #expect(experiment.grid.combinations.count == 2 && experiment.arms[1].grid.combinations.count == 6)
    #expect(experiment.grid.merged(with: experiment.arms[1].grid) == experiment.arms[1].grid)
    #expect(recipe.plan(.quick).experiments[0].arms[1].grid.combinations == [
      [Recipe.Setting(name: "learning-rates", value: "0.00001"), Recipe.Setting(name: "batch", value: "16")]
    ])
    let folder = NSTemporaryDirectory() + "grid-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var names: [String] = []
    var run = RecipeRun(recipe, mode: .full, out: folder, date: "2024-02-29")
    run.log = { names.append($0) }
    let report = try run.run()
    let arms = report.result.experiments[0].arms
    let tried = try #require(arms[1].tried)
    #expect(tried.count == 6 && arms[0].tried?.count == 2)
    let best = RecipeResult.Trial.best(tried)
    // A step of a thousandth leads nowhere, whatever the batch.
    #expect(tried[best].settings[0].value == "0.2")
    #expect(tried.allSatisfy { ($0.development ?? 1) <= (tried[best].development ?? 0) })
    // The first seed of the choice is not run again: 2 + 2, 6 + 2, 2 + 2.
    #expect(names.count == 16 && names.count { $0.contains("longer-grid") } == 6)
    // What was tried is in the files that others read.
    #expect(report.html.contains("learning-rates 0.2, batch"))
    #expect(try run.run().result == report.result && names.count == 16)
    #expect(RecipeGrid().combinations == [[]])

    let wrong = Self.gridText.replacingOccurrences(of: "batch: [16, 32]", with: "batch: [16, 1]")
    _ = try withFile(wrong) { path in
      #expect(throws: RecipeError.self) { try Recipe(path: path) }
    }
  }

  @Test("A loss that a study cannot read is refused with the line and what is known", arguments: [
    ("z-los", "did you mean 'z-loss'?"), ("z-loss(c=1)", "it has a, b"), ("infonce", "a loss over scores"),
    ("z-loss(a=0)", "a must be a number above 0"),
  ])
  func refusesLoss(loss: String, part: String) throws {
    let text = Self.studyText.replacingOccurrences(of: "study: linear-regression", with: "study: noisy-labels")
      .replacingOccurrences(of: "measure: log10 test loss", with: "measure: accuracy")
      .replacingOccurrences(of: "{problems: 8, steps: 30, learning-rates: \"0.05\"}", with: "{loss: \"\(loss)\"}")
    try withFile(text) { path -> Void in
      let error = #expect(throws: RecipeError.self) { try Recipe(path: path) }
      #expect(error?.line == 13 && "\(String(describing: error))".contains("loss"))
      #expect(error.map { $0.description.contains(part) } == true, "\(String(describing: error))")
    }
  }

  @Test("Mistakes in a study's part of a recipe are refused with their line and the nearest name", arguments: [
    ("kind: study", "kind: studdy", 9,
      RecipeError.Reason.value(key: "kind", found: "studdy", expected: "one of study, training")),
    ("study: linear-regression", "study: linear", 10,
      .reference(key: "study", name: "linear", known: StudyCatalog.all.map { $0.name })),
    ("problems: 8", "problms: 8", 13, .unknownKey("problms", nearest: "problems")),
    ("problems: 8", "problems: 1", 13,
      .setting(.value(setting: "problems", found: "1", expected: "a whole number of at least 2"))),
    ("measure: log10 test loss", "measure: P@1", 8,
      .reference(key: "claim", name: "P@1", known: LinearRegressionStudy.measures.map(\.name))),
    (
      "kind: study\n    study: linear-regression\n    baseline", "baseline", 8,
      .reference(key: "claim", name: "log10 test loss", known: [])
    ),
  ])
  func refusesStudy(part: String, replacement: String, line: Int, reason: RecipeError.Reason) throws {
    let place = try #require(Self.studyText.range(of: part))
    let text = Self.studyText.replacingCharacters(in: place, with: replacement)
    _ = try withFile(text) { path in
      #expect(throws: RecipeError(file: path, line: line, reason: reason)) { try Recipe(path: path) }
    }
  }

  @Test("A recipe runs end to end; run again it reads what is there and gives the same bytes")
  func endToEnd() throws {
    let bench = try TinyBench()
    defer { bench.remove() }
    let recipe = try withFile(Self.text) { try Recipe(path: $0) }
    var trainings: [String] = []
    var run = RecipeRun(recipe, mode: .quick, out: bench.folder + "/result", date: "2024-02-29")
    run.home = bench.home
    run.model = bench.model.path
    run.log = { trainings.append($0) }
    let first = try run.run()
    // Two ends for recip; none and recip with two seeds; two arms with one seed.
    #expect(trainings.count == 8)
    let cross = first.result.experiments[0]
    #expect(cross.arms.map(\.name) == ["first stage", "none", "recip"] && cross.items == 8)
    #expect(cross.judgedArm == "recip" && cross.comparisons.map(\.measure) == ["RR@10", "P@1"])
    #expect(first.result.experiments[1].arms.last?.curriculum == "recip")
    for arm in cross.arms.dropFirst() { #expect(arm.figures.allSatisfy { $0.seeds.count == 2 && $0.mean > 0 && $0.mean <= 1 }) }
    let json = try Data(contentsOf: URL(fileURLWithPath: run.out + "/result.json"))
    let page = try Data(contentsOf: URL(fileURLWithPath: run.out + "/report.html"))
    try checkWellFormed(String(decoding: page, as: UTF8.self))
    try FileManager.default.removeItem(atPath: run.out + "/cells/tiny/conv/none-seed1.json")
    trainings = []
    let second = try run.run()
    #expect(trainings.count == 1)
    #expect(second.result == first.result)
    #expect(try Data(contentsOf: URL(fileURLWithPath: run.out + "/result.json")) == json)
    #expect(try Data(contentsOf: URL(fileURLWithPath: run.out + "/report.html")) == page)
    #expect(first.text.contains("verdict: ") && first.text.contains("quick run"))
  }
}
