import GradusCore
@testable import GradusIndex
import GradusText
import Testing

@Suite("Many queries at once")
struct QueryBatchTests {
  private struct Failure: Error, Equatable {
    let number: Int
  }

  @Test("Answers in order, each given once, with a tool for every few", arguments: [1, 2, 5])
  func order(threads: Int) throws {
    for count in [0, 1, 4, 5, 103] {
      let lent = Guarded(0)
      let answers = try QueryBatch.answers(count, threads: threads) { body in
        lent.withLock { $0 += 1 }
        try body(7)
      } answer: { (tool: Int, number) in tool * number }
      #expect(answers == (0..<count).map { 7 * $0 })
      #expect(lent.withLock { $0 } == (count + 3) / 4)
    }
  }

  @Test("The error of the first query that ends in one", arguments: [1, 2, 5])
  func errors(threads: Int) {
    for failing in [[0], [102], [9, 50], [50, 9, 10, 100]] {
      #expect(throws: Failure(number: failing.min() ?? 0)) {
        try QueryBatch.answers(103, threads: threads, lend: { try $0(()) }) { (_: Void, number) in
          if failing.contains(number) { throw Failure(number: number) }
          return number
        }
      }
    }
  }

  @Test("The search alone finds the documents and scores of the whole search, also with segments and deletions")
  func numbers() throws {
    let folder = try TemporaryFolder()
    let documents = RandomCollection.documents(600, words: 12, vocabulary: 200, seed: 71)
    _ = try RandomCollection.build(Array(documents[..<400]), in: folder.path("idx"))
    let texts = RandomCollection.queries(30, terms: 6, vocabulary: 210, seed: 72)
    let queries = texts.enumerated().map { Query(qid: "\($0)", text: $1) }
    let writer = try IndexWriter(updating: folder.path("idx"))
    for step in 0..<2 {
      let index = try InvertedIndex(path: folder.path("idx"))
      #expect(index.segmentCount == 1 + step)
      let analyzer = try Analyzer(RandomCollection.analyzer)
      let found = try index.numbers(
        for: queries.map { QueryTerms($0.text, analyzer: analyzer) }, k: 15, model: BM25(), threads: 2)
      let expected = try index.search(queries, k: 15, threads: 2)
      for (numbers, result) in zip(found, expected) {
        #expect(try numbers.map { ScoredDocument(docno: try index.docno($0.doc), score: $0.score) } == result.documents)
      }
      for document in documents[400...] where step == 0 { try writer.add(document) }
      for document in documents[..<400].filter({ $0.text.utf8.count % 5 == 0 }) where step == 0 {
        try writer.delete(docno: document.docno)
      }
      try writer.commit()
    }
  }
}
