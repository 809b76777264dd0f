import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Impact index: building and searching")
struct ImpactIndexTests {
  @Test("Weights become impacts: the numbers of TILDEv2's and DeepImpact's tools")
  func quantization() {
    #expect([3.7, 1.0, 0.01].map { ImpactQuantization.down.impact(of: $0, greatest: 3.7) } == [255, 68, 0])
    #expect([6.4, 3.2, 0.01].map { ImpactQuantization.up.impact(of: $0, greatest: 6.4) } == [255, 128, 1])
    let nearest = [2.55, 0.0149, 0.0151, 0.004, 0].map { ImpactQuantization.nearest.impact(of: $0, greatest: 2.55) }
    #expect(nearest == [255, 1, 2, 0, 0])
  }

  @Test("A worked example: the largest weights of two shoes and a run")
  func worked() throws {
    let folder = try TemporaryFolder()
    let builder = try ImpactIndexBuilder(creating: folder.path("idx"))
    try builder.add(
      Document(docno: "a", title: "Running", text: "shoes"),
      terms: [WeightedTerm("shoes", weight: 1.2), WeightedTerm("red", weight: 0), WeightedTerm("run", weight: 2.1)])
    try builder.add(Document(docno: "b", text: "nothing"), terms: [])
    try builder.add(
      Document(docno: "c", text: "red"), terms: [WeightedTerm("red", weight: 2.1), WeightedTerm("shoes", weight: 0.001)])
    let statistics = try builder.finish()
    // 0.001 is less than half a step of 2.1 / 255 and left out.
    #expect(statistics == ImpactStatistics(documents: 3, terms: 3, postings: 3, scale: Float(2.1) / 255))
    let index = try ImpactIndex(path: folder.path("idx"))
    let query = [WeightedTerm("shoes"), WeightedTerm("run"), WeightedTerm("blue")]
    let result = try index.search(query, k: 10)
    #expect(result.documents.map(\.docno) == ["a"])
    // 1.2 is 145.7 steps.
    let step = Double(statistics.scale)
    #expect(result.documents[0].score == step * 255 + step * 146)
    #expect(abs(result.documents[0].score - 3.3) < 0.5 * step + 1e-6)
    #expect(result.unknownTerms == ["blue"] && result.queryLength == 3 && result.hasKnownTerms)
    let twice = try index.search([WeightedTerm("run"), WeightedTerm("run")], k: 10).documents
    #expect(twice.map(\.score) == [2 * step * 255])
    #expect(try index.score(query, docnos: ["c", "a", "b"]) == [0, result.documents[0].score, 0])
    #expect(try index.document(docno: "a") == Document(docno: "a", title: "Running", text: "shoes"))
    #expect(try index.document(docno: "x") == nil)
    #expect(try index.documentFrequency(of: "red") == 1 && index.documentFrequency(of: "blue") == 0)
    #expect(try index.termCount(docno: "a") == 2 && index.termCount(docno: "b") == 0)
    let explained = try index.explain(query, docno: "a")
    #expect(explained.terms.map(\.term) == ["run", "shoes"] && explained.terms.map(\.impact) == [255, 146])
    #expect(explained.score == result.documents[0].score)
    #expect(explained.description.contains("not in the index: blue"))
  }

  @Test("Results are those of adding up, for every way of rounding", arguments: ImpactQuantization.allCases)
  func bruteForce(quantization: ImpactQuantization) throws {
    let folder = try TemporaryFolder()
    let collection = WeightedCollection(600, terms: 12, vocabulary: 80, seed: 3)
    let index = try collection.build(
      in: folder.path("idx"), configuration: ImpactIndexConfiguration(quantization: quantization))
    for query in WeightedCollection.queries(30, terms: 8, vocabulary: 90, seed: 4) {
      for k in [1, 10, 10_000] {
        let expected = collection.bruteForce(query, k: k, quantization: quantization)
        #expect(agree(try index.search(query, k: k).documents, expected))
      }
    }
  }

  @Test("Whole query weights give exact sums, and ties go by docno")
  func ties() throws {
    let folder = try TemporaryFolder()
    let collection = WeightedCollection(3000, terms: 10, vocabulary: 12, seed: 5)
    let index = try collection.build(in: folder.path("idx"))
    let query = (0..<12).map { WeightedTerm("t\($0)", weight: Double(1 + $0 % 3)) }
    #expect(try index.search(query, k: 500).documents == collection.bruteForce(query, k: 500))
  }

