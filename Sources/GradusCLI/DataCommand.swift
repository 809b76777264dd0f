import ArgumentParser
import Gradus

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Collections by name: list, show, build, import, pull.",
    discussion: """
      Collections are looked for in $GRADUS_DATA (folders separated by ':'), then in $GRADUS_HOME/data; what is built, \
      imported or pulled goes to the latter ($GRADUS_HOME is ~/.cache/gradus where it is not set).

        gradus data list
        gradus data build faq
        gradus data show faq
      """,
    subcommands: [
      DataListCommand.self, DataShowCommand.self, DataBuildCommand.self, DataImportCommand.self, DataPullCommand.self,
    ])
}

/// `--catalogue`, for the subcommands that know of collections which are not here.
struct CatalogueOption: ParsableArguments {
  @Option(
    help: ArgumentHelp("List of collections to pull: a JSON file or address; $GRADUS_CATALOGUE by default.", valueName: "file"))
  var catalogue: String?
}

struct DataListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the collections that are here, can be built or can be pulled.")

  @OptionGroup var catalogue: CatalogueOption
  @OptionGroup var output: JSONOption

  func run() throws {
    let entries = try InputNames.collections(catalogue: catalogue.catalogue).entries
    if output.json { return try printJSON(Listing(collections: entries.map(Item.init))) }
    var table = TextTable(header: ["NAME", "SIZE", "WHERE"], rightAligned: [1])
    for entry in entries {
      table.append([
        entry.name, entry.bytes?.byteText ?? "-",
        entry.collection?.folder ?? "not here: \(entry.remedy ?? "set GRADUS_DATA")",
      ])
    }
    try printOutput(table.text)
  }

  private struct Listing: Encodable {
    let collections: [Item]
  }

  /// Names are those of the JSON object.
  private struct Item: Encodable {
    let name: String
    let summary: String
    let licence: String
    let bytes: Int?
    let folder: String?
    let remedy: String?

    init(_ entry: CollectionCatalog.Entry) {
      name = entry.name
      summary = entry.summary
      licence = entry.licence
      bytes = entry.bytes
      folder = entry.collection?.folder
      remedy = entry.collection == nil ? entry.remedy : nil
    }
  }
}

struct DataShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Count and describe one collection.",
    discussion: "Example: gradus data show faq")

  @Argument(help: "Name or folder of a collection.")
  var name: String

  @OptionGroup var output: JSONOption

  func run() throws {
    let collection = try InputNames.collection(named: name)
    let reader = try CorpusReader(path: collection.corpus)
    var documents = 0
    var characters = 0
    while let document = try reader.next() {
      documents += 1
      characters += document.contents.utf8.count
    }
    let queries = try collection.queries.map { try TopicsReader.read($0) } ?? []
    let splits = try collection.splits.map { split in
      let qrels = try QrelsReader.read(try collection.qrels(split))
      let grades = qrels.qids.flatMap { qrels[$0].values }
      return Split(
        name: split, queries: qrels.qids.count, judgements: grades.count, relevant: grades.count { $0 > 0 },
        highest_grade: grades.max() ?? 0)
    }
    if output.json {
      return try printJSON(
        Description(
          name: collection.name, folder: collection.folder, documents: documents, bytes_of_text: characters,
          queries: queries.count, splits: splits))
    }
    var text = "\(collection.name): \(collection.folder)\n"
    let average = documents == 0 ? 0 : characters / documents
    text += "\(documents.grouped) documents, \(characters.byteText) of text (\(average.grouped) bytes each), "
    text += "\(queries.count.grouped) queries\n"
    if let example = queries.first { text += "first query: \(example.qid): \(example.text)\n" }
    if !splits.isEmpty {
      var table = TextTable(header: ["SPLIT", "QUERIES", "JUDGEMENTS", "RELEVANT", "HIGHEST GRADE"], rightAligned: [1, 2, 3, 4])
      for split in splits {
        table.append([
          split.name, split.queries.grouped, split.judgements.grouped, split.relevant.grouped, "\(split.highest_grade)",
        ])
      }
      text += table.text
    }
    try printOutput(text)
  }

  /// Names are those of the JSON object.
  private struct Split: Encodable {
    let name: String
    let queries: Int
    let judgements: Int
    let relevant: Int
    let highest_grade: Int
  }

  private struct Description: Encodable {
    let name: String
    let folder: String
    let documents: Int
    let bytes_of_text: Int
    let queries: Int
    let splits: [Split]
  }
}

