import GradusCore
import GradusFormats
@testable import GradusIndex
import GradusTestSupport
import GradusText
import Testing

@Suite("Searching with every ranking model")
struct ModelSearchTests {
  @Test("An exhaustive search ranks the scores of all documents that hold a term", arguments: allModels)
  func ranksAllScores(name: String) throws {
    let model = try WeightingModels.parse(name)
    let folder = try TemporaryFolder()
    let documents = RandomCollection.documents(300, words: 15, vocabulary: 40, seed: 31)
    let index = try RandomCollection.build(documents, in: folder.path("idx"))
    let analyzer = try Analyzer(RandomCollection.analyzer)
    for query in RandomCollection.queries(12, terms: 5, vocabulary: 45, seed: 32) {
      let wanted = Set(analyzer.terms(query))
      let holding = documents.filter { !wanted.isDisjoint(with: analyzer.terms($0.contents)) }.map(\.docno)
      let scores = try index.score(query, docnos: holding, model: model)
      let expected = zip(holding, scores).map { ScoredDocument(docno: $0, score: $1) }.sorted(by: ScoredDocument.precedes)
      for pruning in Pruning.allCases {
        #expect(try index.search(query, k: 1000, model: model, pruning: pruning).documents == expected, "\(query)")
        #expect(
          try index.search(query, k: 7, model: model, pruning: pruning).documents == Array(expected.prefix(7)), "\(query)")
      }
    }
  }

  @Test("Pruning changes no bit", arguments: allModels)
  func pruningIsSafe(name: String) throws {
    let model = try WeightingModels.parse(name)
    let index = try LargeCollection.shared.get()
    for k in [1, 10, 1000] {
      for query in RandomCollection.queries(15, terms: 9, vocabulary: 3000, seed: UInt64(k)) {
        let exhaustive = try index.search(query, k: k, model: model, pruning: .exhaustive)
        #expect(try index.search(query, k: k, model: model, pruning: .blockMaxScore) == exhaustive, "\(query) \(k)")
      }
    }
  }

  @Test("Pruning changes no bit where all documents are of one length, and its part of the score is at its bound")
  func equalLengths() throws {
    var generator = SeededGenerator(seed: 61)
    let documents = (0..<20_000).map { number in
      let words = (0..<8).map { _ in "w\(generator.integer(below: 10) * generator.integer(below: 10))" }
      return Document(docno: "d\(number)", text: words.joined(separator: " "))
    }
    let folder = try TemporaryFolder()
    let index = try RandomCollection.build(documents, in: folder.path("idx"))
    let model = QueryLikelihood(.dirichlet(mu: 4))
    for query in RandomCollection.queries(20, terms: 5, vocabulary: 80, seed: 62) {
      for k in [1, 10, 300] {
        let exhaustive = try index.search(query, k: k, model: model, pruning: .exhaustive)
        #expect(try index.search(query, k: k, model: model) == exhaustive, "\(query) \(k)")
      }
    }
  }

  @Test("Threads change no bit, also when they meet at a list for the first time", arguments: ["pl2(c=3)", "dph", "ql-dirichlet"])
  func threads(name: String) throws {
    let model = try WeightingModels.parse(name)
    let folder = try TemporaryFolder()
    let documents = RandomCollection.documents(9000, words: 12, vocabulary: 500, seed: 12)
    let queries = RandomCollection.queries(60, terms: 6, vocabulary: 500, seed: 78)
      .enumerated().map { Query(qid: "q\($0)", text: $1) }
    let index = try RandomCollection.build(documents, in: folder.path("idx"))
    let expected = try index.search(queries, k: 20, model: model, pruning: .exhaustive)
    for threads in [8, 1, 2, 3] {
      let fresh = try InvertedIndex(path: folder.path("idx"))
      #expect(try fresh.search(queries, k: 20, model: model, threads: threads) == expected)
    }
  }

  @Test("Documents whose score is negative or 0 are retrieved, in order")
  func negativeScores() throws {
    let folder = try TemporaryFolder()
    let index = try RandomCollection.build(
      [
        Document(docno: "often", text: "x x x y"), Document(docno: "once", text: "x y y y"),
        Document(docno: "none", text: "y z"), Document(docno: "short", text: "x"),
      ], in: folder.path("idx"))
    // x is in three of four documents: its weight by Robertson is ln(1.5 / 3.5) < 0, so the more of it the lower.
    let robertson = try index.search("x", k: 10, model: BM25Variant(.robertson)).documents
    #expect(robertson.map(\.docno) == ["once", "short", "often"])
    #expect(robertson.allSatisfy { $0.score < 0 })
    let everywhere = try RandomCollection.build(
      ["a", "b", "c"].map { Document(docno: $0, text: "x") }, in: folder.path("all"))
    #expect(
      try everywhere.search("x", k: 2, model: TFIDF()).documents
        == [ScoredDocument(docno: "c", score: 0), ScoredDocument(docno: "b", score: 0)])
    // Only the length tells these apart: the shorter the likelier.
    let likelihood = try index.search("y", k: 10, model: QueryLikelihood(.dirichlet(mu: 5))).documents
    #expect(likelihood.map(\.docno) == ["once", "none", "often"])
  }

  @Test("The weight of a term in the query multiplies its part, except in coordination")
  func weights() throws {
    let index = try LargeCollection.shared.get()
    for name in allModels where name != "coordinate" {
      let model = try WeightingModels.parse(name)
      let once = try index.explain("w7", docno: "d0", model: model)
      let hit = try #require(try index.search("w7", k: 1, model: model).documents.first)
      let single = try index.explain("w7", docno: hit.docno, model: model).terms[0].contribution
      let double = try index.explain("w7 w7", docno: hit.docno, model: model).terms[0].contribution
      #expect(abs(double - 2 * single) <= 1e-12 * abs(single), "\(name)")
      #expect(once.terms.count == 1)
    }
    let coordinate = try index.search("w7 w7 w8", k: 1, model: CoordinateMatch()).documents
    #expect(coordinate[0].score == 2)
  }

  @Test(
    "Pruning changes no bit on real collections", .enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.skipNotice)),
    arguments: ["cranfield", "scifact"])
  func realCollections(collection: String) throws {
    let path = try #require(SharedData.path(collection))
    let folder = try TemporaryFolder()
    let index = try RandomCollection.build(CorpusReader(path: path).readAll(), in: folder.path("idx"), analyzer: .english)
    let queries = Array(try TopicsReader.read(path + "/queries.jsonl").prefix(25))
    for name in allModels {
      let model = try WeightingModels.parse(name)
      for k in [1, 10, 1000] {
        let exhaustive = try index.search(queries, k: k, model: model, pruning: .exhaustive, threads: 1)
        #expect(try index.search(queries, k: k, model: model, threads: 2) == exhaustive, "\(name), k \(k)")
      }
    }
  }
}
