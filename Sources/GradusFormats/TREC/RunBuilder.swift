import GradusCore

/// Collects the lines of a run file, query by query, and looks for documents that stand there twice.
struct RunBuilder {
  /// What one line says, and what is needed to find its double.
  private struct Entry {
    let document: ScoredDocument
    let hash: UInt64
    let line: Int
  }

  private let file: String
  private var qids: [String] = []
  private var entries: [[Entry]] = []
  /// Queries by name: `String` keys would merge canonically equivalent names, which TREC files tell apart.
  private var positions: [[UInt8]: Int] = [:]
  /// The lines of a query usually stand together.
  private var current = -1
  private var currentQid: [UInt8] = []

  init(file: String) { self.file = file }

  mutating func add(qid: UnsafeBufferPointer<UInt8>, docno: UnsafeBufferPointer<UInt8>, score: Double, line: Int) {
    if current < 0 || !currentQid.elementsEqual(qid) { select(qid) }
    let document = ScoredDocument(docno: String(utf8: docno), score: score)
    entries[current].append(Entry(document: document, hash: ByteHash.hash(docno), line: line))
  }

  private mutating func select(_ qid: UnsafeBufferPointer<UInt8>) {
    currentQid = Array(qid)
    if let known = positions[currentQid] {
      current = known
      return
    }
    current = qids.count
    positions[currentQid] = current
    qids.append(String(utf8: qid))
    entries.append([])
  }

  /// - Throws: ``RunFormatError`` with both lines of a document that is listed twice for a query.
  consuming func finish(name: String) throws(RunFormatError) -> Run {
    var rankings: [Ranking] = []
    rankings.reserveCapacity(qids.count)
    var table = HashSlots()
    for (qid, list) in zip(qids, entries) {
      table.reset(capacity: list.count)
      for (position, entry) in list.enumerated() {
        let earlier = table.insert(hash: entry.hash, position: position) {
          list[$0].hash == entry.hash && list[$0].document.docno.utf8.elementsEqual(entry.document.docno.utf8)
        }
        if let earlier {
          let reason = RunFormatError.Reason.duplicate(
            qid: qid, docno: entry.document.docno, firstLine: list[earlier].line)
          throw RunFormatError(file: file, line: entry.line, reason: reason)
        }
      }
      let documents = list.map(\.document)
      let isOrdered = zip(documents, documents.dropFirst()).allSatisfy { ScoredDocument.precedes($0, $1) }
      rankings.append(
        isOrdered ? Ranking(qid: qid, alreadyOrdered: documents) : Ranking(qid: qid, documents: documents))
    }
    return Run(name: name, rankings: rankings)
  }
}
