import ArgumentParser
import Gradus

/// What a command does to an index of vectors or term weights that is there.
struct IndexChange: ParsableArguments {
  @Flag(help: "Add the documents to the index; none of them may be there yet.")
  var add = false

  @Flag(help: "Add the documents, in the place of those of their names.")
  var replace = false

  @Flag(help: "Delete documents: CORPUS is a file with one docno a line.")
  var delete = false

  @Flag(help: "With one of these: write all documents anew, without the deleted ones, as one segment.")
  var compact = false

  var adds: Bool { add || replace }
  var isGiven: Bool { adds || delete || compact }

  func validate() throws {
    guard [add, replace, delete].count(where: { $0 }) <= 1 else {
      throw ValidationError("give one of --add, --replace and --delete")
    }
    guard !compact || adds || delete else { throw ValidationError("--compact goes with --add, --replace or --delete") }
  }

  /// Before a document is added: with --replace, deletes the one of its name.
  ///
  /// - Returns: Whether there was one.
  func makesRoom(for docno: String, in writer: some ChangingWriter) throws -> Bool {
    guard replace, try writer.contains(docno: docno) else { return false }
    try writer.delete(docno: docno)
    return true
  }

  /// Makes the changes visible.
  func finish(_ writer: some ChangingWriter, progress: @escaping (Int) -> Void = { _ in }) throws {
    if compact { try writer.compactAll(progress) } else { try writer.commitAll(progress) }
  }

  /// Deletes the documents that a file names: all of them or, after an error, none.
  ///
  /// - Parameter left: Documents of the index afterwards, and deleted ones that are still in its files.
  func delete(
    _ docnos: String, from writer: some ChangingWriter, of index: String, _ output: JSONOption,
    left: () throws -> (total: Int, deletedInFiles: Int)
  ) throws {
    let names = try DocnoFile.read(docnos)
    for docno in names { try writer.delete(docno: docno) }
    try finish(writer)
    let (total, deletedInFiles) = try left()
    let report = Report(index: index, deleted: names.count, total: total, deleted_in_files: deletedInFiles)
    if output.json { return try printJSON(report) }
    try printOutput(report.text)
  }

  /// Names are those of the JSON object.
  private struct Report: Encodable {
    let index: String
    let deleted: Int
    let total: Int
    /// Deleted now and before, which a compaction would remove.
    let deleted_in_files: Int

    var text: String {
      "\(index): \(deleted.grouped) documents deleted, \(total.grouped) left"
        + (deleted_in_files > 0 ? "; \(deleted_in_files.grouped) deleted ones are still in the files (--compact)" : "") + "\n"
    }
  }
}

/// A writer that changes an index in place.
protocol ChangingWriter: AnyObject {
  func contains(docno: String) throws -> Bool
  func delete(docno: String) throws
  /// - Parameter progress: Called with what was written since the last call, where the index tells.
  func commitAll(_ progress: @escaping (Int) -> Void) throws
  func compactAll(_ progress: @escaping (Int) -> Void) throws
}

extension VectorIndexWriter: ChangingWriter {
  func commitAll(_ progress: @escaping (Int) -> Void) throws { try commit(progress: progress) }
  func compactAll(_ progress: @escaping (Int) -> Void) throws { try compact(progress: progress) }
}

extension TokenIndexWriter: ChangingWriter {
  func commitAll(_ progress: @escaping (Int) -> Void) throws { try commit() }
  func compactAll(_ progress: @escaping (Int) -> Void) throws { try compact(progress: progress) }
}

extension ImpactIndexWriter: ChangingWriter {
  func commitAll(_ progress: @escaping (Int) -> Void) throws { try commit() }
  func compactAll(_ progress: @escaping (Int) -> Void) throws { try compact(progress: progress) }
}

/// A file of docnos, one a line.
enum DocnoFile {
  /// In the order of the lines; empty lines are passed over.
  static func read(_ path: String) throws -> [String] {
    let reader = try LineReader(path: path)
    var docnos: [String] = []
    while let line = try reader.next() {
      let name = String(decoding: line, as: UTF8.self).filter { !$0.isWhitespace }
      if !name.isEmpty { docnos.append(name) }
    }
    return docnos
  }
}
