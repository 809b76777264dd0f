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

  /// A recipe that lacks its model or data does not keep the others from running; the command fails in the end.
  private func runAll() throws {
    let slugs = RecipeCatalog.current.slugs
    guard !slugs.isEmpty else { _ = try RecipeCatalog.current.recipe(""); return }
    var results: [RecipeResult] = []
    var table = TextTable(header: ["SYSTEM", "EXPERIMENT", "OBTAINED", "95 % INTERVAL", "VERDICT"])
    var failures: [any Error] = []
    for slug in slugs {
      do {
        let result = try report(of: slug).0.result
        results.append(result)
        for row in result.rows { table.append([slug] + row) }
      } catch let error as any GradusError {
        printToStandardError("gradus: \(slug): \(error)")
        table.append([slug, "-", "-", "-", "failed: \(error)"])
        failures.append(error)
      }
    }
    if output.json {
      try printJSON(results)
    } else {
      let claims = results.map { "\($0.slug): \($0.claim)\n" }.joined()
      let note = quick ? "Quick runs show that everything works; they are too small to show an effect.\n" : ""
      try printOutput(claims + "\n" + table.text + note)
    }
    if let first = failures.first { throw first }
  }

  private static var today: String { String(Date().formatted(.iso8601).prefix(10)) }
}
