import ArgumentParser
import Gradus

extension IndexCommand {
  /// Whether an index that is there is changed, not a new one built.
  var isChange: Bool { add || update || delete != nil || merge }

  /// Deletes, adds and merges, in this order and in one commit.
  func change(threads: Int) throws {
    var report = ChangeReport(index: out)
    let elapsed = try seconds {
      let writer = try IndexWriter(
        updating: out, memoryBudgetBytes: memory << 20, threads: threads, compression: packing.compression)
      try checkSettings(of: writer)
      if let delete { report.deleted = try remove(delete, from: writer) }
      if let corpus { try take(corpus, into: writer, &report) }
      if merge {
        try writer.optimize(reordering: reordering)
      } else {
        try writer.merge()
      }
      report.documents = writer.statistics.documents
      report.terms = writer.statistics.terms
      report.segments = writer.segmentCount
      report.reordering = writer.reorderingReport.map(ReorderingSummary.init)
      writer.close()
    }
    report.seconds = elapsed
    report.bytes = folderBytes(out)
    if output.json { return try printJSON(report) }
    let changes = [("added", report.added), ("updated", report.updated), ("deleted", report.deleted)]
      .filter { $0.1 > 0 }.map { "\($0.1.grouped) \($0.0)" }
    try printOutput(
      "\(out): \((changes.isEmpty ? ["nothing added or deleted"] : changes).joined(separator: ", ")); "
        + "\(report.documents.grouped) documents in \(report.segments) segment\(report.segments == 1 ? "" : "s"), "
        + "\(report.bytes.byteText), \(elapsed.fixed(2)) s\n" + (report.reordering?.text ?? ""))
  }

  /// What an index is built with stays: other wishes are refused instead of left aside.
  private func checkSettings(of writer: IndexWriter) throws {
    if let analyzer, AnalyzerConfiguration(language: analyzer) != writer.analyzer {
      throw UsageError("--analyzer \(analyzer): \(out) was built with another one, \(writer.analyzer.language); leave it out")
    }
    if positions, !writer.hasPositions {
      throw UsageError("--positions: \(out) was built without; build it again with them")
    }
    if let fields, try IndexFields(parsing: fields) != writer.fields {
      let names = writer.fields.map { "with --fields \($0.names.joined(separator: ","))" } ?? "without"
      throw UsageError("--fields \(fields): \(out) was built \(names); leave the option out, or build it again")
    }
    if let columns, try MetadataColumn.parse(columns) != writer.columns {
      throw UsageError("--columns \(columns): \(out) was built with other columns; leave the option out")
    }
  }

  private func remove(_ path: String, from writer: IndexWriter) throws -> Int {
    let reader = try LineReader(path: path)
    var count = 0
    try reader.forEachLine { line, number in
      var docno = Substring(String(decoding: line, as: UTF8.self))
      while docno.last?.isWhitespace ?? false { docno.removeLast() }
      if docno.isEmpty { return }
      guard try writer.contains(docno: String(docno)) else {
        throw DocnoListError(file: path, line: number, docno: String(docno), index: out)
      }
      try writer.delete(docno: String(docno))
      count += 1
    }
    return count
  }

  private func take(_ corpus: String, into writer: IndexWriter, _ report: inout ChangeReport) throws {
    let reader = try CorpusReader(path: try InputNames.corpus(corpus))
    let progress = Progress("indexing", total: nil, unit: "documents")
    defer { progress.finish() }
    while let document = try reader.next() {
      if update {
        if try writer.update(document) { report.updated += 1 } else { report.added += 1 }
      } else {
        try writer.add(document)
        report.added += 1
      }
      progress.advance(part: reader.partRead)
    }
  }

  /// Names are those of the JSON object.
  struct ChangeReport: Encodable {
    let index: String
    var added = 0
    var updated = 0
    var deleted = 0
    var documents = 0
    var terms = 0
    var segments = 0
    var bytes = 0
    var seconds = 0.0
    var reordering: ReorderingSummary?

    init(index: String) { self.index = index }
  }
}

/// How the texts of an index are stored.
enum TextPacking: String, ExpressibleByArgument, CaseIterable {
  case zstd, none

  var compression: StoredFieldCompression? { self == .zstd ? .zstd : nil }
}

/// A line of a list of docnos that names no document of the index.
struct DocnoListError: LineError {
  let file: String
  let line: Int
  let docno: String
  let index: String

  var problem: String { "no document '\(docno)' in \(index), or it is listed twice; nothing was changed" }
}
