#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import ArgumentParser
import Gradus

struct SystemsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "systems",
    abstract: "List the published systems: what is built here, and what its recipe obtained.",
    discussion: """
        gradus systems
        gradus systems --built

      none: not built; built: its parts are here, its recipe has no result yet; shown, not shown: whether the recipe's \
      result shows the direction that the paper claims, in at least one experiment. Of several experiments, each with a \
      claim of its own, the table says how many do: "shown (1 of 3)"; the recipe's README says which. Results are read from \
      SLUG/result.json in $GRADUS_RECIPES, or in ./Recipes where that is not set.
      """)

  @Flag(help: "Only those that are built.")
  var built = false

  @OptionGroup var output: JSONOption

  func run() throws {
    let folder = ProcessInfo.processInfo.environment["GRADUS_RECIPES"].flatMap { $0.isEmpty ? nil : $0 } ?? "Recipes"
    let all = try SystemCatalog.systems.map { Line($0, try RecipeRecord(folder: folder, slug: $0.slug)) }
    let lines = all.filter { !built || $0.state != .none }
    if output.json { return try printJSON(Listing(systems: lines)) }
    var table = TextTable(header: ["SYSTEM", "STATE", "KIND", "WHAT", "FIGURE", "DATE"])
    for line in lines {
      table.append([line.slug, line.stateText, line.kind, line.title, line.figure ?? "", line.date ?? ""])
    }
    try printOutput(table.text)
  }

  private enum State: String, Encodable {
    case none, built, shown
    case notShown = "not shown"
  }

  private struct Listing: Encodable {
    let systems: [Line]
  }

  private struct Line: Encodable {
    let slug: String
    let state: State
    let figure: String?
    let date: String?
    let title: String
    let kind: String
    let parts: [String]
    let experiments: Int?
    let shownExperiments: Int?

    /// The state, and of several experiments how many show their claim.
    var stateText: String {
      guard let experiments, let shownExperiments, experiments > 1, state == .shown else { return state.rawValue }
      return "\(state.rawValue) (\(shownExperiments) of \(experiments))"
    }

    init(_ system: RankingSystem, _ record: RecipeRecord?) {
      slug = system.slug
      title = system.title
      kind = system.kind.rawValue
      parts = system.parts
      figure = record?.figure
      date = record?.date
      experiments = record?.experiments
      shownExperiments = record?.shownExperiments
      state = record.map { $0.isShown ? .shown : .notShown } ?? (system.parts.isEmpty ? .none : .built)
    }

    private enum CodingKeys: String, CodingKey {
      case slug, state, figure, date, title, kind, parts, experiments
      case shownExperiments = "experiments_shown"
    }

    /// Figure, date and numbers are null where there is no result, never left out.
    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(slug, forKey: .slug)
      try container.encode(state, forKey: .state)
      try container.encode(figure, forKey: .figure)
      try container.encode(date, forKey: .date)
      try container.encode(title, forKey: .title)
      try container.encode(kind, forKey: .kind)
      try container.encode(parts, forKey: .parts)
      try container.encode(experiments, forKey: .experiments)
      try container.encode(shownExperiments, forKey: .shownExperiments)
    }
  }
}

/// What `gradus systems` needs of a recipe's `result.json`: `{"verdict": "shown|not shown", "figure", "date", "experiments":
/// [{"conclusion"}]}`; nil for the numbers of experiments where the file lists none.
struct RecipeRecord: Equatable {
  let isShown: Bool
  let figure: String
  let date: String
  let experiments: Int?
  let shownExperiments: Int?

  /// Nil where the recipe has no result.
  ///
  /// - Throws: ``RecipeRecordError`` for a file that says something else.
  init?(folder: String, slug: String) throws {
    struct Fields: Decodable {
      let verdict: String
      let figure: String
      let date: String
      let experiments: [Experiment]?
    }
    struct Experiment: Decodable {
      let conclusion: String
    }
    let path = "\(folder)/\(slug)/result.json"
    guard InputNames.exists(path) else { return nil }
    let file = try MappedFile(path: path)
    guard let fields = try? JSONDecoder().decode(Fields.self, from: Data(file.bytes)),
      fields.verdict == "shown" || fields.verdict == "not shown"
    else { throw RecipeRecordError(path: path) }
    isShown = fields.verdict == "shown"
    figure = fields.figure
    date = fields.date
    experiments = fields.experiments?.count
    shownExperiments = fields.experiments?.count { $0.conclusion == Verdict.shown.rawValue }
  }
}

/// A recipe's result that cannot be read.
struct RecipeRecordError: GradusError, Equatable {
  let path: String

  var failureKind: FailureKind { .badData }
  var description: String {
    "\(path): expected {\"verdict\": \"shown\" or \"not shown\", \"figure\": \"...\", \"date\": \"...\"}; run the recipe again"
  }
}