  @Test("Pruning changes no bit, over several windows", arguments: [1, 10, 1000])
  func pruning(k: Int) throws {
    let index = try LargeImpactCollection.shared.get()
    for query in WeightedCollection.queries(25, terms: 40, vocabulary: 3000, seed: UInt64(k)) {
      let exhaustive = try index.search(query, k: k, pruning: .exhaustive)
      #expect(try index.search(query, k: k) == exhaustive)
      let found = exhaustive.documents
      #expect(try index.score(query, docnos: found.map(\.docno)) == found.map(\.score))
    }
  }

  @Test("Threads change no bit", arguments: [1, 2, 3, 8])
  func threads(threads: Int) throws {
    let index = try LargeImpactCollection.shared.get()
    let queries = WeightedCollection.queries(60, terms: 12, vocabulary: 3000, seed: 7)
    let expected = try queries.map { try index.search($0, k: 20) }
    #expect(try index.search(queries, k: 20, threads: threads) == expected)
  }

  @Test("The memory for weights changes no byte", arguments: [1, 50_000])
  func memory(budget: Int) throws {
    let folder = try TemporaryFolder()
    let collection = WeightedCollection(400, terms: 20, vocabulary: 300, seed: 8)
    try collection.build(in: folder.path("large"))
    try collection.build(in: folder.path("small"), memoryBudgetBytes: budget)
    #expect(try TemporaryFolder.contents(of: folder.path("large")) == TemporaryFolder.contents(of: folder.path("small")))
  }

  @Test("Another document changes no other's score but by the scale")
  func independence() throws {
    let folder = try TemporaryFolder()
    let few = WeightedCollection(50, terms: 8, vocabulary: 30, seed: 9)
    let first = try few.build(in: folder.path("few"))
    let builder = try ImpactIndexBuilder(creating: folder.path("more"))
    for (document, terms) in few.documents { try builder.add(document, terms: terms) }
    try builder.add(Document(docno: "new", text: ""), terms: [WeightedTerm("t0", weight: 0.5), WeightedTerm("t99", weight: 1)])
    _ = try builder.finish()
    let second = try ImpactIndex(path: folder.path("more"))
    let query = [WeightedTerm("t0"), WeightedTerm("t3"), WeightedTerm("t99")]
    let docnos = few.documents.map(\.document.docno)
    #expect(try first.score(query, docnos: docnos) == second.score(query, docnos: docnos))
  }

  @Test("No documents, no terms, k of 0 and more than there are")
  func limits() throws {
    let folder = try TemporaryFolder()
    let empty = try WeightedCollection(0, terms: 1, vocabulary: 1, seed: 1).build(in: folder.path("empty"))
    #expect(try empty.search([WeightedTerm("a")], k: 5).documents.isEmpty)
    let builder = try ImpactIndexBuilder(creating: folder.path("bare"))
    try builder.add(Document(docno: "a", text: ""), terms: [])
    #expect(try builder.finish() == ImpactStatistics(documents: 1, terms: 0, postings: 0, scale: 1))
    let bare = try ImpactIndex(path: folder.path("bare"))
    #expect(try bare.search([WeightedTerm("a")], k: 5).hasKnownTerms == false)
    #expect(try bare.score([WeightedTerm("a")], docnos: ["a"]) == [0])
    let index = try WeightedCollection(20, terms: 5, vocabulary: 6, seed: 2).build(in: folder.path("idx"))
    #expect(try index.search([WeightedTerm("t0")], k: 0).documents.isEmpty)
    #expect(try index.search([], k: 5) == SearchResult(documents: [], queryLength: 0, unknownTerms: [], hasKnownTerms: false))
    #expect(try index.search([WeightedTerm("t0", weight: 0)], k: 5).documents.isEmpty)
    #expect(try index.search([WeightedTerm("t0")], k: 1000).documents.count == index.documentFrequency(of: "t0"))
  }

  @Test("Figures of a benchmark")
  func benchmark() throws {
    let index = try LargeImpactCollection.shared.get()
    let terms = WeightedCollection.queries(5, terms: 5, vocabulary: 3000, seed: 1)
    let queries = terms.indices.map { Query(qid: "\($0)", text: "") }
    let report = try SearchBenchmark(queries: queries, k: 10, repeats: 2).measure(index, terms: terms)
    #expect(report.queries == 5 && report.queriesPerSecond > 0 && report.p99Milliseconds >= report.p50Milliseconds)
  }
}

/// Several windows of documents.
enum LargeImpactCollection {
  static let shared = Result<ImpactIndex, any Error> {
    let folder = try TemporaryFolder()
    // The files are mapped: they outlive their folder.
    return try WeightedCollection(30_000, terms: 15, vocabulary: 3000, seed: 11).build(in: folder.path("idx"))
  }
}
