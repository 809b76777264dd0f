import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("BM25F: weights and lengths by field")
struct BM25FTests {
  private static let worked = [
    Document(docno: "a", title: "red fox", text: "fox runs fox"),
    Document(docno: "b", text: "red hen eats corn now"),
    Document(docno: "c", title: "corn", text: "fox"),
  ]

  @Test("Three documents, by hand")
  func byHand() throws {
    let folder = try TemporaryFolder()
    let index = try RandomCollection.build(Self.worked, in: folder.path("idx"), fields: .standard)
    let model = try BM25F(parsing: "bm25f(k1=1.2,title=3,title.b=0.5,text=1,text.b=0.75)")
    // Titles have 2, 0, 1 tokens, on average 1; texts 3, 5, 1, on average 3. Both terms are in two of three documents:
    // idf = ln(1 + 1.5 / 2.5) = 0.470003629...
    // fox in a: title 3 * 1 / (0.5 + 0.5 * 2) = 2, text 2 / (0.25 + 0.75) = 2: x = 4, 4 / 5.2 * idf = 0.361541253...
    // fox in c: text 1 / (0.25 + 0.75 / 3) = 2: x = 2, 2 / 3.2 * idf = 0.293752268...
    // red in a: title 2: 0.293752268...; in b: text 1 / (0.25 + 0.75 * 5 / 3) = 2/3: x / (x + 1.2) = 5/14, 0.167858439...
    let fox = try index.search("fox", k: 3, model: model).documents
    #expect(fox.map(\.docno) == ["a", "c"])
    #expect(abs(fox[0].score - 0.3615412532659505) < 1e-12 && abs(fox[1].score - 0.2937522682785848) < 1e-12)
    let red = try index.search("red", k: 3, model: model).documents
    #expect(red.map(\.docno) == ["a", "b"])
    #expect(abs(red[0].score - 0.2937522682785848) < 1e-12 && abs(red[1].score - 0.1678584390163341) < 1e-12)
    let both = try index.search("red fox fox", k: 3, model: model).documents
    #expect(both.map(\.docno) == ["a", "c", "b"])
    #expect(abs(both[0].score - (2 * 0.3615412532659505 + 0.2937522682785848)) < 1e-12)

    let explained = try index.explain("fox hen", docno: "a", model: model)
    #expect(explained.score == fox[0].score)
    #expect(explained.model == "bm25f(k1=1.2,b=0.4,title=3.0,title.b=0.5,text=1.0,text.b=0.75)")
    let term = try #require(explained.terms.first { $0.term == "fox" })
    #expect(
      term.fields == [
        .init(name: "title", weight: 3, b: 0.5, termFrequency: 1, length: 2, averageLength: 1, part: 2),
        .init(name: "text", weight: 1, b: 0.75, termFrequency: 2, length: 3, averageLength: 3, part: 2),
      ])
    #expect(term.normalizedFrequency == 4 && term.termFrequency == 3)
    let absent = try #require(explained.terms.first { $0.term == "hen" })
    #expect(absent.contribution == 0 && absent.fields.allSatisfy { $0.part == 0 && $0.termFrequency == 0 })
    #expect(explained.description.contains("normalised tf 4.0 = title 2.0 (tf 1, weight 3.0, b 0.5, length 2, average 1.0)"))
    #expect(try index.fieldLengths(DocIndex(0)) == [2, 3])
  }

  @Test("Small collections: the same as brute force", arguments: [1, 2, 3, 4])
  func bruteForce(seed: UInt64) throws {
    let folder = try TemporaryFolder()
    let documents = FieldCollection.documents(40 * Int(seed * seed), words: 12, vocabulary: 60, seed: seed)
    let index = try FieldCollection.build(documents, in: folder.path("idx"))
    let reference = try FieldBruteForce(documents, fields: FieldCollection.fields.get())
    for query in RandomCollection.queries(10, terms: 6, vocabulary: 65, seed: seed) {
      for name in FieldCollection.models {
        let model = try BM25F(parsing: name)
        for pruning in Pruning.allCases {
          let found = try index.search(query, k: 30, model: model, pruning: pruning).documents
          #expect(agree(found, reference.search(query, k: 30, model)), "\(query), \(name)")
        }
      }
    }
  }

  @Test("Without length normalisation and with all weights 1: BM25 with b 0, bit for bit")
  func equalsBM25() throws {
    let index = try FieldCollection.large.get()
    for query in RandomCollection.queries(20, terms: 1, vocabulary: 2000, seed: 5) + ["w1 w2 w3", "w0 w9 w70 w400"] {
      for k1 in [0.9, 2, 0] {
        let found = try index.search(query, k: 100, model: BM25F(k1: k1, b: 0))
        #expect(try found == index.search(query, k: 100, model: BM25(k1: k1, b: 0)), "\(query)")
      }
    }
  }

  @Test("Where all is in the text, and where all fields but one weigh nothing, a single field decides")
  func singleField() throws {
    let folder = try TemporaryFolder()
    let documents = RandomCollection.documents(400, words: 14, vocabulary: 80, seed: 6)
    let texts = documents.map { Document(docno: $0.docno, text: $0.text) }
    let plain = try RandomCollection.build(texts, in: folder.path("idx"), fields: .standard)
    let notes = texts.map {
      Document(docno: $0.docno, title: "w3", text: "w1 w2", metadata: ["notes": $0.text])
    }
    let elsewhere = try FieldCollection.build(notes, in: folder.path("notes"))
    for query in RandomCollection.queries(20, terms: 5, vocabulary: 80, seed: 7) {
      for (k1, b) in [(0.9, 0.4), (1.5, 1), (3, 0.75)] {
        let expected = try plain.search(query, k: 50, model: BM25(k1: k1, b: b)).documents
        #expect(agree(try plain.search(query, k: 50, model: BM25F(k1: k1, b: b)).documents, expected), "\(query)")
        // Saturation is at the same place when weights and k1 are scaled alike: by a power of two, with the same bits.
        let scaled = BM25F(k1: 4 * k1, b: b, fields: [.init("text", weight: 4), .init("title", weight: 4)])
        #expect(try plain.search(query, k: 50, model: scaled) == plain.search(query, k: 50, model: BM25F(k1: k1, b: b)))
        let only = BM25F(k1: k1, b: b, fields: [.init("title", weight: 0), .init("text", weight: 0)])
        let found = try elsewhere.search(query, k: 50, model: only).documents
        // df is that of all fields: terms that stand nowhere else have the scores of an index of the notes alone.
        let isOnlyInNotes = Set(query.split(separator: " ")).isDisjoint(with: ["w1", "w2", "w3"])
        if isOnlyInNotes { #expect(agree(found, expected), "\(query)") }
      }
    }
  }

  @Test("A document that holds the query in fields of no weight alone is not retrieved, but counts for df")
  func weightless() throws {
    let folder = try TemporaryFolder()
    let index = try RandomCollection.build(Self.worked, in: folder.path("idx"), fields: .standard)
    for pruning in Pruning.allCases {
      let model = try BM25F(parsing: "bm25f(title=0,b=0,k1=1)")
      let corn = try index.search("corn", k: 3, model: model, pruning: pruning).documents
      #expect(corn == [ScoredDocument(docno: "b", score: log(1 + 1.5 / 2.5) * 0.5)])
    }
    #expect(try index.score("corn", docnos: ["c", "a", "b"], model: BM25F(fields: [.init("title", weight: 0)]))[0] == 0)
    #expect(try index.explain("corn", docno: "c", model: BM25F(fields: [.init("title", weight: 0)])).score == 0)
  }

  @Test("Pruning changes no bit", arguments: FieldCollection.models)
  func pruningIsSafe(name: String) throws {
    let model = try WeightingModels.parse(name)
    let index = try FieldCollection.large.get()
    for k in [1, 10, 300] {
      for query in RandomCollection.queries(20, terms: 8, vocabulary: 2000, seed: UInt64(k)) {
        let exhaustive = try index.search(query, k: k, model: model, pruning: .exhaustive)
        #expect(try index.search(query, k: k, model: model, pruning: .blockMaxScore) == exhaustive, "\(query) \(k)")
      }
    }
  }

  @Test("Threads change no bit, also when they meet at a list for the first time")
  func threads() throws {
    let folder = try TemporaryFolder()
    let model = try WeightingModels.parse(FieldCollection.models[1])
    let built = try FieldCollection.build(
      FieldCollection.documents(9000, words: 8, vocabulary: 400, seed: 8), in: folder.path("idx"))
    let queries = RandomCollection.queries(50, terms: 6, vocabulary: 400, seed: 9)
      .enumerated().map { Query(qid: "q\($0)", text: $1) }
    let expected = try built.search(queries, k: 20, model: model, pruning: .exhaustive, threads: 1)
    for threads in [8, 1, 2, 3] {
      let fresh = try InvertedIndex(path: folder.path("idx"))
      #expect(try fresh.search(queries, k: 20, model: model, threads: threads) == expected)
    }
  }

  @Test(
    "Scores of chosen documents and explanations have the bits of the search, field by field",
    arguments: FieldCollection.models)
  func explanations(name: String) throws {
    let index = try FieldCollection.large.get()
    let model = try BM25F(parsing: name)
    for query in RandomCollection.queries(8, terms: 6, vocabulary: 2000, seed: 11) + ["w0 w1 w1"] {
      let hits = try index.search(query, k: 30, model: model).documents
      #expect(try index.score(query, docnos: hits.map(\.docno), model: model) == hits.map(\.score))
      for hit in hits.prefix(4) + hits.suffix(2) {
        let explained = try index.explain(query, docno: hit.docno, model: model)
        #expect(explained.score == hit.score)
        #expect(explained.terms.reduce(0) { $0 + $1.contribution } == hit.score)
        for term in explained.terms {
          #expect(term.fields.map(\.name) == ["title", "text", "notes"])
          #expect(term.fields.reduce(0) { $0 + $1.termFrequency } == term.termFrequency)
          let x = term.fields.reduce(0) { $0 + $1.part }
          let part = x > 0 ? term.queryWeight * (term.inverseDocumentFrequency * (x / (x + model.k1))) : 0
          #expect(term.contribution == part, "\(term)")
          for field in term.fields where field.termFrequency > 0 {
            let b = field.b
            let expected = field.weight * Double(field.termFrequency) / (1 - b + b * Double(field.length) / field.averageLength)
            #expect(abs(field.part - expected) <= 1e-14 * expected)
          }
        }
      }
    }
    let other = try index.explain("w1", docno: "d0")
    #expect(other.terms.allSatisfy { $0.fields.isEmpty && $0.normalizedFrequency == nil })
  }

  @Test("Long fields and great frequencies, in blocks of every width")
  func longFields() throws {
    let folder = try TemporaryFolder()
    func words(_ word: String, _ count: Int) -> String { [String](repeating: word, count: count).joined(separator: " ") }
    var documents = [
      Document(docno: "long", title: words("x", 300) + " y", text: words("x", 70_000), metadata: ["notes": "x"]),
      Document(docno: "wide", title: "y", text: "x", metadata: ["notes": words("x", 66_000)]),
    ]
    documents += (0..<300).map { Document(docno: "d\($0)", title: words("x", $0 % 5), text: words("y", $0 % 3)) }
    let index = try FieldCollection.build(documents, in: folder.path("idx"))
    try index.verify()
    #expect(try index.fieldLengths(DocIndex(0)) == [301, 70_000, 1])
    #expect(try index.fieldLengths(DocIndex(1)) == [1, 1, 66_000])
    #expect(try index.fieldLengths(DocIndex(6)) == [4, 1, 0])
    let reference = try FieldBruteForce(documents, fields: FieldCollection.fields.get())
    for name in FieldCollection.models {
      let model = try BM25F(parsing: name)
      for query in ["x", "y x", "y"] {
        #expect(agree(try index.search(query, k: 200, model: model).documents, reference.search(query, k: 200, model)))
      }
    }
    let term = try index.explain("x", docno: "wide", model: BM25F()).terms[0]
    #expect(term.fields.map(\.termFrequency) == [0, 1, 66_000])
  }

  @Test("Empty collections, documents and fields")
  func empty() throws {
    let folder = try TemporaryFolder()
    let none = try FieldCollection.build([], in: folder.path("none"))
    #expect(try none.search("x", k: 5, model: BM25F()).documents.isEmpty)
    let documents = [
      Document(docno: "a", text: ""), Document(docno: "b", text: "x y"),
      Document(docno: "c", text: "x", metadata: ["notes": " "]),
    ]
    let index = try FieldCollection.build(documents, in: folder.path("idx"))
    #expect(try index.fieldLengths(DocIndex(0)) == [0, 0, 0])
    // No document has a title or notes: their averages are 0, and their b changes nothing.
    let found = try index.search("x y", k: 5, model: BM25F(b: 1, fields: [.init("notes", weight: 7)]))
    #expect(agree(found.documents, try index.search("x y", k: 5, model: BM25(b: 1)).documents) && found.documents.count == 2)
    #expect(try index.explain("x", docno: "a", model: BM25F()).score == 0)
  }

  @Test("Boolean queries of words, weighted terms and filters work; phrases are refused")
  func otherQueries() throws {
    let folder = try TemporaryFolder()
    let documents = FieldCollection.documents(300, words: 8, vocabulary: 40, seed: 12)
    let index = try FieldCollection.build(documents, in: folder.path("idx"), positions: true)
    let model = BM25F(fields: [.init("title", weight: 3)])
    let all = try index.search("w1 w2", k: 300, model: model).documents
    #expect(try index.search(terms: [WeightedTerm("w2"), WeightedTerm("w1")], k: 300, model: model).documents == all)
    let without = try index.search(BooleanQuery(parsing: "w1 w2 -w3 -\"w4 w5\""), k: 300, model: model).documents
    #expect(Set(without.map(\.docno)).isSubset(of: Set(all.map(\.docno))) && without.count < all.count)
    var filter = DocumentSet(documents: 300)
    for number in 0..<150 { filter.insert(DocIndex(number)) }
    let filtered = try index.search("w1 w2", k: 300, model: model, filter: filter).documents
    #expect(filtered == all.filter { hit in documents[..<150].contains { $0.docno == hit.docno } })
    for query in ["\"w1 w2\"", "w1 \"nowhere such\""] {
      #expect(throws: IndexError.self) { try index.search(BooleanQuery(parsing: query), k: 5, model: model) }
      #expect(throws: IndexError.self) { try index.explain(BooleanQuery(parsing: query), docno: "d0", model: model) }
    }
    #expect(throws: IndexError.self) { try index.search("w1 w2", dependence: SequentialDependence(), k: 5, model: model) }
  }

  @Test("Mistakes are named, with the most similar field")
  func mistakes() throws {
    func parsing(_ text: String) -> ModelSpecificationError? {
      do throws(ModelSpecificationError) {
        _ = try WeightingModels.parse(text)
        return nil
      } catch { return error }
    }
    #expect(parsing("bm25f(title=-1)") == .outOfRange(parameter: "title", value: -1, allowed: "from 0 to 1000000"))
    #expect(parsing("bm25f(title.b=2)") == .outOfRange(parameter: "title.b", value: 2, allowed: "from 0 to 1"))
    #expect(parsing("bm25f(k1=-1)") == .outOfRange(parameter: "k1", value: -1, allowed: "a number from 0 up"))
    #expect(parsing("bm25f(title=1,title=2)") == .repeatedParameter("title"))
    #expect(parsing("bm25f(title=x)") == .notANumber(parameter: "title", text: "x"))
    #expect(parsing("bm25f(.b=1)") == .malformed("bm25f(.b=1)"))
    #expect(parsing("bm25f(title") == .malformed("bm25f(title"))
    #expect(throws: ModelSpecificationError.repeatedParameter("text")) {
      try BM25F(fields: [.init("text"), .init("text")]).validate()
    }
    #expect(try BM25F(parsing: "BM25F( title.b = 0.5, title = 2 )").description == "bm25f(k1=0.9,b=0.4,title=2.0,title.b=0.5)")

    let index = try FieldCollection.large.get()
    let known = ["k1", "b", "title", "title.b", "text", "text.b", "notes", "notes.b"]
    for (model, wrong, nearest) in [("bm25f(tilte=2)", "tilte", "title"), ("bm25f(note.b=0.1)", "note", "notes")] {
      #expect(throws: ModelSpecificationError.unknownParameter(wrong, nearest: nearest, known: known)) {
        try index.search("w1", k: 3, model: WeightingModels.parse(model))
      }
    }
    let weightless = try WeightingModels.parse("bm25f(title=0,text=0,notes=0)")
    #expect(throws: ModelSpecificationError.self) { try index.search("w1", k: 3, model: weightless) }
    let plain = try LargeCollection.shared.get()
    #expect(throws: IndexError.notBuilt(path: plain.path, what: "fields")) { try plain.search("w1", k: 3, model: BM25F()) }
    #expect(throws: IndexError.notBuilt(path: plain.path, what: "fields")) {
      try plain.explain("w1", docno: "d0", model: BM25F())
    }
  }
}
