import ArgumentParser
import Gradus

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write an index in the Common Index File Format (CIFF), for other search engines.",
    discussion: """
        gradus export faq.index --out faq.ciff.gz

      Terms, postings and document lengths are written; texts and positions are not. 'gradus index FILE.ciff' reads such \
      files.
      """)

  @Argument(help: ArgumentHelp("Folder that 'gradus index' made.", valueName: "index"))
  var index: String

  @Option(name: .shortAndLong, help: ArgumentHelp("File to write; packed where its name ends in .gz.", valueName: "file"))
  var out: String

  func run() throws {
    let index = try InvertedIndex(path: index)
    try index.exportCIFF(to: out, text: "gradus, analyzer \(index.analyzerConfiguration.language)")
    if out != "-" {
      try printOutput("\(out): \(index.statistics.terms.grouped) terms, \(index.statistics.documents.grouped) documents\n")
    }
  }
}
