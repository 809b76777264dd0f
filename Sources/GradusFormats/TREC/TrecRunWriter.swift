import GradusCore

/// Writes run files in TREC's format: `qid Q0 docno rank score tag`.
///
///     try TrecRunWriter.write(run, to: "bm25.run.gz")
///
/// Ranks start at 1. Scores have the fewest digits that read back as the same `Double`, so that no ties appear by
/// rounding. A ranking is written in its own order, which is the tie rule's.
public enum TrecRunWriter {
  /// - Throws: ``RunFormatError`` where a score is not finite, or a name is empty or holds white space (nothing is
  ///   written then); `FileError`.
  public static func write(_ run: Run, to path: String) throws {
    let file = try OutputFile(path: path)
    var line = 0
    let tag = try column(run.name, path, line + 1)
    for ranking in run.rankings {
      let qid = try column(ranking.qid, path, line + 1)
      for (index, document) in ranking.documents.enumerated() {
        line += 1
        guard document.score.isFinite else {
          throw RunFormatError(file: path, line: line, reason: .score("\(document.score)"))
        }
        let docno = try column(document.docno, path, line)
        try file.write("\(qid) Q0 \(docno) \(index + 1) \(document.score) \(tag)\n")
      }
    }
    try file.commit()
  }

  private static func column(_ text: String, _ path: String, _ line: Int) throws(RunFormatError) -> String {
    guard text.isColumn else { throw RunFormatError(file: path, line: line, reason: .name(text)) }
    return text
  }
}
