import GradusCore
@testable import GradusIndex
import GradusText
import Testing

@Suite("Positions, phrases and Boolean queries")
struct PhraseTests {
  private static let documents = [
    Document(docno: "a", text: "x y z x y"), Document(docno: "b", text: "y x z z x q y"), Document(docno: "c", text: "z y x"),
    Document(docno: "d", title: "x", text: "y q"), Document(docno: "e", text: "q"),
  ]

  private func small() throws -> InvertedIndex {
    let folder = try TemporaryFolder()
    return try RandomCollection.build(Self.documents, in: folder.path("idx"), positions: true)
  }

  private func occurrences(_ index: InvertedIndex, _ text: String, _ proximity: Proximity) throws -> [String: Int] {
    var found: [String: Int] = [:]
    try index.forEachSegment(holding: index.phrase(text, proximity)) { view, postings in
      for posting in postings { found[try index.docno(view.docIndex(Int(posting >> 32)))] = Int(posting & 0xFFFF_FFFF) }
    }
    return found
  }

  @Test("Occurrences of phrases and pairs, by hand")
  func byHand() throws {
    let index = try small()
    #expect(try occurrences(index, "x y", .phrase) == ["a": 2, "d": 1])
    #expect(try occurrences(index, "x z", .phrase) == ["b": 1])
    // b: x z z x q y: the second x, q, y.
    #expect(try occurrences(index, "x y", .ordered(slop: 1)) == ["a": 2, "b": 1, "d": 1])
    // Both x of b reach its last y, which is counted once.
    #expect(try occurrences(index, "x y", .ordered(slop: 4)) == ["a": 2, "b": 1, "d": 1])
    #expect(try occurrences(index, "x z y", .ordered(slop: 2)) == ["a": 1])
    #expect(try occurrences(index, "x z y", .ordered(slop: 3)) == ["a": 1, "b": 1])
    #expect(try occurrences(index, "x y", .unordered(window: 2)) == ["a": 2, "b": 1, "c": 1, "d": 1])
    #expect(try occurrences(index, "x y", .unordered(window: 3)) == ["a": 2, "b": 2, "c": 1, "d": 1])
    #expect(try occurrences(index, "z z", .phrase) == ["b": 1])
    #expect(try occurrences(index, "x unknown", .phrase).isEmpty)
  }

  @Test("Stop words keep their place in a phrase")
  func stopWords() throws {
    let folder = try TemporaryFolder()
    let index = try RandomCollection.build(
      [
        Document(docno: "of", text: "the speed of light"), Document(docno: "none", text: "speed light"),
        Document(docno: "other", text: "speed in light"),
      ], in: folder.path("idx"), analyzer: .english, positions: true)
    func found(_ text: String) throws -> [String] {
      try index.search(BooleanQuery(parsing: text), k: 9).documents.map(\.docno).sorted()
    }
    #expect(try found("\"speed of light\"") == ["of", "other"])
    #expect(try found("\"speed light\"") == ["none"])
    #expect(try found("\"speed light\"~1").count == 3)
  }

  @Test("The same as looking through the texts", arguments: [1, 2, 3])
  func bruteForce(seed: UInt64) throws {
    let documents = RandomCollection.documents(700, words: 20, vocabulary: 12, seed: seed)
    let folder = try TemporaryFolder()
    let index = try RandomCollection.build(documents, in: folder.path("idx"), memoryBudgetBytes: 1, positions: true)
    let analyzer = try Analyzer(RandomCollection.analyzer)
    for phrase in ["w0 w1", "w1 w0 w2", "w3 w3", "w0 w1 w2 w0"] {
      let words = phrase.split(separator: " ").map(String.init)
      var expected: [String: Int] = [:]
      for document in documents {
        let terms = analyzer.terms(document.contents)
        let count = terms.indices.count { start in
          start + words.count <= terms.count && Array(terms[start..<start + words.count]) == words
        }
        if count > 0 { expected[document.docno] = count }
      }
      #expect(!expected.isEmpty)
      #expect(try occurrences(index, phrase, .phrase) == expected, "\(phrase)")
    }
  }

