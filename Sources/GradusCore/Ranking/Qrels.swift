/// Relevance judgements: for each query the grade of each judged document.
///
/// An absent document is *unjudged*, which is not the same as grade 0; negative grades (junk) occur in TREC files.
///
///     var qrels = Qrels()
///     qrels.judge(qid: "1", docno: "d1", grade: 2)
///     qrels.grade(qid: "1", docno: "d1")   // 2
public struct Qrels: Sendable, Equatable {
  /// In order of first appearance.
  public private(set) var qids: [String] = []
  public private(set) var judgements: [String: [String: Int]] = [:]

  public init() {}

  /// Adds a judgement, in the place of one of the same pair.
  public mutating func judge(qid: String, docno: String, grade: Int) {
    if judgements[qid] == nil { qids.append(qid) }
    judgements[qid, default: [:]][docno] = grade
  }

  /// Nil where the document was not judged for the query. O(1).
  public func grade(qid: String, docno: String) -> Int? { judgements[qid]?[docno] }

  /// Judgements of one query; empty where there are none.
  public subscript(qid: String) -> [String: Int] { judgements[qid] ?? [:] }

  /// Docnos of a query with grade `>= minimumGrade`, ordered by bytes so that sampling from them is reproducible.
  public func relevant(qid: String, minimumGrade: Int = 1) -> [String] {
    self[qid].filter { $0.value >= minimumGrade }.map(\.key).sorted { ScoredDocument.docnoPrecedes($1, $0) }
  }

  /// The judgements of the given queries only, in this value's order.
  public func restricted(to wanted: Set<String>) -> Qrels {
    var result = Qrels()
    result.qids = qids.filter(wanted.contains)
    result.judgements = judgements.filter { wanted.contains($0.key) }
    return result
  }
}
