import GradusCore

/// Writes judgements in TREC's or BEIR's columns.
///
///     try QrelsWriter.write(qrels, to: "qrels.txt", layout: .trec)
///
/// Queries keep their order; the documents of a query are ordered by bytes: same judgements, same file.
public enum QrelsWriter {
  /// The columns of a line.
  public enum Layout: Sendable {
    /// `qid 0 docno grade`.
    case trec
    /// Tab-separated with the header `query-id corpus-id score`.
    case beir
  }

  /// - Throws: ``QrelsFormatError`` where a name is empty or holds white space (nothing is written then); `FileError`.
  public static func write(_ qrels: Qrels, to path: String, layout: Layout) throws {
    let file = try OutputFile(path: path)
    var line = 0
    if layout == .beir {
      try file.write("query-id\tcorpus-id\tscore\n")
      line = 1
    }
    for qid in qrels.qids {
      let judged = qrels[qid].sorted { ScoredDocument.docnoPrecedes($1.key, $0.key) }
      for (docno, grade) in judged {
        line += 1
        for name in [qid, docno] where !name.isColumn {
          throw QrelsFormatError(file: path, line: line, reason: .name(name))
        }
        try file.write(layout == .trec ? "\(qid) 0 \(docno) \(grade)\n" : "\(qid)\t\(docno)\t\(grade)\n")
      }
    }
    try file.commit()
  }
}