  @Test("Threads and memory change no byte of an index with positions; the postings are those of one without")
  func sameBytes() throws {
    let documents = RandomCollection.documents(3000, words: 25, vocabulary: 900, seed: 4)
    let folder = try TemporaryFolder()
    let columns = [MetadataColumn("none", .keyword)]
    _ = try RandomCollection.build(documents, in: folder.path("one"), threads: 1, positions: true, columns: columns)
    _ = try RandomCollection.build(
      documents, in: folder.path("many"), memoryBudgetBytes: 1, threads: 3, positions: true, columns: columns)
    _ = try RandomCollection.build(documents, in: folder.path("plain"))
    var one = try TemporaryFolder.contents(of: folder.path("one"))
    #expect(try TemporaryFolder.contents(of: folder.path("many")) == one)
    let plain = try TemporaryFolder.contents(of: folder.path("plain"))
    #expect(one["segment-1.postings"] == plain["segment-1.postings"])
    #expect(one.removeValue(forKey: "segment-1.positions") != nil && one.removeValue(forKey: "segment-1.columns") != nil)
    #expect(one.keys.sorted() == plain.keys.sorted())
    // A new index without positions leaves nothing of the one before.
    let again = try RandomCollection.build([Document(docno: "a", text: "x y")], in: folder.path("one"))
    #expect(
      try TemporaryFolder.names(in: folder.path("one")) == ["lock", "manifest", "segment-2.documents", "segment-2.postings"])
    #expect(throws: IndexError.notBuilt(path: again.path, what: "positions")) {
      try again.search(BooleanQuery(parsing: "\"x y\""), k: 1)
    }
    #expect(throws: IndexError.notBuilt(path: again.path, what: "positions")) {
      try again.search("x y", dependence: SequentialDependence(), k: 1)
    }
  }

  @Test("Boolean queries: what must, may and must not be there")
  func boolean() throws {
    let index = try small()
    func found(_ text: String) throws -> [String] {
      try index.search(BooleanQuery(parsing: text), k: 10).documents.map(\.docno).sorted()
    }
    #expect(try found("x") == ["a", "b", "c", "d"])
    #expect(try found("x -q") == ["a", "c"])
    #expect(try found("+x +q") == ["b", "d"])
    #expect(try found("+\"x y\" z") == ["a", "d"])
    #expect(try found("z -\"x y\"") == ["b", "c"])
    #expect(try found("+unknown x").isEmpty)
    #expect(try found("-unknown q") == ["b", "d", "e"])
    #expect(try found("-x").isEmpty)
    #expect(try found("\"x y\"~1 -\"x y\"") == ["b"])
    #expect(try found("") == [])
    // Parts of a clause add up as the same words do without signs.
    let plain = try index.search("x z", k: 10).documents.first { $0.docno == "b" }
    #expect(try index.search(BooleanQuery(parsing: "+x z -e"), k: 10).documents.first { $0.docno == "b" } == plain)
    let result = try index.search(BooleanQuery(parsing: "\"q q\" y"), k: 10)
    #expect(result.unknownTerms == ["\"q q\""] && result.queryLength == 3)
  }

  @Test("A phrase scores as a term with its own counts, and the explanation says so")
  func phraseScore() throws {
    let index = try small()
    // "x y": df 2, F 3, tf 2 in a (length 5); N 5, tokens 19, avgdl 3.8; idf = ln(1 + 3.5 / 2.5) = 0.875469.
    let hits = try index.search(BooleanQuery(parsing: "\"x y\""), k: 10).documents
    #expect(hits.map(\.docno) == ["a", "d"])
    let norm = 0.9 * (0.6 + 0.4 * 5 / 3.8)
    #expect(abs(hits[0].score - 0.8754687 * 2 / (2 + norm)) < 1e-6)
    let explanation = try index.explain(BooleanQuery(parsing: "\"x y\""), docno: "a")
    #expect(explanation.score == hits[0].score)
    #expect(explanation.terms.map(\.term) == ["\"x y\""] && explanation.terms[0].termFrequency == 2)
    #expect(explanation.terms[0].documentFrequency == 2 && explanation.terms[0].collectionFrequency == 3)
  }

  @Test("The dependence model is the weighted sum of its parts")
  func dependence() throws {
    let index = try small()
    let model = QueryLikelihood(.dirichlet(mu: 10))
    let hits = try index.search("x y q", dependence: SequentialDependence(), k: 10, model: model).documents
    #expect(hits.count == 5)
    for hit in hits {
      let explanation = try index.explain("x y q", dependence: SequentialDependence(), docno: hit.docno, model: model)
      #expect(explanation.score == hit.score)
      #expect(
        Set(explanation.terms.map(\.term)) == ["x", "y", "q", "\"x y\"", "\"x y\"~u8", "\"y q\"", "\"y q\"~u8"])
      for term in explanation.terms {
        let expected = term.term.hasSuffix("~u8") ? 0.05 / 2 : term.term.hasPrefix("\"") ? 0.10 / 2 : 0.85 / 3
        #expect(abs(term.queryWeight - expected) < 1e-15)
      }
    }
  }

  @Test(
    "Pruning and filters: the same as searching everything and leaving documents out",
    arguments: ["bm25", "ql-dirichlet", "dph"])
  func filters(name: String) throws {
    let model = try WeightingModels.parse(name)
    let documents = RandomCollection.documents(20_000, words: 12, vocabulary: 300, seed: 41)
    let folder = try TemporaryFolder()
    let index = try RandomCollection.build(documents, in: folder.path("idx"), positions: true)
    var generator = SeededGenerator(seed: 42)
    var filter = DocumentSet(documents: documents.count)
    for doc in documents.indices where generator.integer(below: 5) == 0 || (9000..<9300).contains(doc) {
      filter.insert(DocIndex(doc))
    }
    for query in RandomCollection.queries(12, terms: 6, vocabulary: 300, seed: 43) {
      let all = try index.search(query, k: 20_000, model: model, pruning: .exhaustive).documents
      let expected = try all.filter { filter.contains(try #require(try index.docIndex(of: $0.docno))) }
      for pruning in Pruning.allCases {
        let found = try index.search(query, k: 25, model: model, pruning: pruning, filter: filter).documents
        #expect(found == Array(expected.prefix(25)), "\(query)")
      }
      let text = "+\"w0 w1\"~3 -w5 " + query
      let exhaustive = try index.search(BooleanQuery(parsing: text), k: 10, model: model, pruning: .exhaustive, filter: filter)
      #expect(try index.search(BooleanQuery(parsing: text), k: 10, model: model, filter: filter) == exhaustive)
    }
    #expect(throws: IndexError.self) { try index.search("w0", k: 1, filter: DocumentSet(documents: 3)) }
  }

  @Test("Sets of documents, at the ends of words")
  func documentSets() {
    for count in [1, 63, 64, 65, 130] {
      var set = DocumentSet(documents: count)
      #expect(set.count == 0 && set.isEmpty(in: 0..<count))
      #expect(DocumentSet.all(documents: count).count == count)
      set.insert(DocIndex(count - 1))
      #expect(set.contains(DocIndex(count - 1)) && !set.contains(DocIndex(count)))
      #expect(!set.isEmpty(in: 0..<count) && set.isEmpty(in: 0..<count - 1) && !set.isEmpty(in: count - 1..<count))
      #expect(set.bits(from: count - 1) == 1)
      var rest = set
      rest.formComplement()
      #expect(rest.count == count - 1)
      rest.formUnion(set)
      #expect(rest == .all(documents: count))
      rest.formIntersection(set)
      #expect(rest == set)
    }
  }

  @Test("The language of Boolean queries")
  func parsing() throws {
    #expect(
      try BooleanQuery(parsing: "+must -not \"a phrase\"~3 - word+ +\"b c\"~u8 x-y").clauses == [
        .init(.must, .word("must")), .init(.mustNot, .word("not")), .init(.should, .phrase("a phrase", .ordered(slop: 3))),
        .init(.should, .word("-")), .init(.should, .word("word+")), .init(.must, .phrase("b c", .unordered(window: 8))),
        .init(.should, .word("x-y")),
      ])
    for text in ["\"open", "\"a b\"~", "\"a b\"~x", "\"a b\"~-1", "\"a b\"~u0"] {
      #expect(throws: IndexError.self, "\(text)") { try BooleanQuery(parsing: text) }
    }
  }
}