struct DataBuildCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build", abstract: "Build a collection on this machine.",
    discussion: """
      'faq' is made from Debian's documentation packages, which are fetched with apt-get (no root needed, nothing is \
      installed): real questions, the passages of their answers, and the passages of the same manuals as distractors.

        gradus data build faq
        gradus data build faq --packages ./debs     # .deb files that you fetched elsewhere
      """)

  @Argument(help: "faq is the only one that can be built.")
  var name: String

  @Option(help: ArgumentHelp("Folder with .deb files or unpacked packages, instead of apt-get.", valueName: "dir"))
  var packages: String?

  @Option(
    name: .shortAndLong, help: ArgumentHelp("Folder of the collection, instead of $GRADUS_HOME/data/faq.", valueName: "dir"))
  var out: String?

  @OptionGroup var output: JSONOption

  func run() throws {
    guard name == "faq" else { throw UsageError("'\(name)' cannot be built; 'faq' is the only collection that can") }
    let builder = FAQCollectionBuilder()
    let result = try builder.build(to: out, packages: packages.map { .folder($0) } ?? .apt)
    if output.json {
      return try printJSON(
        Report(
          folder: result.folder, documents: result.passages, queries: result.questions, was_up_to_date: result.wasUpToDate,
          missing_sources: result.missingSources))
    }
    let done = result.wasUpToDate ? "is up to date" : "built"
    var text = "faq \(done): \(result.passages.grouped) passages, \(result.questions.grouped) questions in \(result.folder)\n"
    if !result.missingSources.isEmpty { text += "without \(result.missingSources.joined(separator: ", ")): no such package\n" }
    try printOutput(text)
  }

  private struct Report: Encodable {
    let folder: String
    let documents: Int
    let queries: Int
    let was_up_to_date: Bool
    let missing_sources: [String]
  }
}

struct DataImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Bring a corpus in another format into the collection folder.",
    discussion: """
        printf 'd1\\tHeat transfer\\nd2\\tSupersonic wings\\n' > corpus.tsv
        printf 'q1\\tlaminar heat\\n' > topics.tsv
        printf 'q1 0 d1 1\\n' > qrels.txt
        gradus data import corpus.tsv --name mine --topics topics.tsv --qrels test=qrels.txt
      """)

  @Argument(help: "File or folder of documents; '-' is standard input.")
  var corpus: String

  @Option(help: ArgumentHelp("Name that the collection gets.", valueName: "name"))
  var name: String

  @Option(help: ArgumentHelp("Topics file.", valueName: "file"))
  var topics: String?

  @Option(help: ArgumentHelp("Judgements of a split; may be given several times.", valueName: "split=file"))
  var qrels: [String] = []

  @OptionGroup var output: JSONOption

  func run() throws {
    var files: [String: String] = [:]
    for pair in qrels {
      guard let sign = pair.firstIndex(of: "="), sign > pair.startIndex else {
        throw UsageError("--qrels '\(pair)': expected a split and a file, such as test=qrels.txt")
      }
      let split = String(pair[..<sign])
      guard files.updateValue(String(pair[pair.index(after: sign)...]), forKey: split) == nil else {
        throw UsageError("--qrels names split '\(split)' twice")
      }
    }
    let result = try CollectionImporter().importCorpus(at: corpus, as: name, queries: topics, qrels: files)
    if output.json {
      return try printJSON(
        Report(
          folder: result.collection.folder, documents: result.documents, queries: result.queries,
          judgements: result.judgements, judged_but_absent: result.judgedButAbsent))
    }
    var text = "\(name): \(result.documents.grouped) documents, \(result.queries.grouped) queries, "
    text += "\(result.judgements.grouped) judgements in \(result.collection.folder)\n"
    if result.judgedButAbsent > 0 { text += "judged but not in the corpus: \(result.judgedButAbsent.grouped) documents\n" }
    try printOutput(text)
  }

  private struct Report: Encodable {
    let folder: String
    let documents: Int
    let queries: Int
    let judgements: Int
    let judged_but_absent: Int
  }
}

struct DataPullCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull", abstract: "Download a collection of a catalogue, and check its hash.",
    discussion: """
      A catalogue is a JSON file or address that lists name, url, sha256, bytes, licence and summary of each collection:

        gradus data pull scifact --catalogue collections.json
      """)

  @Argument(help: "Name of a collection in the catalogue.")
  var name: String

  @OptionGroup var catalogue: CatalogueOption
  @OptionGroup var output: JSONOption

  func run() throws {
    let catalog = try InputNames.collections(catalogue: catalogue.catalogue)
    let collection = try catalog.pull(name)
    if output.json { return try printJSON(["name": collection.name, "folder": collection.folder]) }
    try printOutput("\(collection.name): \(collection.folder)\n")
  }
}
