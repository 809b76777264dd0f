import ArgumentParser
import Gradus

struct LTRPredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Rank rows of features by a trained model: a run in TREC's format.",
    discussion: """
        gradus ltr predict my-trees test.txt --out trees.run
        gradus evaluate test.txt trees.run -m "nDCG(dcg='exp-log2')@10"

      Documents are named by 'docid' in the comments of the file, else by their place within the query, from 1. --qrels also \
      writes the file's grades as judgements, for other programs.
      """)

  @Argument(help: ArgumentHelp("Folder that 'gradus ltr train' made.", valueName: "model"))
  var model: String

  @Argument(help: ArgumentHelp("File of features; '-' is standard input.", valueName: "features"))
  var features: String

  @Option(name: .shortAndLong, help: ArgumentHelp("Run to write; standard output by default.", valueName: "run"))
  var out = "-"

  @Option(help: ArgumentHelp("Also write the grades as judgements.", valueName: "qrels"))
  var qrels: String?

  @Option(help: ArgumentHelp("LightGBM's file of group sizes, for files without qid.", valueName: "file"))
  var groups: String?

  @OptionGroup var threads: ThreadsOption

  func run() throws {
    _ = threads.apply()
    let model = try FeatureModel(path: self.model)
    let data = try LETORReader.read(features, groups: groups, width: model.manifest.features)
    let name = String(self.model.split(separator: "/").last ?? "ltr")
    try TrecRunWriter.write(data.run(name: name.contains(" ") ? "ltr" : name, scores: try model.scores(data)), to: out)
    if let qrels { try QrelsWriter.write(data.qrels, to: qrels, layout: .trec) }
  }
}
