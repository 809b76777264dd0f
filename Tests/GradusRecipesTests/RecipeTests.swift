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
        setting: "curriculum", found: "recipp", expected: "one of none, recip, norm, kde (did you mean 'recip'?)"))),
  ])
  func refuses(part: String, replacement: String, line: Int, reason: RecipeError.Reason) throws {
    let start = try #require(Self.text.range(of: part))
    let text = Self.text.replacingCharacters(in: start, with: replacement)
    _ = try withFile(text) { path in
      #expect(throws: RecipeError(file: path, line: line, reason: reason)) { try Recipe(path: path) }
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
    for slug in catalog.slugs { #expect(try catalog.recipe(slug).slug == slug) }
    #expect(throws: RecipeCatalogError.self) { try catalog.recipe("curicula") }
  }

  @Test("The verdict follows the stated rule")
  func verdict() {
    #expect(Verdict(difference: 0.02, correctedP: 0.01, seedsP: 0.01) == .shown)
    #expect(Verdict(difference: 0.02, correctedP: 0.05, seedsP: 0.01) == .insideTheNoise)
    #expect(Verdict(difference: 0.02, correctedP: 0.01, seedsP: 1) == .insideTheNoise)
    #expect(Verdict(difference: 0, correctedP: 0.01, seedsP: 0.01) == .notShown)
    #expect(Verdict(difference: -0.02, correctedP: 0.01, seedsP: 0.01) == .notShown)
    #expect(Verdict(all: [(.shown, 0.02), (.insideTheNoise, 0.01)]) == .shown)
    #expect(Verdict(all: [(.shown, 0.02), (.notShown, -0.01)]) == .insideTheNoise)
    #expect(Verdict(all: [(.notShown, -0.02), (.insideTheNoise, 0.01)]) == .notShown)
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
    #expect(cross.arms.map(\.name) == ["first stage", "none", "recip"] && cross.queries == 8)
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
