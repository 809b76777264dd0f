import GradusEval
import GradusIndex
import GradusTrain

/// A comparison that anyone can rerun: which arms are trained how often on what, what is measured, and what is claimed.
///
///     let recipe = try Recipe(path: "Recipes/curricula/recipe.yaml")
///     let plan = try recipe.plan(.quick)
///
/// An experiment trains text rankers on collections (`kind: training`, the default), or runs a ``Study`` (`kind: study`).
/// Each may have a claim of its own beside the recipe's, and settings that development data choose (``RecipeGrid``). The file
/// states the whole protocol. Unknown keys are refused with their line and the nearest valid one.
public struct Recipe: Sendable, Equatable {
  /// How much is computed.
  public enum Mode: String, Sendable, Codable, CaseIterable {
    /// About a minute: shows that everything works, too small to show an effect.
    case quick
    case full
  }

  /// What the paper says, and the figure that the verdict is about.
  public struct Claim: Sendable, Equatable {
    public let text: String
    /// The measure that decides, by its name.
    public fileprivate(set) var measure: String
    /// The largest gain over the baseline that is claimed, in per cent of the baseline.
    public let relativeGainPercent: Double?
  }

  public struct Setting: Sendable, Equatable, Codable {
    public let name: String
    public let value: String
  }

  /// One way of training within an experiment.
  public struct Arm: Sendable, Equatable {
    public let name: String
    /// Whether the claim is about this arm.
    public let isClaimed: Bool
    public let settings: [Setting]
    /// Takes the end of the curriculum that was chosen for this other arm.
    public let endOf: String?
    /// Takes the curriculum of that experiment's claimed arm with the best development figure.
    public let bestOf: String?
    /// What development data choose for this arm, beside what the experiment lets them choose for all.
    public var grid = RecipeGrid()
  }

  /// Arms that differ in nothing but their settings.
  public struct Experiment: Sendable, Equatable {
    public let name: String
    /// The ``Study`` that is run; nil for the training of text rankers.
    public let study: String?
    public let claim: Claim
    /// The arm that the others are compared with.
    public let baseline: String
    public var seeds: Int
    /// Candidates of a test query that are re-ranked.
    public var testDepth: Int
    /// Ends of the curriculum among which the development queries choose, with one seed; empty for the settings' own.
    public var curriculumEnds: [Int]
    public var settings: [Setting]
    /// What development data choose, for each arm by itself.
    public var grid = RecipeGrid()
    public var arms: [Arm]
  }

  /// What is carried out in a mode.
  public struct Plan: Sendable, Equatable {
    public let mode: Mode
    /// Test queries that are used, taken evenly; nil for all.
    public var testQueries: Int?
    public var experiments: [Experiment]
  }

  public let slug: String
  public let title: String
  public let source: String
  public let claim: Claim
  public let collections: [String]
  /// Take part where they are found.
  public let optionalCollections: [String]
  /// Of the trainings.
  public let firstStage: BM25
  /// Of the trainings; studies have their own.
  public let measures: [MeasureSpecification]
  public let testSplit: String
  public let test: PairedTest
  public let correction: MultipleTesting
  let full: Plan
  let quick: Plan
  /// Of the optional collections in a full run: what the recipe's `optional` changes, so that several collections fit the time.
  let optional: Plan

  public func plan(_ mode: Mode) -> Plan { mode == .quick ? quick : full }

