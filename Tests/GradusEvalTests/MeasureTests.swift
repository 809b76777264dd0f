import Foundation
import GradusEval
import Testing

@Suite("Measures, by hand")
struct MeasureTests {
  /// Rank 1 grade 1, rank 2 unjudged, rank 3 grade 2, rank 4 grade 0; judged 3 (not retrieved), 2, 1, 0, 0.
  static let grades: [Int32?] = [1, nil, 2, 0]
  static let judged: [Int32] = [0, 1, 3, 2, 0]

  @Test(
    "Worked numbers",
    arguments: [
      // DCG = 1/log2(2) + 2/log2(4) = 2; ideal = 3 + 2/log2(3) + 1/2 = 4.761859507142915
      ("nDCG", 2 / 4.761859507142915),
      // (2^1 - 1) + (2^2 - 1)/2 = 2.5; ideal = 7 + 3/log2(3) + 1/2 = 9.392789260714372
      ("nDCG(dcg='exp-log2')", 2.5 / 9.392789260714372),
      // cut at 1: 1 / 3
      ("nDCG@1", 1.0 / 3),
      // condensed list 1, 2, 0: 1 + 2/log2(3)
      ("nDCG(judged_only=True)", (1 + 2 / log2(3.0)) / 4.761859507142915),
      // gains 1:5: DCG = 5 + 2/2; ideal 5, 3, 2
      ("nDCG(gains={1:5})", 6 / (5 + 3 / log2(3.0) + 1)),
      // (1/1 + 2/3) / 3
      ("AP", 5.0 / 9), ("AP@2", 1.0 / 3), ("AP(rel=2)", (1.0 / 3) / 2), ("AP(judged_only=True)", 2.0 / 3),
      ("RR", 1), ("RR(rel=2)", 1.0 / 3), ("RR(rel=2)@2", 0), ("RR(rel=2,judged_only=True)", 0.5),
      ("P@2", 0.5), ("P@10", 0.2), ("P(rel=2)@5", 0.2), ("RelP@10", 2.0 / 3), ("RelP@2", 0.5),
      ("R@1", 1.0 / 3), ("R@1000", 2.0 / 3), ("R(rel=3)@10", 0), ("Success@1", 1), ("Success(rel=2)@2", 0),
      // R = 3: two of the first three
      ("Rprec", 2.0 / 3), ("RprecMult@0.2", 1), ("RprecMult@2", 2.0 / 6),
      // R = 3, N = 2, no judged non-relevant document above either: (1 + 1) / 3
      ("Bpref", 2.0 / 3), ("Judged@4", 0.75), ("Judged@2", 0.5), ("Judged", 0.75), ("Unjudged@5", 0.2),
      // recall 1/3 reached at rank 1, 2/3 at rank 3 with precision 2/3; all three never
      ("IPrec@0", 1), ("IPrec@0.3", 1), ("IPrec@0.5", 2.0 / 3), ("IPrec@1", 0),
      // round(3 * level) = 0 0 1 1 1 2 2 2 2 3 3: five times 1, four times 2/3
      ("IPrecAvg", (5 + 8.0 / 3) / 11),
      ("SetP", 0.5), ("SetR", 2.0 / 3), ("SetAP", 1.0 / 3), ("SetRelP", 2.0 / 3), ("SetF", 4.0 / 7),
      // (0.5 + 1) P R / (0.5 P + R)
      ("SetF(beta=0.5)", 1.5 * (1.0 / 3) / (0.25 + 2.0 / 3)),
      ("NumQ", 1), ("NumRet", 4), ("NumRel", 3), ("NumRelRet", 2), ("NumRel(rel=2)", 2), ("NumNonrelJudgedRet", 1),
      // 0.2 * (1 + 0.64)
      ("RBP(rel=1)", 0.328),
      // grades over the highest judged grade 3: 0.1 * (1/3 + 2/3 * 0.81)
      ("RBP(p=0.9)", 0.1 * (1.0 / 3 + 2.0 / 3 * 0.81)),
      // one unjudged document at rank 2, and everything below rank 4
      ("RBPResidual", 0.1 * 0.9 + 0.6561),
      // R(1) = 1/16, R(2) = 3/16: 1/16 + 15/16 * 3/16 / 3
      ("ERR", 1.0 / 16 + 15.0 / 16 * 3 / 16 / 3), ("ERR@2", 1.0 / 16), ("ERR(max_rel=3)", 1.0 / 8 + 7.0 / 8 * 3 / 8 / 3),
      // two relevant documents with 0 and 1 non-relevant above: (1/log2 2 + 1/log2 3) / 3
      ("BinG", (1 + 1 / log2(3.0)) / 3),
      // 1/log2(2 + 3 - 1) + 2/log2(2 + 6 - 3), over 6
      ("G", (0.5 + 2 / log2(5.0)) / 6),
      ("Utility", 0), ("Utility(a=2,c=-1)", 1),
    ] as [(String, Double)])
  func worked(name: String, expected: Double) throws {
    let found = try value(name, Self.grades, judged: Self.judged)
    #expect(isClose(found, expected), "\(name): \(found), expected \(expected)")
  }

  @Test("Inferred AP is AP, but for its smoothing, where every document is judged")
  func inferredAP() throws {
    let grades: [Int32?] = [0, 1, 1, 0, 1]
    let ap = try value("AP", grades, judged: [1, 1, 1, 1, 0, 0])
    let inferred = try value("infAP", grades, judged: [1, 1, 1, 1, 0, 0])
    #expect(abs(ap - inferred) < 1e-4)
    #expect(ap != inferred)
  }

