import GradusCore

/// The part of a TREC topic that is used as the query. Formats with one text per query have only that.
public enum TopicField: String, Sendable, CaseIterable {
  case title, description, narrative
}

/// Reads queries from BEIR's `queries.jsonl`, tab-separated lines, or TREC topics in SGML or XML.
///
///     let queries = try TopicsReader.read("topics.robust04.gz", field: .description)
///
/// The first line tells the format:
/// - `{`: one JSON object a line with `_id` (or `id`, `qid`, `query_id`) and `text` (or `query`);
/// - `<`: `<top>` with `<num>`, `<title>`, `<desc>`, `<narr>`, closed or not, or `<topic number="1">` with `<title>` or
///   `<query>`, `<description>` or `<question>`, `<narrative>`. Labels such as `Number:` are removed;
/// - otherwise `qid<TAB>text`, where further columns are ignored.
public enum TopicsReader {
  /// - Returns: Queries in file order.
  /// - Throws: ``TopicsFormatError``, ``TextFileError`` (a Latin-1 file, say), ``GzipError``, `FileError`.
  public static func read(_ path: String, field: TopicField = .title) throws -> [Query] {
    let text = try TextFile.read(path)
    let first = text.first { !FieldSplitter.isSpace($0) }
    return try text.withUnsafeBufferPointer { bytes in
      switch first {
      case nil: return []
      case UInt8(ascii: "<"): return try TrecTopics.parse(bytes, file: path, field: field)
      case UInt8(ascii: "{"): return try lines(bytes, file: path, parse: jsonQuery)
      default: return try lines(bytes, file: path, parse: tabQuery)
      }
    }
  }

  private typealias Bytes = UnsafeBufferPointer<UInt8>

  private static func lines(
    _ bytes: Bytes, file: String, parse: (Bytes) throws -> (qid: String, text: String)
  ) throws -> [Query] {
    var queries: [Query] = []
    var seen: Set<[UInt8]> = []
    var number = 0
    for piece in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
      number += 1
      var line = Bytes(rebasing: piece)
      if line.last == 0x0D { line = Bytes(rebasing: line.dropLast()) }
      if line.allSatisfy(FieldSplitter.isSpace) { continue }
      do {
        let (qid, text) = try parse(line)
        guard qid.isColumn else { throw LineFailure(reason: .name(qid)) }
        guard seen.insert(Array(qid.utf8)).inserted else { throw LineFailure(reason: .duplicate(qid: qid)) }
        queries.append(Query(qid: qid, text: text))
      } catch let failure as LineFailure {
        throw TopicsFormatError(file: file, line: number, reason: failure.reason)
      } catch let error as JSONError {
        throw TopicsFormatError(file: file, line: number, reason: .json(error))
      }
    }
    return queries
  }

  private struct LineFailure: Error {
    let reason: TopicsFormatError.Reason
  }

  private static func tabQuery(_ line: Bytes) throws -> (qid: String, text: String) {
    var fields = TabSplitter(line)
    guard let qid = fields.next(), let text = fields.next() else { throw LineFailure(reason: .unknownFormat) }
    return (String(utf8: qid), String(utf8: text))
  }

  private static func jsonQuery(_ line: Bytes) throws -> (qid: String, text: String) {
    var scanner = JSONScanner(line)
    var key: [UInt8] = []
    var qid: String?
    var text: String?
    try scanner.beginObject()
    while try scanner.nextKey(into: &key) {
      switch String(decoding: key, as: UTF8.self) {
      case "_id", "id", "qid", "query_id":
        qid = try scanner.peek() == .number ? String(scanner.readInteger()) : scanner.readString()
      case "text", "query": text = try scanner.readString()
      default: try scanner.skipValue()
      }
    }
    try scanner.finish()
    guard let qid else { throw LineFailure(reason: .missing("_id")) }
    guard let text else { throw LineFailure(reason: .missing("text")) }
    return (qid, text)
  }
}
