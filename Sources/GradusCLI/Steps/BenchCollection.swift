import Gradus

/// Queries with four documents each, all of random words: what training steps are measured on.
struct BenchCollection {
  let texts: InMemoryTexts
  /// Each query's documents, by falling score: `q0-0`, `q0-1`, `q0-2` and `q0-3` of `q0`.
  let run: Run

  var qids: [String] { run.qids }

  /// - Parameter tokens: At least as many in each document; queries are shorter.
  /// - Throws: `UsageError` where the vocabulary has no plain words.
  init(queries: Int, tokens: Int, tokenizer: any InputTokenizer) throws {
    var words = try BenchWords(of: tokenizer)
    let queries = (0..<queries).map { Query(qid: "q\($0)", text: words.text(min(8, tokens / 4))) }
    let documents = queries.map { query in
      (0..<4).map { Document(docno: "\(query.qid)-\($0)", text: words.text(tokens)) }
    }
    texts = InMemoryTexts(queries: queries, documents: documents.flatMap { $0 })
    run = Run(name: "first stage", rankings: zip(queries, documents).map { query, own in
      Ranking(qid: query.qid, documents: own.enumerated().map {
        ScoredDocument(docno: $1.docno, score: Double(10 - $0))
      })
    })
  }
}
