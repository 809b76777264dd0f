import GradusCore

/// Reads judgements: TREC's four columns `qid iteration docno grade` or BEIR's three with a header.
///
///     let qrels = try QrelsReader.read("qrels/test.tsv")
///
/// The first line tells the layout: BEIR's header or three fields, else four. Columns are separated by any white space,
/// which ids do not contain. Lines that begin with `#` are comments, as trec_eval 10 has it. Negative grades (junk) are
/// kept. A pair may be repeated with the same grade.
public enum QrelsReader {
  /// - Throws: ``QrelsFormatError`` (wrong number of fields, a grade that is no whole number, two grades for one pair),
  ///   ``TextFileError``, ``GzipError``, `FileError`.
  public static func read(_ path: String) throws -> Qrels {
    let reader = try LineReader(path: path)
    var qrels = Qrels()
    var lines: [String: [String: Int]] = [:]
    var expected = 0
    while let line = try reader.next() {
      let found = FieldSplitter.count(in: line)
      if found == 0 { continue }
      var fields = FieldSplitter(line)
      // trec_eval 10 lets judgements hold comment lines.
      if let first = fields.next(), first.first == UInt8(ascii: "#") { continue }
      fields = FieldSplitter(line)
      if expected == 0 {
        expected = found == 3 ? 3 : 4
        if let first = fields.next(), first.elementsEqual("query-id".utf8) {
          expected = 3
          continue
        }
        fields = FieldSplitter(line)
      }
      let parsed = Self.judgement(&fields, expected)
      guard found == expected, let (qidBytes, docnoBytes, gradeBytes) = parsed else {
        throw QrelsFormatError(
          file: path, line: reader.lineNumber, reason: .fieldCount(found: found, expected: expected))
      }
      guard let grade = DecimalParser.integer(gradeBytes) else {
        throw QrelsFormatError(file: path, line: reader.lineNumber, reason: .grade(String(utf8: gradeBytes)))
      }
      let (qid, docno) = (String(utf8: qidBytes), String(utf8: docnoBytes))
      if let firstLine = lines[qid]?[docno] {
        guard qrels.grade(qid: qid, docno: docno) == grade else {
          let reason = QrelsFormatError.Reason.contradiction(qid: qid, docno: docno, firstLine: firstLine)
          throw QrelsFormatError(file: path, line: reader.lineNumber, reason: reason)
        }
        continue
      }
      lines[qid, default: [:]][docno] = reader.lineNumber
      qrels.judge(qid: qid, docno: docno, grade: grade)
    }
    return qrels
  }

  private typealias Bytes = UnsafeBufferPointer<UInt8>

  private static func judgement(_ fields: inout FieldSplitter, _ count: Int) -> (Bytes, Bytes, Bytes)? {
    guard let qid = fields.next() else { return nil }
    if count == 4 { _ = fields.next() }
    guard let docno = fields.next(), let grade = fields.next() else { return nil }
    return (qid, docno, grade)
  }
}
