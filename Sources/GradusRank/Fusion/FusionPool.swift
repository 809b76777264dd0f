import GradusCore

/// The documents that several lists hold for one query, numbered, and the lists as numbers.
///
/// Checks what the methods rely on: finite scores, no document twice in a list, ranks by the tie rule.
struct FusionPool {
  /// Each document once, in the order in which the lists bring them.
  private(set) var docnos: [String] = []
  /// For each list the documents' numbers, best first.
  private(set) var lists: [[Int]] = []
  /// For each list the scores, best first.
  private(set) var scores: [[Double]] = []

  /// Compared are bytes: `String` merges canonically equivalent names, which TREC files tell apart.
  private var slots: [UInt32]
  private var hashes: [UInt64] = []
  /// The list that brought a document last.
  private var lastList: [Int] = []

  /// - Parameter names: Of the runs, for errors.
  init(_ rankings: [Ranking], names: [String], qid: String) throws(FusionError) {
    let total = rankings.reduce(0) { $0 + $1.documents.count }
    var size = 16
    while size < total * 2 { size *= 2 }
    slots = [UInt32](repeating: 0, count: size)
    lists.reserveCapacity(rankings.count)
    scores.reserveCapacity(rankings.count)
    for (number, ranking) in rankings.enumerated() {
      let documents = ranking.documents
      if let wrong = documents.first(where: { !$0.score.isFinite }) {
        throw .notFinite(run: names[number], qid: qid, docno: wrong.docno)
      }
      let isOrdered = zip(documents, documents.dropFirst()).allSatisfy { ScoredDocument.precedes($0, $1) }
      // Not in order also where a document stands twice in a row: found below.
      let ordered = isOrdered ? documents : documents.sorted(by: ScoredDocument.precedes)
      var list: [Int] = []
      list.reserveCapacity(ordered.count)
      for document in ordered {
        let place = add(document.docno)
        guard lastList[place] != number else { throw .duplicate(run: names[number], qid: qid, docno: document.docno) }
        lastList[place] = number
        list.append(place)
      }
      lists.append(list)
      scores.append(ordered.map(\.score))
    }
  }

  /// The number of a document, a new one where it has none.
  private mutating func add(_ docno: String) -> Int {
    var bytes = docno
    let hash = bytes.withUTF8 { ByteHash.hash($0) }
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 {
      let other = Int(slots[slot]) - 1
      if hashes[other] == hash, docnos[other].utf8.elementsEqual(docno.utf8) { return other }
      slot = (slot + 1) & mask
    }
    slots[slot] = UInt32(docnos.count + 1)
    docnos.append(docno)
    hashes.append(hash)
    lastList.append(-1)
    return docnos.count - 1
  }

  /// The documents with these scores, one for each of ``docnos``, ordered by the tie rule.
  func ranking(qid: String, scores: [Double]) -> Ranking {
    // Numbers are sorted, not documents: moving strings costs reference counting.
    let order = scores.indices.sorted { first, second in
      scores[first] != scores[second]
        ? scores[first] > scores[second] : ScoredDocument.docnoPrecedes(docnos[first], docnos[second])
    }
    return Ranking(qid: qid, alreadyOrdered: order.map { ScoredDocument(docno: docnos[$0], score: scores[$0]) })
  }
}
