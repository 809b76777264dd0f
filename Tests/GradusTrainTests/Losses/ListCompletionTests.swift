import GradusCore
import GradusTensor
@testable import GradusTrain
import Testing

@Suite("Plackett-Luce, RankDistil and TF-Ranking's further losses")
struct ListCompletionTests {
  static let scores = [0.3, -0.2, 1.1, 0.4]
  static let sample = list([1, 0, 3, 2])

  @Test("Plackett-Luce over all documents is ListMLE; over one, cross-entropy of the best; in between, by hand")
  func plackettLuce() throws {
    let all = try perSample(try PlackettLuceLoss(), [Self.scores], [Self.sample])[0]
    #expect(approximately(all, try perSample(ListMLELoss(), [Self.scores], [Self.sample])[0], within: 1e-12))
    #expect(approximately(try perSample(try PlackettLuceLoss(top: 9), [Self.scores], [Self.sample])[0], all, within: 1e-12))
    let best = try perSample(try PlackettLuceLoss(top: 1), [Self.scores], [Self.sample])[0]
    #expect(approximately(best, try perSample(SoftmaxCrossEntropyLoss(), [Self.scores], [list([0, 0, 1, 0])])[0], within: 1e-12))
    func logSum(_ places: [Int]) -> Double { logarithm(places.reduce(0.0) { $0 + exponential(Self.scores[$1]) }) }
    let two = logSum([0, 1, 2, 3]) - 1.1 + logSum([0, 1, 3]) - 0.4
    #expect(approximately(try perSample(try PlackettLuceLoss(top: 2), [Self.scores], [Self.sample])[0], two, within: 1e-12))
    #expect(throws: LossError.notPositive(parameter: "top", found: 0)) { try PlackettLuceLoss(top: 0) }
    // The survey's list: f = (2, 1, .5), the first relevant.
    #expect(approximately(try perSample(try PlackettLuceLoss(), [[2, 1, 0.5]], [list([2, 1, 0])])[0], 0.938446, within: 1e-6))
  }

  @Test("RankDistil of one document is ListNet; of more, its draws tend to the exact expectation")
  func rankDistil() throws {
    let teacher = list([0.5, -1, 2, 1])
    #expect(
      try perSample(try RankDistilLoss(top: 1, temperature: 0.7), [Self.scores], [teacher])
        == perSample(try ListNetLoss(temperature: 0.7), [Self.scores], [teacher]))
    // All ordered pairs (first, second) with their probability under the teacher.
    let labels = teacher.documents.map { exponential($0.label) }
    var exact = 0.0
    for first in 0..<4 {
      for second in 0..<4 where second != first {
        let total = labels.reduce(0, +)
        let probability = labels[first] / total * labels[second] / (total - labels[first])
        let all = Self.scores.reduce(0.0) { $0 + exponential($1) }
        let loss = logarithm(all) - Self.scores[first] + logarithm(all - exponential(Self.scores[first])) - Self.scores[second]
        exact += probability * loss
      }
    }
    let drawn = try perSample(try RankDistilLoss(top: 2, draws: 20_000), [Self.scores], [teacher])[0]
    #expect(approximately(drawn, exact, within: 0.02))
    // The same sample has the same draws; another has others.
    let loss = try RankDistilLoss(top: 2, draws: 3)
    let twice = try perSample(loss, [Self.scores, Self.scores, Self.scores], [teacher, teacher, list([0.5, -1, 2, 1], qid: "r")])
    #expect(twice[0] == twice[1] && twice[0] != twice[2])
    #expect(throws: LossError.notPositive(parameter: "draws", found: 0)) { try RankDistilLoss(draws: 0) }
  }

  @Test("Unique softmax and ApproxMRR by hand")
  func ranking() throws {
    // Grades 1, 0, 3, 2: each against itself and what is below.
    func logSum(_ places: [Int]) -> Double { logarithm(places.reduce(0.0) { $0 + exponential(Self.scores[$1]) }) }
    let expected = (logSum([0, 1]) - 0.3) + 7 * (logSum([0, 1, 2, 3]) - 1.1) + 3 * (logSum([0, 1, 3]) - 0.4)
    #expect(approximately(try perSample(UniqueSoftmaxLoss(), [Self.scores], [Self.sample])[0], expected, within: 1e-12))
    // With one relevant document it is softmax cross-entropy.
    let single = list([0, 0, 1, 0])
    #expect(approximately(
      try perSample(UniqueSoftmaxLoss(), [Self.scores], [single])[0],
      try perSample(SoftmaxCrossEntropyLoss(), [Self.scores], [single])[0], within: 1e-12))
    // Ranks at a low temperature: document 3 is second, so that 1 - 1/2.
    let second = try perSample(try ApproxMRRLoss(temperature: 1e-4), [Self.scores], [list([0, 0, 0, 1])])[0]
    #expect(approximately(second, 0.5, within: 1e-9))
    #expect(try perSample(try ApproxMRRLoss(), [Self.scores], [list([0, 0, 0, 0])]) == [0])
  }

  @Test("Gradients agree with finite differences", arguments: 0..<5)
  func gradientsOfLosses(number: Int) throws {
    let losses: [any RankingLoss] = [
      try PlackettLuceLoss(top: 2), try RankDistilLoss(top: 2, draws: 4), UniqueSoftmaxLoss(),
      try ApproxMRRLoss(temperature: 0.5), try PlackettLuceLoss(),
    ]
    let samples = [Self.sample, list([0, 2, 2, 1], qid: "r")]
    let scores = Tensor(Self.scores + [0.9, 0.1, -0.6, 0.2], shape: [2, 4])
    try expectGradients([scores]) { try losses[number].perSample(LossInput(scores: $0[0], samples: samples)) }
  }
}
