import Foundation
import GradusCore
import GradusEval
import GradusFormats
import GradusIndex
import GradusRank
import GradusTestSupport
import GradusText
import Testing

@Suite("Pseudo-relevance feedback")
struct FeedbackTests {
  /// d1 = x x y, d2 = x z z z, d3 = y w. N = 3, 9 tokens; F: x 3, y 2, z 3, w 1.
  private static func index() throws -> InvertedIndex {
    try TinyIndex.build(["x x y", "x z z z", "y w"].enumerated().map { Document(docno: "d\($0 + 1)", text: $1) })
  }

  private static let feedback = [
    FeedbackDocument(docno: "d1", weight: 0.75, terms: [.init("x", frequency: 2), .init("y", frequency: 1)]),
    FeedbackDocument(docno: "d2", weight: 0.25, terms: [.init("x", frequency: 1), .init("z", frequency: 3)]),
  ]

  private func expect(_ found: [WeightedTerm], _ expected: [(String, Double)]) {
    #expect(found.map(\.term) == expected.map(\.0))
    for (term, pair) in zip(found, expected) { #expect(abs(term.weight - pair.1) < 1e-6, "\(term)") }
  }

  @Test("RM3 by hand")
  func rm3() throws {
    // p(x|R) = .75 * 2/3 + .25 * 1/4 = .5625, y .75/3 = .25, z .25 * 3/4 = .1875; the two best, scaled: .692308, .307692.
    let query = [WeightedTerm("x"), WeightedTerm("q")]
    let index = try Self.index()
    let found = RM3(terms: 2, weight: 0.5).expand(query, feedback: Self.feedback, background: [], in: index)
    expect(found, [("x", 0.25 + 0.3461538), ("q", 0.25), ("y", 0.1538462)])
    // The whole weight on the query leaves the query; none on it leaves the relevance model.
    expect(RM3(weight: 1).expand(query, feedback: Self.feedback, background: [], in: index), [("q", 0.5), ("x", 0.5)])
    expect(
      RM3(weight: 0).expand(query, feedback: Self.feedback, background: [], in: index),
      [("x", 0.5625), ("y", 0.25), ("z", 0.1875)])
  }

  @Test("Bo1 and KL by hand")
  func divergence() throws {
    let index = try Self.index()
    func expand(_ method: DivergenceExpansion) throws -> [WeightedTerm] {
      try method.expand([WeightedTerm("x", weight: 2)], feedback: Self.feedback, background: [], in: index)
    }
    // Bo1: x and z have f 3, m 1: 3 log2 2 + log2 2 = 4. y: f 1, m 2/3: log2 2.5 + log2 (5/3) = 2.058894.
    expect(try expand(DivergenceExpansion(.bo1, mindocs: 1)), [("x", 2), ("z", 1), ("y", 2.058894 / 4)])
    expect(try expand(DivergenceExpansion(.bo1, weight: 0.4, mindocs: 1)), [("x", 1.4), ("z", 0.4), ("y", 0.2058894)])
    expect(try expand(DivergenceExpansion(.bo1, terms: 1, mindocs: 1)), [("x", 2)])
    // Only x stands in two documents.
    expect(try expand(DivergenceExpansion(.bo1)), [("x", 2)])
    // KL: x and z 3/7 log2((3/7) / (3/9)); y is rarer here than in the collection.
    expect(try expand(DivergenceExpansion(.kl, mindocs: 1)), [("x", 2), ("z", 1)])
  }

  @Test("Rocchio by hand")
  func rocchio() throws {
    // mean of (2, 1, 0) / sqrt 5 and (1, 0, 3) / sqrt 10: x .605328, y .223607, z .474342.
    let found = Rocchio(terms: 2, alpha: 1, beta: 0.75).expand(
      [WeightedTerm("x"), WeightedTerm("q")], feedback: Self.feedback, background: [], in: try Self.index())
    expect(found, [("x", 0.7071068 + 0.4539957), ("q", 0.7071068), ("z", 0.3557562)])
  }

  @Test("Axiomatic expansion by hand")
  func axiomatic() throws {
    // Of three documents x is in 1 and 2, z in 2: I = 1/3 log2(3/2) + 1/3 log2(3/4) + 1/3 log2(3/2) = .251629, and
    // I(x; x) = .918296. y is in 1 and 3: with x less often than by chance.
    let background = [FeedbackDocument(docno: "d3", weight: 0, terms: [.init("y", frequency: 1), .init("w", frequency: 1)])]
    let found = AxiomaticExpansion(beta: 0.4).expand(
      [WeightedTerm("x")], feedback: Self.feedback, background: background, in: try Self.index())
    expect(found, [("x", 1), ("z", 0.4 * 0.251629 / 0.918296)])
  }

  @Test("The two searches: expansion, weights and flags")
  func searches() throws {
    let index = try Self.index()
    let retriever = PseudoRelevanceFeedback(index: index, method: RM3(docs: 2, terms: 3, weight: 0.5))
    let first = try index.search("x unknown", k: 2)
    let expanded = try retriever.expand(Query(qid: "1", text: "x unknown"))
    #expect(expanded.feedbackDocnos == first.documents.map(\.docno))
    #expect(expanded.unknownTerms == ["unknown"] && expanded.queryLength == 2)
    let share = first.documents[0].score / (first.documents[0].score + first.documents[1].score)
    let lengths = ["d1": ["x": 2.0 / 3, "y": 1.0 / 3], "d2": ["x": 1.0 / 4, "z": 3.0 / 4]]
    func relevance(_ term: String) -> Double {
      share * (lengths[first.documents[0].docno]?[term] ?? 0) + (1 - share) * (lengths[first.documents[1].docno]?[term] ?? 0)
    }
    let z = try #require(expanded.terms.first { $0.term == "z" })
    #expect(abs(z.weight - 0.5 * relevance("z")) < 1e-12)
    #expect(abs(expanded.terms.reduce(0) { $0 + $1.weight } - 1) < 1e-12)
    let result = try retriever.search(Query(qid: "1", text: "x unknown"), k: 10)
    #expect(result.documents == (try index.search(terms: expanded.terms, k: 10).documents))
    #expect(result.documents.map(\.docno).contains("d3"), "y comes in by feedback")
    #expect(result.unknownTerms == ["unknown"] && result.queryLength == 2)
    for hit in result.documents {
      #expect(try index.explain(terms: expanded.terms, docno: hit.docno).score == hit.score)
    }
    // Nothing found: the query stays.
    let nothing = try retriever.search(Query(qid: "1", text: "unknown"), k: 10)
    #expect(nothing.documents.isEmpty && !nothing.hasKnownTerms && nothing.unknownTerms == ["unknown"])
    #expect(try retriever.search(Query(qid: "1", text: ""), k: 10).queryLength == 0)
  }

  @Test("Likelihoods of the query weigh the documents where the first search is by query likelihood")
  func likelihoodWeights() throws {
    let index = try Self.index()
    let model = QueryLikelihood(.dirichlet(mu: 3))
    let scores = try index.search("x", k: 2, model: model).documents
    let share = 1 / (1 + exp(scores[1].score - scores[0].score))
    let expanded = try PseudoRelevanceFeedback(index: index, model: model, method: RM3(docs: 2, weight: 0))
      .expand(Query(qid: "1", text: "x"))
    let expected = scores[0].docno == "d1" ? share * 2 / 3 + (1 - share) / 4 : share / 4 + (1 - share) * 2 / 3
    #expect(abs((expanded.terms.first { $0.term == "x" }?.weight ?? 0) - expected) < 1e-12)
  }

  @Test("Names and their mistakes")
  func names() throws {
    for name in RelevanceFeedbackMethods.names {
      let method = try RelevanceFeedbackMethods.parse(name)
      #expect(try RelevanceFeedbackMethods.parse(method.description).description == method.description)
    }
    #expect(try RelevanceFeedbackMethods.parse("rm3") as? RM3 == RM3(docs: 10, terms: 10, weight: 0.5))
    #expect(try RelevanceFeedbackMethods.parse("KL(docs=5)") as? DivergenceExpansion == DivergenceExpansion(.kl, docs: 5))
    #expect(
      try RelevanceFeedbackMethods.parse("axiomatic(background=0)") as? AxiomaticExpansion == AxiomaticExpansion(background: 0))
    func failure(_ text: String) -> ModelSpecificationError? {
      do throws(ModelSpecificationError) {
        _ = try RelevanceFeedbackMethods.parse(text)
        return nil
      } catch { return error }
    }
    #expect(failure("rm4") == .unknownModel("rm4", known: RelevanceFeedbackMethods.names))
    #expect(failure("rm3(weight=2)") == .outOfRange(parameter: "weight", value: 2, allowed: "from 0 to 1"))
    let count = "a whole number from 1 to 1000000"
    #expect(failure("rm3(docs=0)") == .outOfRange(parameter: "docs", value: 0, allowed: count))
    #expect(failure("bo1(terms=2.5)") == .outOfRange(parameter: "terms", value: 2.5, allowed: count))
    #expect(failure("rocchio(beta=-1)") == .outOfRange(parameter: "beta", value: -1, allowed: "a number from 0 up"))
    #expect(failure("rm3(mindocs=1)") == .unknownParameter("mindocs", nearest: "docs", known: ["docs", "terms", "weight"]))
  }

