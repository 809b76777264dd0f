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
    abstract: "Rerun a system's experiment and compare what is obtained with what its paper claims.",
    discussion: """
      Reads Recipes/SLUG/recipe.yaml ($GRADUS_RECIPES names another folder), which states the whole protocol:

        gradus reproduce curricula --quick
        gradus reproduce curricula --data scifact --seeds 3

      Stopped and started again, it goes on with the next training. --out gets result.json and report.html.
      """)

  @Argument(help: ArgumentHelp("Short name of the system.", valueName: "slug"))
  var slug: String

  @Flag(help: "About a minute: shows that everything works; too small to show an effect.")
  var quick = false

  @Option(help: ArgumentHelp("Seeds of each arm, instead of the recipe's number.", valueName: "n"))
  var seeds: Int?

  @Option(help: ArgumentHelp("Collection by name or folder, instead of the recipe's; may be repeated.", valueName: "collection"))
  var data: [String] = []

  @Option(help: ArgumentHelp("Model to start from, instead of the recipe's.", valueName: "model"))
  var model: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("Folder for result and report; default: results/SLUG, with -quick at the end of a quick run's.", valueName: "dir"))
  var out: String?

  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    if let seeds, seeds < 1 { throw ValidationError("--seeds must be at least 1, found \(seeds)") }
  }

  func run() throws {
    _ = threads.apply()
    let recipe = try RecipeCatalog.current.recipe(slug)
    let folder = out ?? "results/\(slug)\(quick ? "-quick" : "")"
    var run = RecipeRun(recipe, mode: quick ? .quick : .full, out: folder, date: Self.today)
    run.seeds = seeds
    run.collections = data
    run.model = model
    run.log = { printToStandardError("gradus: \($0)") }
    let report = try run.run()
    if output.json { return try printOutput(try report.json()) }
    try printOutput(report.text + "report: \(folder)/report.html\n")
  }

  private static var today: String { String(Date().formatted(.iso8601).prefix(10)) }
}
