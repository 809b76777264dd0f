import GradusCore
@testable import GradusIndex
import GradusText
import Testing

@Suite("Search")
struct SearchTests {
  @Test("Three documents, by hand")
  func byHand() throws {
    let folder = try TemporaryFolder()
    let index = try RandomCollection.build(
      [
        Document(docno: "a", text: "red green"), Document(docno: "b", text: "red red blue blue"),
        Document(docno: "c", title: "grey", text: ""),
      ], in: folder.path("idx"))
    // N = 3, lengths 2, 4, 1, avgdl = 7/3, k1 = 0.9, b = 0.4. "blue": df = 1, idf = ln(1 + 2.5/1.5) = 0.980829...
    // tf = 2, norm = 0.9 (0.6 + 0.4 * 4 * 3/7) = 1.157142..., score = 0.980829 * 2 / 3.157142 = 0.621340...
    let blue = try index.search("blue", k: 10)
    #expect(blue.documents.map(\.docno) == ["b"])
    #expect(abs(blue.documents[0].score - 0.6213398) < 1e-7)
    // A repeated term counts each time.
    let twice = try index.search("blue blue", k: 10)
    #expect(twice.documents[0].score == 2 * blue.documents[0].score)
    #expect(twice.queryLength == 2)
    #expect(try index.search("grey", k: 1).documents.map(\.docno) == ["c"])
  }

  @Test("Equal scores are ordered by docno, descending by bytes")
  func ties() throws {
    let folder = try TemporaryFolder()
    let names = ["b", "é", "a", "Z", "bb", "b1", "z"]
    let index = try RandomCollection.build(names.map { Document(docno: $0, text: "same words") }, in: folder.path("idx"))
    for pruning in Pruning.allCases {
      for k in 1...8 {
        let found = try index.search("words", k: k, pruning: pruning).documents.map(\.docno)
        #expect(found == Array(["é", "z", "bb", "b1", "b", "a", "Z"].prefix(k)))
      }
    }
  }

  @Test("Small collections: the same as brute force", arguments: [1, 2, 3, 4, 5, 6])
  func bruteForce(seed: UInt64) throws {
    let folder = try TemporaryFolder()
    let documents = RandomCollection.documents(50 * Int(seed * seed), words: 20, vocabulary: 120, seed: seed)
    let index = try RandomCollection.build(documents, in: folder.path("idx"))
    let reference = try BruteForce(documents, RandomCollection.analyzer)
    for query in RandomCollection.queries(15, terms: 8, vocabulary: 130, seed: seed) {
      for (k1, b) in [(0.9, 0.4), (1.2, 0.75), (0, 0), (3, 1), (0.5, 0)] {
        let expected = reference.search(query, k: 30, k1: k1, b: b)
        let found = try index.search(query, k: 30, model: BM25(k1: k1, b: b)).documents
        #expect(agree(found, expected), "\(query), k1 \(k1), b \(b)")
      }
    }
  }

  @Test("Pruning changes no bit", arguments: [1, 10, 100, 1000])
  func pruningIsSafe(k: Int) throws {
    let index = try LargeCollection.shared.get()
    for query in RandomCollection.queries(60, terms: 9, vocabulary: 3000, seed: UInt64(k)) {
      for model in [BM25(), BM25(k1: 2, b: 0.9), BM25(k1: 0, b: 0)] {
        let exhaustive = try index.search(query, k: k, model: model, pruning: .exhaustive)
        #expect(try index.search(query, k: k, model: model, pruning: .blockMaxScore) == exhaustive, "\(query) \(model)")
      }
    }
  }

