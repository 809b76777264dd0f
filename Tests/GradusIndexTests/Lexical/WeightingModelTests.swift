import CGradusKernels
import Foundation
import GradusCore
@testable import GradusIndex
import Testing

/// One model of each formula, and some with other parameters.
let allModels = [
  "bm25", "bm25(k1=2,b=0.9)", "bm25-robertson", "bm25-atire", "bm25+", "bm25+(k1=1.5,b=0.75,delta=0.5)", "bm25l",
  "ql-dirichlet", "ql-dirichlet(mu=10)", "ql-jm", "ql-jm(lambda=0.7)", "tfidf", "tfidf-classic", "tfidf-pivoted",
  "coordinate", "dph", "dfi-standardized", "dfi-saturated", "dfi-chisquared", "inl2", "pl2", "pl2(c=7)", "bb2", "in_expb2",
  "ifb2", "gl2", "gb3", "db2", "in00", "pb1", "plz", "inlz",
]

@Suite("Ranking models")
struct WeightingModelTests {
  struct Worked: Sendable, CustomTestStringConvertible {
    let name: String
    let a: Double
    let b: Double

    init(_ name: String, a: Double, b: Double) {
      self.name = name
      self.a = a
      self.b = b
    }

    var testDescription: String { name }
  }

  // Documents: a = red green, b = red red blue blue, c = grey. N = 3, tokens T = 7, avgdl = 7/3, lengths 2, 4, 1.
  // red: df 2, F 3; blue: df 1, F 2. The query is "red blue": a holds red once, b both twice. For example:
  // bm25-robertson  red ln(1.5/2.5) = -0.510826, blue ln(2.5/1.5) = +0.510826; B(a) = 0.6 + 0.4 * 6/7 = 0.942857, so
  //                 a = -0.510826 * 1 / (1 + 0.9 * 0.942857) = -0.276335; in b the two cancel.
  // ql-dirichlet    a: ln(1 + 1 / (10 * 3/7)) + 2 ln(10/12) = 0.209720 - 0.364643 = -0.154923
  // tfidf           a: 1 * ln(3/2); b: (1 + ln 2) (ln(3/2) + ln 3) = 1.693147 * 1.504077 = 2.546624
  // dfi-saturated   a: e = 3 * 2/7 = 6/7, log2(1 + (1/7) / (6/7)) = log2(7/6) = 0.222392
  // inl2            a: x = log2(1 + (7/3) / 2) = 1.115477, x / (x + 1) * log2(4 / 2.5) = 0.527293 * 0.678072 = 0.357543
  // pl2             a: m = 1: (x log2 x + (1 - x) log2 e + 0.5 log2(2 pi x)) / (x + 1) = 1.413847 / 2.115477 = 0.668335
  // dph             a: f = 1/2: 1/4 / 2 * (log2(7/6) + 0.5 log2(pi)) = 0.125 * (0.222392 + 0.825748) = 0.131018
  // The other rows come from a plain program with the same formulas.
  static let worked = [
    Worked("bm25", a: 0.254252350, b: 0.919079654),
    Worked("bm25-robertson", a: -0.276335345, b: 0.000000000),
    Worked("bm25-atire", a: 0.416745436, b: 1.810337500),
    Worked("bm25+", a: 1.405578208, b: 4.582298782),
    Worked("bm25l", a: 0.566377526, b: 1.917172023),
    Worked("ql-dirichlet(mu=10)", a: -0.154922583, b: 0.240676030),
    Worked("ql-jm(lambda=0.4)", a: 1.011600912, b: 2.299455200),
    Worked("tfidf", a: 0.405465108, b: 2.546624404),
    Worked("tfidf-classic", a: 1.172471516, b: 3.199568025),
    Worked("tfidf-pivoted", a: 0.713533862, b: 2.777646073),
    Worked("coordinate", a: 1.000000000, b: 2.000000000),
    Worked("dph", a: 0.131017561, b: 0.392582568),
    Worked("dfi-standardized", a: 0.207022413, b: 1.134198046),
    Worked("dfi-saturated", a: 0.222392421, b: 1.029747343),
    Worked("dfi-chisquared", a: 0.033947332, b: 0.783321230),
    Worked("inl2", a: 0.357542854, b: 1.193207266),
    Worked("pl2", a: 0.668335010, b: 1.501380443),
    Worked("bb2", a: 1.690202967, b: 3.914301344),
    Worked("in_expb2", a: 0.648925406, b: 2.214267516),
    Worked("ifb2", a: 0.203160964, b: 1.379274289),
    Worked("gl2(c=2)", a: 1.000000000, b: 2.140878652),
    Worked("db2", a: 1.024232983, b: 2.849184314),
    Worked("in00", a: 0.678071905, b: 4.186218809),
    Worked("pb1", a: 1.343956548, b: 3.638971544),
    Worked("gl3(mu=20)", a: 1.000000000, b: 2.243183143),
    Worked("inlz", a: 0.346873949, b: 1.318283893),
  ]