  /// - Throws: ``RecipeError``, `FileError`.
  public init(path: String) throws {
    var file = try YAMLMapping.read(path)
    slug = try file.neededText("slug")
    title = try file.neededText("title")
    source = try file.neededText("source")
    guard let claim = try file.mapping("claim") else { throw file.error(file.line, .missingKey("claim")) }
    self.claim = try Claim(claim)
    collections = try file.list("collections") ?? []
    optionalCollections = try file.list("optional-collections") ?? []
    firstStage = file.has("first-stage") ? try file.parsed("first-stage") { try BM25(parsing: $0) } : BM25()
    let measuresLine = file.line(of: "measures")
    measures = try (try file.list("measures") ?? []).map { name in
      do {
        return try MeasureSpecification(name)
      } catch let error as MeasureNameError {
        throw file.error(measuresLine, .value(key: "measures", found: name, expected: "measures: \(error)"))
      }
    }
    testSplit = try file.text("test-split") ?? "test"
    let testQueries = try file.count("test-queries")
    test = try file.choice("test", ["t": PairedTest.t, "randomization": .randomization(), "wilcoxon": .wilcoxon, "sign": .sign])
    correction = try file.choice(
      "correction", Dictionary(uniqueKeysWithValues: MultipleTesting.allCases.map { ($0.rawValue, $0) }))
    guard let experiments = try file.mappings("experiments"), !experiments.isEmpty else {
      throw file.error(file.line, .missingKey("experiments"))
    }
    var read: [Experiment] = []
    for experiment in experiments {
      read.append(try Experiment(experiment, before: read, claim: self.claim, measures: measures.map(\.description)))
    }
    if collections.isEmpty, read.contains(where: { $0.study == nil }) { throw file.error(file.line, .missingKey("collections")) }
    full = Plan(mode: .full, testQueries: testQueries, experiments: read)
    quick = try file.mapping("quick").map { try Plan(.quick, changes: $0, full: read, testQueries: testQueries) }
      ?? Plan(mode: .quick, testQueries: testQueries, experiments: read)
    optional = try file.mapping("optional").map { try Plan(.full, changes: $0, full: read, testQueries: testQueries) } ?? full
    try file.finish()
  }
}

extension Recipe.Claim {
  init(_ source: YAMLMapping) throws {
    var source = source
    text = try source.neededText("text")
    measure = try source.neededText("measure")
    relativeGainPercent = try source.number("relative-gain-percent")
    try source.finish()
  }
}

extension Recipe.Experiment {
  fileprivate init(
    _ source: YAMLMapping, before: [Recipe.Experiment], claim: Recipe.Claim, measures: [String]
  ) throws {
    var source = source
    name = try source.neededText("name")
    let isStudy = try source.choice("kind", ["training": false, "study": true], default: "training")
    study = isStudy ? try source.neededText("study") : nil
    let type = study.flatMap(StudyCatalog.study)
    if let study, type == nil {
      throw source.error(
        source.line(of: "study"), .reference(key: "study", name: study, known: StudyCatalog.all.map { $0.name }))
    }
    var own = try source.mapping("claim").map(Recipe.Claim.init) ?? claim
    let known = type?.measures.map(\.name) ?? measures
    // A ranking measure has several spellings; a study's has one.
    if type == nil, let specification = try? MeasureSpecification(own.measure) { own.measure = specification.description }
    self.claim = own
    guard known.contains(self.claim.measure) else {
      throw source.error(source.line, .reference(key: "claim", name: self.claim.measure, known: known))
    }
    baseline = try source.neededText("baseline")
    seeds = try source.count("seeds") ?? 1
    testDepth = try source.count("test-depth") ?? 100
    curriculumEnds = try source.curriculumEnds() ?? []
    settings = try source.mapping("settings")?.recipeSettings(of: type) ?? []
    grid = try source.mapping("grid")?.grid(of: type) ?? RecipeGrid()
    var arms: [Recipe.Arm] = []
    for var arm in try source.mappings("arms") ?? [] {
      let name = try arm.neededText("name")
      guard !arms.contains(where: { $0.name == name }) else { throw arm.error(arm.line, .duplicateName(name)) }
      let endOf = try arm.text("end-of")
      if let endOf, !arms.contains(where: { $0.name == endOf }) {
        throw arm.error(arm.line(of: "end-of"), .reference(key: "end-of", name: endOf, known: arms.map(\.name)))
      }
      let bestOf = try arm.text("best-of")
      if let bestOf, !before.contains(where: { $0.name == bestOf }) {
        throw arm.error(arm.line(of: "best-of"), .reference(key: "best-of", name: bestOf, known: before.map(\.name)))
      }
      arms.append(
        Recipe.Arm(
          name: name, isClaimed: try arm.flag("claimed"), settings: try arm.mapping("settings")?.recipeSettings(of: type) ?? [],
          endOf: endOf, bestOf: bestOf, grid: try arm.mapping("grid")?.grid(of: type) ?? RecipeGrid()))
      try arm.finish()
    }
    self.arms = arms
    guard arms.contains(where: { $0.name == baseline }) else {
      throw source.error(source.line(of: "baseline"), .reference(key: "baseline", name: baseline, known: arms.map(\.name)))
    }
    if before.contains(where: { [name] in $0.name == name }) { throw source.error(source.line, .duplicateName(name)) }
    try source.finish()
  }
}

