import GradusCore

/// Reads run files in TREC's format: `qid Q0 docno rank score tag`, separated by any white space.
///
///     let run = try TrecRunReader.read("bm25.run.gz")
///
/// As in trec_eval the rank column and the order of the lines mean nothing: a ranking is ordered by score and the tie
/// rule. Lines of a query need not stand together. Empty lines and lines that start with `#` are skipped.
public enum TrecRunReader {
  /// - Returns: Queries in order of first appearance; the name is the tag of the last line.
  /// - Throws: ``RunFormatError`` (wrong number of fields, a score that is no finite number, a document twice for one
  ///   query), ``TextFileError``, ``GzipError``, `FileError`.
  /// - Complexity: O(n log n) in the longest ranking, O(n) where the file is ordered already.
  public static func read(_ path: String) throws -> Run {
    let reader = try LineReader(path: path)
    var builder = RunBuilder(file: path)
    var tag: [UInt8] = []
    while let line = try reader.next() {
      var fields = FieldSplitter(line)
      guard let qid = fields.next(), qid[0] != UInt8(ascii: "#") else { continue }
      guard fields.next() != nil, let docno = fields.next(), fields.next() != nil, let score = fields.next(),
        let name = fields.next(), fields.next() == nil
      else {
        let reason = RunFormatError.Reason.fieldCount(found: FieldSplitter.count(in: line), expected: 6)
        throw RunFormatError(file: path, line: reader.lineNumber, reason: reason)
      }
      guard let value = DecimalParser.double(score), value.isFinite else {
        throw RunFormatError(file: path, line: reader.lineNumber, reason: .score(String(utf8: score)))
      }
      if !tag.elementsEqual(name) { tag = Array(name) }
      builder.add(qid: qid, docno: docno, score: value, line: reader.lineNumber)
    }
    return try builder.finish(name: String(decoding: tag, as: UTF8.self))
  }
}
