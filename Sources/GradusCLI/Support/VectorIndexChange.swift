import ArgumentParser
import Gradus

/// What `gradus dense --index` does to an index that is there.
struct VectorIndexChange: ParsableArguments {
  @Flag(help: "Add the documents to the index; none of them may be there yet.")
  var add = false

  @Flag(help: "Add the documents, in the place of those of their names.")
  var replace = false

  @Flag(help: "Delete documents: CORPUS is a file with one docno a line.")
  var delete = false

  @Flag(help: "With one of these: write all vectors anew, without the deleted ones, as one segment.")
  var compact = false

  var adds: Bool { add || replace }
  var isGiven: Bool { adds || delete || compact }

  func validate() throws {
    guard [add, replace, delete].count(where: { $0 }) <= 1 else {
      throw ValidationError("give one of --add, --replace and --delete")
    }
    guard !compact || adds || delete else { throw ValidationError("--compact goes with --add, --replace or --delete") }
  }

  /// Makes the changes visible.
  func finish(_ writer: VectorIndexWriter, progress: @escaping (Int) -> Void) throws {
    if compact { try writer.compact(progress: progress) } else { try writer.commit(progress: progress) }
  }

  func finish(_ writer: TokenIndexWriter) throws { if compact { try writer.compact() } else { try writer.commit() } }

  /// Deletes the documents that the command's file names: all of them or, after an error, none.
  func delete(in index: String, command: DenseSearchCommand, threads: Int) throws {
    let opened = try VectorIndex(path: index)
    let writer = try VectorIndexWriter(
      updating: index, encoder: opened.configuration.encoder, memoryBudgetBytes: command.storage.memory << 20, threads: threads)
    let names = try DocnoFile.read(command.corpus)
    for docno in names { try writer.delete(docno: docno) }
    try finish(writer) { _ in }
    let left = try VectorIndex(path: index)
    try Report(index: index, deleted: names.count, total: left.count, deleted_in_files: left.deletedCount).show(command)
  }

  /// The same in an index of token vectors.
  func deleteTokens(in index: String, command: DenseSearchCommand) throws {
    let writer = try TokenIndexWriter(updating: index, encoder: TokenIndex(path: index).configuration.encoder)
    let names = try DocnoFile.read(command.corpus)
    for docno in names { try writer.delete(docno: docno) }
    try finish(writer)
    let left = try TokenIndex(path: index)
    try Report(index: index, deleted: names.count, total: left.count, deleted_in_files: left.deletedCount).show(command)
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

    func show(_ command: DenseSearchCommand) throws {
      if command.output.json { return try printJSON(self) }
      try printOutput(text)
    }
  }
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
