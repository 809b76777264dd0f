/// One line of a ranking: a document's name and its score.
public struct ScoredDocument: Sendable, Hashable, Codable {
  public let docno: String
  public let score: Double

  public init(docno: String, score: Double) {
    self.docno = docno
    self.score = score
  }

  /// The one tie rule of the toolkit: score descending, then docno descending by bytes, as trec_eval orders a run.
  ///
  ///     [a(1.0), b(1.0), c(2.0)].sorted(by: ScoredDocument.precedes)   // c, b, a
  ///
  /// Scores must not be NaN; readers refuse such runs before they get here.
  public static func precedes(_ first: ScoredDocument, _ second: ScoredDocument) -> Bool {
    if first.score != second.score { return first.score > second.score }
    return docnoPrecedes(first.docno, second.docno)
  }

  /// Whether `first` stands before `second` among equal scores: descending by UTF-8 bytes.
  ///
  /// Swift's `String` comparison goes by Unicode canonical order, which trec_eval and other tools do not know.
  public static func docnoPrecedes(_ first: String, _ second: String) -> Bool {
    second.utf8.lexicographicallyPrecedes(first.utf8)
  }
}