  @Test("Pruning changes no bit within the first window, where few documents hold rare words", arguments: [1, 3, 10, 40])
  func pruningOfOneWindow(k: Int) throws {
    let folder = try TemporaryFolder()
    var generator = SeededGenerator(seed: UInt64(k))
    // Rare words decide: most lists of the common ones need not be read. Some documents have equal scores.
    let documents = (0..<6000).map { number in
      var words = (0..<12).filter { _ in generator.integer(below: 2) == 0 }.map { "common\($0)" }
      for rare in 0..<4 where generator.integer(below: 60) == 0 {
        words += [String](repeating: "rare\(rare)", count: 1 + generator.integer(below: 3))
      }
      return Document(docno: "d\(number * 7919 % 1_000_003)", text: words.joined(separator: " "))
    }
    let index = try RandomCollection.build(documents, in: folder.path("idx"))
    var filter = DocumentSet(documents: documents.count)
    for doc in 0..<documents.count where doc % 3 > 0 { filter.insert(doc) }
    let models = ["bm25", "bm25(k1=3,b=1)", "bm25+", "dfi-saturated", "tfidf", "tfidf-pivoted", "ql-jm", "dph", "coordinate"]
    for query in ["rare0 common1", "rare0 rare1 common2 common3 common4", "rare2 rare3 rare1 common5", "common1 common7"] {
      for model in try models.map(WeightingModels.parse) {
        for filter in [nil, filter] {
          let exhaustive = try index.search(query, k: k, model: model, pruning: .exhaustive, filter: filter)
          #expect(try index.search(query, k: k, model: model, filter: filter) == exhaustive, "\(query) \(model)")
        }
      }
    }
  }

  @Test("Threads change no bit", arguments: [1, 2, 3, 8])
  func threadsChangeNothing(threads: Int) throws {
    let index = try LargeCollection.shared.get()
    let queries = RandomCollection.queries(40, terms: 5, vocabulary: 3000, seed: 77)
      .enumerated().map { Query(qid: "q\($0)", text: $1) }
    let expected = try queries.map { try index.search($0.text, k: 20) }
    #expect(try index.search(queries, k: 20, threads: threads) == expected)
    let run = try index.run(queries, name: "bm25", k: 20, threads: threads)
    #expect(run.rankings.map(\.documents) == expected.map(\.documents))
  }

  @Test("Scores of chosen documents and explanations have the bits of the search")
  func scoresOfPairs() throws {
    let index = try LargeCollection.shared.get()
    for query in RandomCollection.queries(10, terms: 6, vocabulary: 3000, seed: 5) {
      let hits = try index.search(query, k: 50).documents
      let docnos = hits.map(\.docno)
      #expect(try index.score(query, docnos: docnos) == hits.map(\.score))
      // In another order, one twice.
      let again = Array(docnos.reversed()) + docnos.prefix(1)
      #expect(try index.score(query, docnos: again) == hits.reversed().map(\.score) + hits.prefix(1).map(\.score))
      for hit in hits.prefix(5) {
        let explanation = try index.explain(query, docno: hit.docno)
        #expect(explanation.score == hit.score)
        #expect(explanation.terms.reduce(0) { $0 + $1.contribution } == hit.score)
      }
    }
    #expect(throws: IndexError.unknownDocno("nobody")) { try index.score("w1", docnos: ["nobody"]) }
    #expect(throws: IndexError.unknownDocno("nobody")) { try index.explain("w1", docno: "nobody") }
  }

  @Test("Documents outside the ranking: zero where no term occurs")
  func zeroScores() throws {
    let folder = try TemporaryFolder()
    let index = try RandomCollection.build(
      [Document(docno: "a", text: "x y"), Document(docno: "b", text: "z")], in: folder.path("idx"))
    let scores = try index.score("x", docnos: ["b", "a"])
    #expect(scores[0] == 0)
    #expect(scores[1] > 0)
    #expect(try index.score("nothing known", docnos: ["b"]) == [0])
  }

  @Test("k beyond the collection, k of 0, a negative k")
  func cutOffs() throws {
    let folder = try TemporaryFolder()
    let index = try RandomCollection.build(
      (0..<5).map { Document(docno: "d\($0)", text: $0 < 3 ? "x" : "y") }, in: folder.path("idx"))
    #expect(try index.search("x", k: 1000).documents.count == 3)
    #expect(try index.search("x", k: .max).documents.count == 3)
    #expect(try index.search("x", k: 0).documents.isEmpty)
    #expect(throws: IndexError.self) { try index.search("x", k: -1) }
  }

