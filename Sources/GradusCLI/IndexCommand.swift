#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import ArgumentParser
import Gradus

struct IndexCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "index",
    abstract: "Build an inverted index of a collection, or change one.",
    discussion: """
      CORPUS is a collection by name (see 'gradus data list'), a BEIR folder, a folder of text files, or a file: JSON lines, \
      tab-separated (MS MARCO), TREC documents; packed with gzip or not; '-' is standard input.

        printf '1\\tHeat transfer in laminar flow\\n2\\tSupersonic wings\\n' > corpus.tsv
        gradus index corpus.tsv --out corpus.index
        gradus search corpus.index --query "laminar flows"

      The index appears in one step at the end: when the command is stopped, an index that was there stays as it was. Its \
      bytes do not depend on --threads and --memory. BM25's k1 and b are chosen when searching, not here.

      An index can be changed; searches go on meanwhile, and what changes appears in one step at the end. --add takes new \
      documents only, --update replaces those that are there, --delete reads docnos, one on a line. Results are those of an \
      index that is built anew:

        printf '3\\tTurbulent flow\\n' > more.tsv
        gradus index more.tsv --out corpus.index --add
        printf '2\\n' > gone.txt
        gradus index --delete gone.txt --out corpus.index
        gradus index --merge --out corpus.index

      With --fields the index knows title and text apart, and the attributes of the metadata that are listed, so that \
      'gradus search --model bm25f(title=3)' can weigh them. Such attributes are indexed as a part of the document:

        gradus index corpus.tsv --fields title,text,keywords --out corpus.index

      With --reorder the documents are put in an order in which neighbours share words (recursive graph bisection): results \
      stay the same, packed texts become smaller, and so do the gaps between postings where documents came in no order of \
      their own, which the bits per gap that are printed tell. What is added later comes after them, until --merge --reorder \
      puts all in order again.

      A file that ends in .ciff or .ciff.gz is an index of another engine in the Common Index File Format: --analyzer must \
      then name what its terms were made with.
      """)

  @Argument(help: "A collection's name, a folder or a file; '-' is standard input.")
  var corpus: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("Folder of the index.", valueName: "dir"))
  var out: String

  @OptionGroup var threads: ThreadsOption

  @Flag(help: "Add the documents to the index that is there.")
  var add = false

  @Flag(help: "Add the documents, in the place of those of the same docno.")
  var update = false

  @Option(help: ArgumentHelp("Delete the documents of a file of docnos; '-' is standard input.", valueName: "docnos"))
  var delete: String?

  @Flag(help: "Merge all parts of the index into one.")
  var merge = false

  @Option(
    help: ArgumentHelp(
      "A Snowball language (english, german, ..., porter), or none: no stemming; default: english.", valueName: "language"))
  var analyzer: String?

  @Option(help: ArgumentHelp("Megabytes of postings in memory, before they go to temporary files.", valueName: "mb"))
  var memory = 512

  @Flag(help: "Keep where words stand: for phrases and proximity.")
  var positions = false

  @Option(
    help: ArgumentHelp(
      "Fields to weigh with bm25f: title,text and attributes of the metadata, such as title,text,keywords.",
      valueName: "names"))
  var fields: String?

  @Option(
    help: ArgumentHelp(
      "Metadata to filter by, such as year:date,lang:keyword,price:number.", valueName: "name:kind,..."))
  var columns: String?

  @Option(help: ArgumentHelp("How texts are stored: zstd, or none for somewhat quicker access.", valueName: "packing"))
  var packing: TextPacking = .zstd

  @Flag(help: "Put documents that share words next to each other; with a new index or with --merge.")
  var reorder = false

  @OptionGroup var output: JSONOption

  var reordering: GraphBisection? { reorder ? GraphBisection() : nil }

  func validate() throws {
    guard corpus != nil || isChange else { throw ValidationError("Missing expected argument '<corpus>'") }
    guard !add || !update else { throw ValidationError("give --add or --update, not both: --update adds too") }
    if add || update, corpus == nil { throw ValidationError("--add and --update need a CORPUS") }
    if isChange, corpus != nil, !add, !update {
      throw ValidationError("with --delete and --merge, say --add or --update what the CORPUS is for")
    }
    guard !reorder || !isChange || merge else {
      throw ValidationError("--reorder moves all documents: with --add, --update and --delete it needs --merge")
    }
    guard (1...1 << 20).contains(memory) else {
      throw ValidationError("--memory must be between 1 and \(1 << 20) megabytes, found \(memory)")
    }
  }

  func run() throws {
    let threadCount = threads.apply()
    guard let corpus, !isChange else { return try change(threads: threadCount) }
    let metadata = try columns.map { text throws in try MetadataColumn.parse(text) } ?? []
    let fields = try fields.map { text throws in try IndexFields(parsing: text) }
    let configuration = AnalyzerConfiguration(language: analyzer ?? "english")
    _ = try Analyzer(configuration)
    if corpus.hasSuffix(".ciff") || corpus.hasSuffix(".ciff.gz") { return try importCIFF(corpus, configuration) }
    let reader = try CorpusReader(path: try InputNames.corpus(corpus))
    try Folder.create(out)
    var report: Report?
    let elapsed = try seconds {
      let builder = try IndexBuilder(
        directory: out, analyzer: configuration, memoryBudgetBytes: memory << 20, threads: threadCount,
        positions: positions, columns: metadata, fields: fields, compression: packing.compression,
        reordering: reordering)
      let progress = Progress("indexing", total: nil, unit: "documents")
      defer { progress.finish() }
      while let document = try reader.next() {
        try builder.add(document)
        progress.advance(part: reader.partRead)
      }
      let statistics = try builder.finish()
      report = Report(
        index: out, statistics: statistics, bytes: folderBytes(out), threads: threadCount,
        reordering: builder.reorderingReport.map(ReorderingSummary.init))
    }
    if let report { try show(report, elapsed) }
  }

  private func importCIFF(_ corpus: String, _ configuration: AnalyzerConfiguration) throws {
    guard !positions, columns == nil, fields == nil else {
      throw UsageError("--positions, --columns and --fields: a CIFF file holds neither positions nor metadata nor fields")
    }
    guard !reorder else {
      throw UsageError("--reorder: import the file without, and then run 'gradus index --merge --reorder --out \(out)'")
    }
    try Folder.create(out)
    var report: Report?
    let elapsed = try seconds {
      let statistics = try IndexBuilder.importCIFF(corpus, to: out, analyzer: configuration)
      report = Report(index: out, statistics: statistics, bytes: folderBytes(out), threads: 1, reordering: nil)
    }
    if let report { try show(report, elapsed) }
  }

  private func show(_ counts: Report, _ elapsed: Double) throws {
    var report = counts
    report.seconds = elapsed
    report.documents_per_second = elapsed > 0 ? Double(report.documents) / elapsed : 0
    if output.json { return try printJSON(report) }
    try printOutput(
      "\(out): \(report.documents.grouped) documents, \(report.terms.grouped) terms, \(report.bytes.byteText), "
        + "\(elapsed.fixed(2)) s (\(Int(report.documents_per_second).grouped) documents/s, threads: \(report.threads))\n"
        + (report.reordering?.text ?? ""))
  }

  /// Names are those of the JSON object.
  private struct Report: Encodable {
    let index: String
    let documents: Int
    let terms: Int
    let postings: Int
    let tokens: Int
    let bytes: Int
    let threads: Int
    let reordering: ReorderingSummary?
    var seconds = 0.0
    var documents_per_second = 0.0

    init(index: String, statistics: IndexStatistics, bytes: Int, threads: Int, reordering: ReorderingSummary?) {
      self.index = index
      documents = statistics.documents
      terms = statistics.terms
      postings = statistics.postings
      tokens = statistics.tokens
      self.bytes = bytes
      self.threads = threads
      self.reordering = reordering
    }
  }

  /// Names are those of the JSON object.
  struct ReorderingSummary: Encodable {
    /// The mean of log2 of the gaps in posting lists.
    let bits_per_gap_before: Double
    let bits_per_gap_after: Double
    let seconds: Double

    init(_ report: ReorderingReport) {
      bits_per_gap_before = report.bitsPerGapBefore
      bits_per_gap_after = report.bitsPerGapAfter
      seconds = report.seconds
    }

    var text: String {
      "documents reordered in \(seconds.fixed(2)) s: \(bits_per_gap_before.fixed(2)) -> "
        + "\(bits_per_gap_after.fixed(2)) bits a gap\n"
    }
  }

  func folderBytes(_ folder: String) -> Int {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.reduce(0) { sum, name in
      let attributes = try? FileManager.default.attributesOfItem(atPath: folder + "/" + name)
      return sum + ((attributes?[.size] as? Int) ?? 0)
    }
  }
}