  @Test("Three documents, by hand", arguments: worked)
  func byHand(worked: Worked) throws {
    let folder = try TemporaryFolder()
    let index = try RandomCollection.build(
      [
        Document(docno: "a", text: "red green"), Document(docno: "b", text: "red red blue blue"),
        Document(docno: "c", title: "grey", text: ""),
      ], in: folder.path("idx"))
    let model = try WeightingModels.parse(worked.name)
    for pruning in Pruning.allCases {
      let found = try index.search("red blue", k: 3, model: model, pruning: pruning).documents
      #expect(found.map(\.docno) == ["b", "a"])
      #expect(abs(found[0].score - worked.b) < 1e-8 && abs(found[1].score - worked.a) < 1e-8, "\(found)")
      #expect(try index.search("red blue", k: 1, model: model, pruning: pruning).documents == [found[0]])
    }
    for docno in ["a", "b"] {
      let explanation = try index.explain("red blue", docno: docno, model: model)
      #expect(explanation.score == explanation.terms.reduce(0) { $0 + $1.contribution } + explanation.documentPart)
      #expect(try explanation.score == index.score("red blue", docnos: [docno], model: model)[0])
      #expect(explanation.model == model.description)
    }
  }

  @Test("The BM25 formulas give what bm25s gives")
  func bm25s() throws {
    struct Goldens: Decodable {
      let documents: [[String]]
      let queries: [[String]]
      let scores: [String: [[Double]]]
    }
    let path = try #require(Bundle.module.path(forResource: "bm25s", ofType: "json", inDirectory: "Fixtures"))
    let goldens = try JSONDecoder().decode(Goldens.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    let folder = try TemporaryFolder()
    let documents = goldens.documents.enumerated().map { Document(docno: "d\($0)", text: $1.joined(separator: " ")) }
    let index = try RandomCollection.build(documents, in: folder.path("idx"))
    let names = ["lucene": "bm25", "robertson": "bm25-robertson", "atire": "bm25-atire", "bm25l": "bm25l", "bm25+": "bm25+"]
    #expect(goldens.scores.count == names.count)
    for (method, expected) in goldens.scores {
      let model = try WeightingModels.parse(try #require(names[method]) + "(k1=1.2,b=0.6)")
      for (query, row) in zip(goldens.queries, expected) {
        let found = try index.score(query.joined(separator: " "), docnos: documents.map(\.docno), model: model)
        #expect(zip(found, row).allSatisfy { abs($0 - $1) < 1e-10 }, "\(method) \(query)")
        #expect(row.contains { $0 > 0 })
      }
    }
  }

  @Test("Every documented name is read, and a description reads back as the same model")
  func names() throws {
    for name in allModels + WeightingModels.names {
      let model = try WeightingModels.parse(name)
      #expect(try WeightingModels.parse(model.description).description == model.description)
    }
    #expect(try WeightingModels.parse("BM25 ( k1 = 1.2 )").description == "bm25(k1=1.2,b=0.4)")
    #expect(try WeightingModels.parse("bm25+").description == "bm25+(k1=0.9,b=0.4,delta=1.0)")
    #expect(try WeightingModels.parse("bm25l").description == "bm25l(k1=0.9,b=0.4,delta=0.5)")
    #expect(try WeightingModels.parse("BB2").description == "beb2(c=1.0)")
    #expect(try WeightingModels.parse("In_expB2(c=2)") as? DivergenceFromRandomness == .init(.ine, .b, .two(c: 2)))
    #expect(try WeightingModels.parse("InL2") as? DivergenceFromRandomness == .init(.in, .l, .two(c: 1)))
    #expect(try WeightingModels.parse("ineL0") as? DivergenceFromRandomness == .init(.ine, .l, .none))
    #expect(try WeightingModels.parse("ql-jm") as? QueryLikelihood == .init(.jelinekMercer(lambda: 0.1)))
  }

  @Test("Mistakes are named")
  func mistakes() {
    func failure(_ text: String) -> ModelSpecificationError? {
      do throws(ModelSpecificationError) {
        _ = try WeightingModels.parse(text)
        return nil
      } catch { return error }
    }
    for name in ["", "bm26", "inl", "inl4", "xl2", "inx2", "dfi"] {
      #expect(failure(name) == .unknownModel(name, known: WeightingModels.names))
    }
    #expect(failure("bm25+(delta=-1)") == .outOfRange(parameter: "delta", value: -1, allowed: "a number from 0 up"))
    #expect(failure("bm25-atire(delta=1)") == .unknownParameter("delta", nearest: "k1", known: ["k1", "b"]))
    #expect(failure("ql-dirichlet(mu=0)") == .outOfRange(parameter: "mu", value: 0, allowed: "a number above 0"))
    #expect(failure("ql-jm(lambda=1)") == .outOfRange(parameter: "lambda", value: 1, allowed: "between 0 and 1, ends left out"))
    #expect(failure("pl2(c=0)") == .outOfRange(parameter: "c", value: 0, allowed: "a number above 0"))
    #expect(failure("inl0(c=1)") == .unknownParameter("c", nearest: "inl0", known: []))
    #expect(failure("tfidf-pivoted(s=1)") == .outOfRange(parameter: "s", value: 1, allowed: "from 0 to below 1"))
    #expect(failure("inlz(z=2)") == .outOfRange(parameter: "z", value: 2, allowed: "from 0 to 1"))
    #expect(failure("dph(c=1)") == .unknownParameter("c", nearest: "dph", known: []))
  }

  @Test("Models that say so never fall with tf and never rise with the length", arguments: allModels)
  func monotone(name: String) throws {
    let index = try LargeCollection.shared.get()
    let scoring = try Scoring(WeightingModels.parse(name), in: index)
    guard scoring.formula.isMonotone else { return }
    var scorer = scoring.scorer(in: index.segments[0])
    for word in ["w0", "w40", "w2000"] {
      var term = scoring.term(
        documentFrequency: try index.documentFrequency(of: word),
        collectionFrequency: UInt64(try index.collectionFrequency(of: word)), queryWeight: 1)
      term.weight = abs(term.weight)
      for length in [1.0, 2, 5, 12, 24, 100, 3000] {
        for tf in [1.0, 2, 3, 8, 50, 1000] {
          let value = grd_contribution(&scorer, &term, tf, length)
          #expect(value >= 0)
          #expect(grd_contribution(&scorer, &term, tf + 1, length) >= value * (1 - 1e-14))
          #expect(grd_contribution(&scorer, &term, tf, length + 1) <= value * (1 + 1e-14))
        }
      }
    }
  }
}