  @Test(
    "Feedback finds more on Vaswani; results do not depend on the threads",
    .enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.skipNotice)),
    arguments: ["rm3", "bo1(docs=10,terms=20)", "kl(docs=10,terms=20)", "rocchio", "axiomatic"])
  func effect(name: String) throws {
    let path = try #require(SharedData.path("vaswani"))
    let index = try Vaswani.index.get()
    let qrels = try QrelsReader.read(path + "/qrels/test.tsv")
    let queries = try TopicsReader.read(path + "/queries.jsonl").filter { !qrels.relevant(qid: $0.qid).isEmpty }
    let retriever = PseudoRelevanceFeedback(index: index, method: try RelevanceFeedbackMethods.parse(name))
    let wide = try retriever.run(queries, depth: 1000, name: name)
    let plain = try index.run(queries, name: "bm25", k: 1000)
    func precision(_ run: Run) -> [Double] {
      run.rankings.map { ranking in
        let relevant = qrels.relevant(qid: ranking.qid)
        var found = 0.0, sum = 0.0
        for (place, document) in ranking.documents.enumerated() where relevant.contains(document.docno) {
          found += 1
          sum += found / Double(place + 1)
        }
        return sum / Double(relevant.count)
      }
    }
    let before = precision(plain), after = precision(wide)
    let test = try PairedTest.t.test(differences: zip(before, after).map { $1 - $0 })
    #expect(after.reduce(0, +) > before.reduce(0, +), "\(name)")
    // Axiomatic expansion changes little here: .2891 to .2903 in mean average precision.
    if name != "axiomatic" { #expect(test.p < 0.05, "\(name): p \(test.p)") }
    for query in queries.prefix(5) {
      let alone = try retriever.search(query, k: 1000).ranking(qid: query.qid)
      #expect(wide.rankings.first { $0.qid == query.qid } == alone)
    }
  }
}

private enum Vaswani {
  static let index = Result<InvertedIndex, any Error> {
    try TinyIndex.build(CorpusReader(path: SharedData.path("vaswani") ?? "").readAll(), analyzer: .english)
  }
}
