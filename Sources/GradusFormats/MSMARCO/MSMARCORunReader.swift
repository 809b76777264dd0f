import GradusCore

/// Reads MS MARCO's run files: `qid pid rank`, separated by any white space.
///
///     let run = try MSMARCORunReader.read("run.dev.small.tsv")
///
/// The format has no scores: a document at rank r gets 1 / r.
public enum MSMARCORunReader {
  /// - Throws: ``RunFormatError`` (not three fields, a rank that is no whole number from 1, a document twice),
  ///   ``TextFileError``, ``GzipError``, `FileError`.
  public static func read(_ path: String, name: String = "msmarco") throws -> Run {
    let reader = try LineReader(path: path)
    var builder = RunBuilder(file: path)
    while let line = try reader.next() {
      var fields = FieldSplitter(line)
      guard let qid = fields.next() else { continue }
      guard let docno = fields.next(), let rank = fields.next(), fields.next() == nil else {
        let reason = RunFormatError.Reason.fieldCount(found: FieldSplitter.count(in: line), expected: 3)
        throw RunFormatError(file: path, line: reader.lineNumber, reason: reason)
      }
      guard let value = DecimalParser.integer(rank), value >= 1 else {
        throw RunFormatError(file: path, line: reader.lineNumber, reason: .rank(String(utf8: rank)))
      }
      builder.add(qid: qid, docno: docno, score: 1 / Double(value), line: reader.lineNumber)
    }
    return try builder.finish(name: name)
  }
}
