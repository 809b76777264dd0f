import GradusCore

/// Writes queries as tab-separated lines or as BEIR's `queries.jsonl`.
///
///     try TopicsWriter.write(queries, to: "queries.jsonl", layout: .jsonLines)
public enum TopicsWriter {
  /// The form of a line.
  public enum Layout: Sendable {
    /// `qid<TAB>text`.
    case tabSeparated
    /// `{"_id": ..., "text": ..., "metadata": {}}`, the keys always in this order.
    case jsonLines
  }

  /// - Throws: ``TopicsFormatError`` where a qid is empty or holds white space, occurs twice, or a text does not fit a
  ///   tab-separated line (nothing is written then); `FileError`.
  public static func write(_ queries: [Query], to path: String, layout: Layout) throws {
    let file = try OutputFile(path: path)
    var seen: Set<[UInt8]> = []
    var line: [UInt8] = []
    for (index, query) in queries.enumerated() {
      guard query.qid.isColumn else { throw TopicsFormatError(file: path, line: index + 1, reason: .name(query.qid)) }
      guard seen.insert(Array(query.qid.utf8)).inserted else {
        throw TopicsFormatError(file: path, line: index + 1, reason: .duplicate(qid: query.qid))
      }
      line.removeAll(keepingCapacity: true)
      switch layout {
      case .tabSeparated:
        guard !query.text.utf8.contains(where: { $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }) else {
          throw TopicsFormatError(file: path, line: index + 1, reason: .text(qid: query.qid))
        }
        line.append(contentsOf: "\(query.qid)\t\(query.text)\n".utf8)
      case .jsonLines:
        line.append(contentsOf: "{\"_id\": ".utf8)
        JSONText.appendQuoted(query.qid, to: &line)
        line.append(contentsOf: ", \"text\": ".utf8)
        JSONText.appendQuoted(query.text, to: &line)
        line.append(contentsOf: ", \"metadata\": {}}\n".utf8)
      }
      try file.write(line)
    }
    try file.commit()
  }
}