extension Recipe.Plan {
  /// The full plan with some changes. Experiments that they do not name are left out.
  fileprivate init(
    _ mode: Recipe.Mode, changes source: YAMLMapping, full: [Recipe.Experiment], testQueries: Int?
  ) throws {
    var source = source
    self.mode = mode
    self.testQueries = try source.count("test-queries") ?? testQueries
    experiments = try (try source.mappings("experiments") ?? []).map { change in
      var change = change
      let name = try change.neededText("name")
      guard var experiment = full.first(where: { $0.name == name }) else {
        throw change.error(change.line, .reference(key: "name", name: name, known: full.map(\.name)))
      }
      experiment.seeds = try change.count("seeds") ?? experiment.seeds
      experiment.testDepth = try change.count("test-depth") ?? experiment.testDepth
      experiment.curriculumEnds = try change.curriculumEnds() ?? experiment.curriculumEnds
      let study = experiment.study.flatMap(StudyCatalog.study)
      experiment.settings += try change.mapping("settings")?.recipeSettings(of: study) ?? []
      if let names = try change.list("arms") {
        for name in names + [experiment.baseline] where !experiment.arms.contains(where: { $0.name == name }) {
          throw change.error(
            change.line(of: "arms"), .reference(key: "arms", name: name, known: experiment.arms.map(\.name)))
        }
        experiment.arms = experiment.arms.filter { names.contains($0.name) || $0.name == experiment.baseline }
      }
      if mode == .quick {
        experiment.grid = experiment.grid.first
        for arm in experiment.arms.indices { experiment.arms[arm].grid = experiment.arms[arm].grid.first }
      }
      try change.finish()
      return experiment
    }
    try source.finish()
  }
}

extension YAMLMapping {
  /// All keys as settings of a study, or of a training.
  func recipeSettings(of study: (any Study.Type)?) throws -> [Recipe.Setting] {
    let values = try study.map { try settings(of: $0) } ?? settings()
    return values.map { Recipe.Setting(name: $0.name, value: $0.value) }
  }

  mutating func curriculumEnds() throws -> [Int]? {
    let key = "curriculum-ends"
    return try list(key)?.map { text in
      guard let end = Int(text), end >= 1 else {
        throw error(line(of: key), .value(key: key, found: text, expected: "whole numbers of at least 1"))
      }
      return end
    }
  }

  mutating func flag(_ key: String) throws -> Bool {
    guard let text = try text(key) else { return false }
    guard let flag = Bool(text) else { throw error(line(of: key), .value(key: key, found: text, expected: "true or false")) }
    return flag
  }

  mutating func choice<Value>(_ key: String, _ choices: [String: Value], default standard: String? = nil) throws -> Value {
    let text = try standard == nil ? neededText(key) : text(key) ?? standard ?? ""
    guard let value = choices[text] else {
      let all = choices.keys.sorted().joined(separator: ", ")
      throw error(line(of: key), .value(key: key, found: text, expected: "one of \(all)"))
    }
    return value
  }

  /// A value that has a parser of its own.
  mutating func parsed<Value>(_ key: String, _ parse: (String) throws -> Value) throws -> Value {
    let text = try neededText(key)
    do {
      return try parse(text)
    } catch {
      throw self.error(line(of: key), .value(key: key, found: text, expected: "another value: \(error)"))
    }
  }
}