  @Test("Empty and unknown queries are flagged, not errors")
  func emptyQueries() throws {
    let folder = try TemporaryFolder()
    let index = try RandomCollection.build(
      [Document(docno: "a", text: "running foxes")], in: folder.path("idx"), analyzer: .english)
    let empty = try index.search("", k: 10)
    #expect(empty.documents.isEmpty && !empty.hasKnownTerms && empty.queryLength == 0 && empty.unknownTerms.isEmpty)
    let stopped = try index.search("the of and", k: 10)
    #expect(stopped.documents.isEmpty && !stopped.hasKnownTerms && stopped.queryLength == 0)
    let unknown = try index.search("zebras zebra cats", k: 10)
    #expect(unknown.documents.isEmpty && !unknown.hasKnownTerms && unknown.unknownTerms == ["zebra", "cat"])
    let partly = try index.search("fox zebra", k: 10)
    #expect(partly.documents.count == 1 && partly.hasKnownTerms && partly.unknownTerms == ["zebra"])
  }

  @Test("Weighted terms")
  func weightedTerms() throws {
    let index = try LargeCollection.shared.get()
    let plain = try index.search("w5 w9 w5", k: 10)
    #expect(try index.search(terms: [WeightedTerm("w5", weight: 2), WeightedTerm("w9")], k: 10).documents == plain.documents)
    #expect(
      try index.search(terms: [WeightedTerm("w9"), WeightedTerm("w5"), WeightedTerm("w5")], k: 10).documents
        == plain.documents)
    for weight in [0, -1, .nan, .infinity] {
      #expect(throws: IndexError.self) { try index.search(terms: [WeightedTerm("w5", weight: weight)], k: 10) }
    }
  }

  @Test("Queries of few and of many terms: each term counts as often as it stands there", arguments: [31, 32, 33, 90])
  func manyTerms(count: Int) throws {
    let folder = try TemporaryFolder()
    let documents = RandomCollection.documents(200, words: 30, vocabulary: 120, seed: 41)
    let index = try RandomCollection.build(documents, in: folder.path("idx"))
    // Term i stands there once, and twice more where 7 divides i; the last one three times.
    let words = (0..<count).map { "w\($0)" }
    let again = words.indices.filter { $0 % 7 == 0 || $0 == count - 1 }.map { words[$0] }
    let query = (words + again + again).joined(separator: " ")
    let terms = words.map { WeightedTerm($0, weight: again.contains($0) ? 3 : 1) }
    let found = try index.search(query, k: 200)
    #expect(found.documents == (try index.search(terms: terms, k: 200)).documents)
    #expect(found.queryLength == count + 2 * again.count && !found.documents.isEmpty)
  }

  @Test("Highlighted words are those whose terms the query has")
  func highlighting() throws {
    let folder = try TemporaryFolder()
    let index = try RandomCollection.build([Document(docno: "a", text: "x")], in: folder.path("idx"), analyzer: .english)
    let text = "Façade: the FOXES ran, a fox runs – running."
    #expect(try index.highlight("fox running", in: text).map { String(text[$0]) } == ["FOXES", "fox", "runs", "running"])
    #expect(try index.highlight("façade", in: text).map { String(text[$0]) } == ["Façade"])
  }
}

/// A collection of several windows and many blocks, built once for all tests that only read it.
enum LargeCollection {
  static let shared = Result<InvertedIndex, any Error> {
    let folder = try TemporaryFolder()
    // The files are mapped: they outlive their folder.
    return try RandomCollection.build(
      RandomCollection.documents(40_000, words: 12, vocabulary: 3000, seed: 11), in: folder.path("idx"))
  }
}
