import GradusCore

/// The documents of a run with the grades that qrels give them; unjudged documents have grade 0.
struct JudgedPool: Sendable {
  struct Query: Sendable {
    let ranking: Ranking
    /// Parallel to `ranking.documents`.
    let grades: [Int]

    func docno(_ position: Int) -> String { ranking.documents[position].docno }
  }

  let queries: [Query]

  init(run: Run, qrels: Qrels) {
    queries = run.rankings.map { ranking in
      let judgements = qrels[ranking.qid]
      return Query(ranking: ranking, grades: ranking.documents.map { judgements[$0.docno] ?? 0 })
    }
  }

  /// SHA-256 of `settings` and of every qid, docno and grade in order.
  func digest(settings: String) -> String {
    var digest = SHA256Digest()
    func add(_ text: String) {
      var text = text
      text.withUTF8 { digest.update(UnsafeRawBufferPointer($0)) }
    }
    add(settings)
    for query in queries {
      add("\n\(query.ranking.qid)")
      for (document, grade) in zip(query.ranking.documents, query.grades) { add(" \(document.docno) \(grade)") }
    }
    return digest.finish()
  }
}
