#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import ArgumentParser
import Gradus

struct ReproduceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reproduce",
    abstract: "Rerun a system's experiments and compare what is obtained with what its paper claims.",
    discussion: """
      Reads Recipes/SLUG/recipe.yaml ($GRADUS_RECIPES names another folder), which states the whole protocol:

        gradus reproduce curricula --quick
        gradus reproduce curricula --data scifact --seeds 3
        gradus reproduce --all --quick

      --all ends with one table of claims and what was obtained; systems whose data is not on this machine are skipped. \
      Stopped and started again, it goes on with the next training. --out gets result.json and report.html.
      """)

  @Argument(help: ArgumentHelp("Short name of the system.", valueName: "slug"))
  var slug: String?

  @Flag(help: "Every system that has a recipe; ends with a table.")
  var all = false

  @Flag(help: "About a minute: shows that everything works; too small to show an effect.")
  var quick = false

  @Option(help: ArgumentHelp("Seeds of each arm, instead of the recipe's number.", valueName: "n"))
  var seeds: Int?

  @Option(help: ArgumentHelp("Collection by name or folder, instead of the recipe's; may be repeated.", valueName: "collection"))
  var data: [String] = []

  @Option(help: ArgumentHelp("Model to start from, instead of the recipe's.", valueName: "model"))
  var model: String?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Folder for result and report; default: results/SLUG, with -quick at the end of a quick run's.", valueName: "dir"))
  var out: String?

  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    if let seeds, seeds < 1 { throw ValidationError("--seeds must be at least 1, found \(seeds)") }
    guard (slug == nil) == all else {
      throw ValidationError("name one system, or give --all (gradus systems lists them)")
    }
    if all, out != nil || model != nil || !data.isEmpty {
      throw ValidationError("--out, --model and --data belong to one system's recipe, not to --all")
    }
  }

  func run() throws {
    _ = threads.apply()
    guard let slug else { return try runAll() }
    let (report, folder) = try report(of: slug)
    if output.json { return try printOutput(try report.json()) }
    try printOutput(report.text + "report: \(folder)/report.html\n")
  }

  private func report(of slug: String) throws -> (RecipeRun.Report, folder: String) {
    let recipe = try RecipeCatalog.current.recipe(slug)
    let folder = out ?? "results/\(slug)\(quick ? "-quick" : "")"
    var run = RecipeRun(recipe, mode: quick ? .quick : .full, out: folder, date: Self.today)
    run.seeds = seeds
    run.collections = data
    run.model = model
    run.log = { printToStandardError("gradus: \($0)") }
    return (try run.run(), folder)
  }

  /// A recipe whose data or model is not on this machine is skipped and said so; one that fails otherwise does not keep the
  /// others from running, but the command fails in the end.
  private func runAll() throws {
    let slugs = RecipeCatalog.current.slugs
    guard !slugs.isEmpty else { _ = try RecipeCatalog.current.recipe(""); return }
    var results: [RecipeResult] = []
    var table = TextTable(header: ["SYSTEM", "EXPERIMENT", "OBTAINED", "95 % INTERVAL", "VERDICT", "SECONDS", "CLAIM"])
    var failures: [any Error] = []
    var skipped: [any Error] = []
    for slug in slugs {
      do {
        var rows: [[String]] = []
        let time = try seconds(of: {
          let result = try report(of: slug).0.result
          results.append(result)
          rows = result.rows
        })
        // The time is the system's, not the experiment's.
        for (place, row) in rows.enumerated() {
          table.append([slug] + row.dropLast() + [place == 0 ? time.fixed(0) : "", row.last ?? ""])
        }
      } catch let error as any GradusError {
        let isMissing = error.failureKind == .missingInput
        printToStandardError("gradus: \(slug): \(isMissing ? "skipped: " : "")\(error)")
        table.append([slug, "-", "-", "-", isMissing ? "skipped" : "failed", "", "\(error)"])
        if isMissing { skipped.append(error) } else { failures.append(error) }
      }
    }
    if output.json {
      try printJSON(results)
    } else {
      let note = quick ? "Quick runs show that everything works; they are too small to show an effect.\n" : ""
      try printOutput(table.text + note)
    }
    if let first = failures.first { throw first }
    // Nothing at all could be run: that is no success.
    if results.isEmpty, let first = skipped.first { throw first }
  }

  private static var today: String { String(Date().formatted(.iso8601).prefix(10)) }
}