  @Test("Inferred AP leaves pooled but unjudged documents to the judged ones: 1/2 + 1/2 * 1/1 * (e / 2e), over 1")
  func inferredPool() throws {
    #expect(isClose(try value("infAP", [-1, 1], judged: [1, -1]), 0.75))
    #expect(isClose(try value("infAP", [nil, 1], judged: [1, -1]), 0.5))
  }

  @Test("Bpref counts judged non-relevant documents only, and at most R of them")
  func bpref() throws {
    // R = 2, N = 3. Above the first relevant: 1 (1 - 1/2); above the second: 3, counted as 2 (1 - 2/2).
    #expect(isClose(try value("Bpref", [0, nil, -1, 1, 0, 0, 1], judged: [1, 1, 0, 0, 0, -1]), 0.25))
  }

  @Test("The best ranking has 1 in every normalised measure")
  func perfect() throws {
    let judged: [Int32] = [3, 2, 2, 1, 0]
    let perfect: [Int32?] = [3, 2, 2, 1, 0]
    for name in [
      "nDCG", "nDCG@2", "nDCG@100", "nDCG(dcg='exp-log2')@10", "AP", "RR", "P@4", "R@4", "Rprec", "Bpref", "infAP",
      "Compat", "nDCGRel", "RnDCG", "BinG", "IPrec@1", "SetR", "RelP@5", "Judged@5",
    ] { #expect(isClose(try value(name, perfect, judged: judged), 1, relative: 2e-5), "\(name)") }
  }

  @Test("RBP of a ranking of relevant documents is 1 - p^n; with the residual of unjudged ones it reaches 1")
  func rbpSums() throws {
    for n in [1, 5, 40] {
      let all = [Int32?](repeating: 1, count: n)
      #expect(isClose(try value("RBP(p=0.7)", all, judged: [1]), 1 - pow(0.7, Double(n))))
      let none = [Int32?](repeating: nil, count: n)
      #expect(isClose(try value("RBPResidual(p=0.7)", none, judged: [1]), 1))
    }
  }

  @Test("Compatibility with p near 0 asks for the first rank alone")
  func compatibility() throws {
    #expect(isClose(try value("Compat(p=0.000001)", [3, 0], judged: [3, 0]), 1, relative: 1e-5))
    #expect(try value("Compat(p=0.000001)", [0, 3], judged: [3, 0]) < 1e-5)
    // Equal grades stand in the ideal as the ranking has them: nothing to lose.
    #expect(isClose(try value("Compat", [1, 1, 1], judged: [1, 1, 1]), 1))
  }

  static let everyName = [
    "nDCG", "nDCG@5", "nDCG(dcg='exp-log2')@5", "nDCG(gains={1:2})", "AP", "AP@5", "RR", "P@5", "R@5", "Rprec", "Bpref",
    "infAP", "Success@5", "RBP", "ERR@5", "Judged@5", "IPrec@0.5", "SetP", "SetR", "SetF", "SetAP", "SetRelP", "Compat", "GMAP",
    "GMBpref", "RelP@5", "RprecMult@0.5", "IPrecAvg", "BinG", "G", "nDCGRel", "RnDCG", "RBPResidual", "Unjudged@5", "Utility",
    "NERR8(max_rel=3)@5", "NERR9(max_rel=3)@5", "NERR10(max_rel=3)", "NERR11(max_rel=3)", "INST(max_rel=3)",
    "INSQ(max_rel=3)", "BPM(max_rel=3)@5", "SDCG(max_rel=3)@5", "NumRet", "NumRel", "NumRelRet", "NumNonrelJudgedRet",
  ]

  @Test("Empty rankings and queries without relevant documents have finite values", arguments: everyName)
  func edges(name: String) throws {
    for (grades, judged) in [
      ([], []), ([], [1, 0]), ([nil, nil], []), ([0, nil], [0]), ([-1, -2], [-1, -2]), ([0, 0, 0], [0, 0, 0, 0]),
    ] as [([Int32?], [Int32])] {
      let found = try value(name, grades, judged: judged)
      #expect(found.isFinite, "\(name) of \(grades)")
      if !name.hasPrefix("Num"), !["Judged@5", "RBPResidual", "Unjudged@5", "Utility"].contains(name) {
        #expect(found == 0, "\(name) of \(grades), judged \(judged)")
      }
    }
  }

  @Test("A cut-off beyond the ranking is the whole ranking")
  func longCutoff() throws {
    for family in ["nDCG", "AP", "RR", "ERR", "RBP", "Judged"] {
      let cut = try value("\(family)@1000000", Self.grades, judged: Self.judged)
      #expect(try value(family, Self.grades, judged: Self.judged) == cut)
    }
  }

  @Test("Negative grades are never relevant and gain nothing")
  func negativeGrades() throws {
    for name in ["nDCG", "AP", "RR", "P@2", "ERR", "RBP", "Compat", "nDCG(dcg='exp-log2')"] {
      let junk = try value(name, [-2, 1], judged: [1, -2])
      #expect(try value(name, [nil, 1], judged: [1]) == junk)
    }
  }

  @Test("Geometric means have the floor of trec_eval, sums add, and nothing gives 0")
  func aggregation() {
    #expect(isClose(Aggregation.geometricMean.aggregate([0.1, 0.001]), 0.01))
    #expect(isClose(Aggregation.geometricMean.aggregate([0, 0.1]), 0.001))
    #expect(Aggregation.sum.aggregate([1, 2, 4]) == 7)
    #expect(Aggregation.mean.aggregate([1, 2, 3]) == 2)
    for aggregation in [Aggregation.mean, .sum, .geometricMean] { #expect(aggregation.aggregate([]) == 0) }
  }
}
