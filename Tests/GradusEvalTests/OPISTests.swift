import GradusCore
import Testing

@testable import GradusEval

@Suite("Operating-point inconsistency")
struct OPISTests {
  static let groups = [
    OPIS.Group("A", positives: [0.2, 0.4, 0.6], negatives: [0.7, 0.9, 1.1, 1.3]),
    OPIS.Group("B", positives: [0.5, 0.7, 0.9], negatives: [0.6, 0.8, 1.0, 1.2]),
    OPIS.Group("C", positives: [0.3, 0.5, 0.8], negatives: [1.0, 1.1, 1.2, 1.3]),
  ]
  static let thresholds = [0.5, 0.6, 0.7, 0.8, 0.9]

  private func close(_ a: Double, _ b: Double, _ tolerance: Double = 5e-7) -> Bool { abs(a - b) <= tolerance }

  @Test("The worked example: utilities, OPIS and the gap between worst and best")
  func worked() throws {
    let opis = try OPIS(groups: Self.groups, scores: .distances, thresholds: .given(Self.thresholds))
    let expected = [
      [0.8, 1, 0.857143, 0.857143, 0.666667], [0.5, 0.461538, 0.705882, 0.571429, 0.666667], [0.8, 0.8, 0.8, 1, 1],
    ]
    for (found, own) in zip(opis.utilities, expected) { for (a, b) in zip(found, own) { #expect(close(a, b)) } }
    #expect(close(opis.value, 0.025943) && close(opis.epsilonValue, 0.101640))
    // Of A alone: squares of .1, .246154, .069468, .047619, .111111 from the means, over five thresholds.
    let squares = [0.1, 0.246154, 0.069468, 0.047619, -0.111111].reduce(0) { $0 + $1 * $1 }
    #expect(close(opis.deviations[0], squares / 5, 1e-6))
    #expect(close(opis.deviations.reduce(0, +) / 3, opis.value, 1e-12))
    // Mean utilities .7, .753846, .787675, .809524, .777778.
    #expect(opis.bestThreshold == 0.8)
    for (found, utility) in zip(opis.utilitiesAtBest, [0.857143, 0.571429, 1]) { #expect(close(found, utility)) }
    for (found, regret) in zip(opis.regrets, [1 - 0.857143, 0.705882 - 0.571429, 0]) { #expect(close(found, regret, 2e-6)) }
  }

  @Test("Similarities are distances with the sign turned round")
  func similarities() throws {
    let turned = Self.groups.map { OPIS.Group($0.name, positives: $0.positives.map { -$0 }, negatives: $0.negatives.map { -$0 }) }
    let distances = try OPIS(groups: Self.groups, scores: .distances), similarities = try OPIS(groups: turned)
    #expect(distances.value == similarities.value && distances.utilities == similarities.utilities)
    #expect(distances.thresholds == similarities.thresholds.map { -$0 } && distances.thresholds.count == 101)
  }

  @Test("Queries that are alike have 0; an affine map of all scores changes nothing; the order of the queries neither")
  func invariance() throws {
    let same = (0..<4).map { OPIS.Group("\($0)", positives: [0.4, 0.9, 0.3], negatives: [0.1, 0.5, 0.2, 0.25]) }
    #expect(try OPIS(groups: same, thresholds: .given([0.2, 0.3, 0.45])).value == 0)
    let moved = Self.groups.map {
      OPIS.Group($0.name, positives: $0.positives.map { 3 * $0 + 1 }, negatives: $0.negatives.map { 3 * $0 + 1 })
    }
    let (first, second) = (try OPIS(groups: Self.groups, scores: .distances), try OPIS(groups: moved, scores: .distances))
    #expect(close(first.value, second.value, 1e-12))
    #expect(close(try OPIS(groups: Self.groups.reversed(), scores: .distances).value, first.value, 1e-12))
  }

  @Test("Of a run: relevant documents against the others, queries without either left out and named")
  func runs() throws {
    var qrels = Qrels()
    for (qid, docno, grade) in [("1", "a", 1), ("1", "b", 0), ("2", "c", 2), ("3", "x", 1)] {
      qrels.judge(qid: qid, docno: docno, grade: grade)
    }
    let run = Run(name: "r", rankings: ["1", "2", "3", "4"].map { qid in
      Ranking(qid: qid, documents: ["a", "b", "c", "d"].enumerated().map { ScoredDocument(docno: $1, score: Double(10 - $0)) })
    })
    let opis = try OPIS(run: run, qrels: qrels, thresholds: .given([9, 8.5]))
    #expect(opis.groups == ["1", "2"] && opis.skipped == ["3"])
    // Query 1 at 9: its document is accepted and one of three others; at 8.5 the same.
    #expect(close(opis.utilities[0][0], 2 * (2 / 3.0) / (1 + 2 / 3.0)) && opis.utilities[1] == [0, 0])
  }

  @Test("One threshold for all: at a rate of false acceptance, at the best utility, and what it does to each query")
  func selection() throws {
    let groups = [
      OPIS.Group("A", positives: [0.9, 0.8], negatives: [0.5, 0.4, 0.3, 0.1]),
      OPIS.Group("B", positives: [0.6, 0.35], negatives: [0.7, 0.2]), OPIS.Group("C", positives: [1], negatives: []),
    ]
    // Of six negatives one may pass: 0.7 does, 0.5 does not, so the lowest score above 0.5.
    let strict = try ThresholdSelection(groups: groups, by: .falseAcceptance(0.2))
    #expect(strict.threshold == 0.6 && strict.groups == ["A", "B"])
    #expect(strict.falseAcceptance.values == [0, 0.5] && strict.falseRejection.values == [0, 0.5])
    #expect(strict.falseAcceptance.mean == 0.25 && strict.falseAcceptance.spread == 0.25)
    let none = try ThresholdSelection(groups: groups, by: .falseAcceptance(0))
    #expect(none.threshold == 0.8 && none.falseRejection.values == [0, 1])
    // From 0.6: A has 1, B (.5, .5): .75 on average. From 0.35: A (1, .5) = .6667, B (1, .5): less.
    #expect(try ThresholdSelection(groups: groups, by: .bestUtility).threshold == 0.6)
    #expect(throws: OPISError.tooFewGroups(0)) { try ThresholdSelection(groups: [groups[2]], by: .bestUtility) }
    #expect(throws: OPISError.range(2, 2, points: 1)) { try ThresholdSelection(groups: groups, by: .falseAcceptance(2)) }
  }

  @Test("What has no OPIS is an error")
  func errors() throws {
    let silent = OPIS.Group("D", positives: [], negatives: [1]), broken = OPIS.Group("E", positives: [.nan], negatives: [])
    #expect(throws: OPISError.tooFewGroups(1)) { try OPIS(groups: [Self.groups[0], silent]) }
    #expect(throws: OPISError.notFinite(group: "E")) { try OPIS(groups: Self.groups + [broken]) }
    #expect(throws: OPISError.thresholds) { try OPIS(groups: Self.groups, thresholds: .given([])) }
    #expect(throws: OPISError.range(0.1, 0.1, points: 5)) {
      try OPIS(groups: Self.groups, thresholds: .falseAcceptance(0.1, 0.1, points: 5))
    }
    #expect(throws: OPISError.epsilon(0)) { try OPIS(groups: Self.groups, epsilon: 0) }
    let flat = ["a", "b"].map { OPIS.Group($0, positives: [1], negatives: [2, 2, 2]) }
    #expect(throws: OPISError.emptyRange(at: 2)) { try OPIS(groups: flat, scores: .distances) }
  }
}
