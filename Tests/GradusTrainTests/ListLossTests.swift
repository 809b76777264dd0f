import GradusCore
import GradusTensor
@testable import GradusTrain
import Testing

@Suite("Losses over lists")
struct ListLossTests {
  /// Grades 2 0 1 0 3.
  static let list = TrainingSample.listwise(
    qid: "q",
    documents: [("a", 2.0), ("b", 0), ("c", 1), ("d", 0), ("e", 3)].map {
      LabelledDocument(docno: $0.0, label: $0.1, isPositive: $0.1 > 0)
    })
  static let scores = [0.3, -1.2, 2.0, 0.7, 0.1]

  struct Worked: Sendable, CustomTestStringConvertible {
    let loss: any RankingLoss
    let value: Double
    let gradient: [Double]
    var testDescription: String { "\(loss)" }
  }

  /// Values and gradients of the formulas written down in PyTorch 2.15 in Float64, with its automatic differentiation.
  static let worked: [Worked] = {
    var all = [
      Worked(
        loss: SoftmaxCrossEntropyLoss(), value: 2.014738995959062,
        gradient: [-0.222316377, 0.0247712313, 0.4410343121, 0.1656178374, -0.4091070037]),
      Worked(
        loss: ListMLELoss(), value: 6.812777423668516,
        gradient: [-0.7668665536, -0.7868342816, 1.0376043471, 1.4252034918, -0.9091070037]),
      Worked(
        loss: ListMLELoss(weights: .exponential), value: 2.0595210046000756,
        gradient: [-0.1723050086, -0.0082489819, 0.5030408367, 0.2019979637, -0.5244848098]),
    ]
    func add(_ loss: (any RankingLoss)?, _ value: Double, _ gradient: [Double]) {
      if let loss { all.append(Worked(loss: loss, value: value, gradient: gradient)) }
    }
    add(try? ListNetLoss(), 2.21348034359865, [-0.1185076243, -0.0062915429, 0.5232636043, 0.1345550632, -0.5330195004])
    add(
      try? ListNetLoss(temperature: 2), 2.1237326454372143,
      [-0.1395461333, -0.0674057781, 0.4557267827, 0.073440828, -0.3222156992])
    add(try? RankNetLoss(), 0.8199109309719803, [-0.1196459913, 0.0484173626, 0.1624550579, 0.1620565537, -0.2532829829])
    add(
      try? LambdaLoss(.lambdaRank), 1.7086361019823615, [-0.1520831116, 0.0232906493, 0.5704519712, 0.1872739723, -0.6289334811])
    add(try? LambdaLoss(.ndcg1), 2.6361689465266616, [-0.1201685465, 0.1472148689, 0.5587000799, 0.4698010351, -1.0555474373])
    add(try? LambdaLoss(.ndcg2), 0.8094297458356838, [-0.022153158, 0.0962532072, 0.0771783491, 0.2048455875, -0.3561239858])
    add(
      try? LambdaLoss(.ndcg2Plus), 9.8029335603392, [-0.3736146915, 0.9858227209, 1.3422354623, 2.2357298471, -4.1901733387])
    add(
      try? LambdaLoss(.lambdaRank, sigma: 2), 2.9673624600215738,
      [-0.3344722455, 0.011773054, 1.3155087544, 0.4220291182, -1.4148386812])
    add(
      try? ApproxNDCGLoss(), 0.4107141482183695, [0.0110229489, 1.0359e-06, -1.7584e-06, 0.0058286835, -0.0168509098])
    add(
      try? ApproxNDCGLoss(temperature: 1), 0.40791620803660056,
      [-0.0025913268, 0.0149736941, -0.0050210444, 0.0253135641, -0.032674887])
    add(
      try? NeuralNDCGLoss(sinkhornRounds: 0), 0.30922356794977957,
      [0.229413077, -0.0212202098, -0.006923371, 0.0417007202, -0.2429702165])
    add(try? NeuralNDCGLoss(), 0.37446458325622, [-0.0025026082, 0.0070531401, -0.0003542134, 0.0585630348, -0.0627593533])
    add(
      try? NeuralNDCGLoss(temperature: 0.5), 0.3873696047205015,
      [0.0065294254, 0.0039283858, -0.0043935252, 0.0445218552, -0.0505861413])
    add(try? KLDivergenceLoss(), 1.156959219179151, [-0.1185076243, -0.0062915429, 0.5232636043, 0.1345550632, -0.5330195004])
    add(
      try? KLDivergenceLoss(temperature: 2), 1.2256557354691613,
      [-0.1643268202, -0.0252612666, 0.4840431681, 0.2270136473, -0.5214687286])
    return all
  }()

  private func perSample(_ loss: any RankingLoss, _ scores: [[Double]], _ samples: [TrainingSample]) throws -> [Double] {
    let tensor = Tensor(scores.flatMap { $0 }, shape: [scores.count, scores[0].count])
    return try loss.perSample(LossInput(scores: tensor, samples: samples)).doubles()
  }

  @Test("Worked values and gradients", arguments: worked)
  func workedValues(worked: Worked) throws {
    let leaf = Tensor(Self.scores, shape: [1, 5]).tracked()
    let value = try worked.loss.perSample(LossInput(scores: leaf, samples: [Self.list]))
    #expect(value.shape == [1])
    #expect(approximately(value.item(), worked.value, within: 1e-10))
    let gradient = try gradients(of: value.sum(), withRespectTo: [leaf])[0].doubles()
    for (found, expected) in zip(gradient, worked.gradient) { #expect(approximately(found, expected, within: 1e-9)) }
    // All depend on differences of scores alone.
    #expect(approximately(gradient.reduce(0, +), 0, within: 1e-12))
  }

  @Test("All losses over lists are worked here")
  func complete() throws { #expect(Self.worked.count == 18) }

  @Test("The margin between positive and negatives follows the teacher's")
  func marginMSE() throws {
    let sample = TrainingSample.pairwise(
      qid: "q", positive: ("a", 3.5), negatives: [("b", 1), ("c", -2), ("d", 0), ("e", 0.5)])
    let leaf = Tensor(Self.scores, shape: [1, 5]).tracked()
    let value = try MarginMSELoss().perSample(LossInput(scores: leaf, samples: [sample]))
    #expect(approximately(value.item(), 18.9725, within: 1e-10))
    let gradient = try gradients(of: value.sum(), withRespectTo: [leaf])[0].doubles()
    for (found, expected) in zip(gradient, [-7.45, 0.5, 3.6, 1.95, 1.4]) {
      #expect(approximately(found, expected, within: 1e-9))
    }
    #expect(throws: LossError.pairsNeeded(loss: "MarginMSELoss", sample: Self.list.id)) {
      try perSample(MarginMSELoss(), [Self.scores], [Self.list])
    }
  }

  @Test("The order of the documents and the batch mates change no value", arguments: worked)
  func invariance(worked: Worked) throws {
    let order = [3, 1, 4, 0, 2]
    let shuffled = TrainingSample.listwise(qid: "q", documents: order.map { Self.list.documents[$0] })
    let both = try perSample(worked.loss, [Self.scores, order.map { Self.scores[$0] }], [Self.list, shuffled])
    let alone = try perSample(worked.loss, [Self.scores], [Self.list])
    #expect(both[0] == alone[0])
    // ListMLE has the sample's order decide between equal labels: b and d.
    if !(worked.loss is ListMLELoss) { #expect(approximately(both[0], both[1], within: 1e-12)) }
  }

  @Test("A list in the right order costs less than one in the wrong order", arguments: worked)
  func direction(worked: Worked) throws {
    let right = Self.list.documents.map(\.label)
    let losses = try perSample(worked.loss, [right, right.map { -$0 }], [Self.list, Self.list])
    #expect(losses[0] < losses[1])
  }

  @Test("Scores far apart and lists without a relevant document stay finite, in Float32", arguments: worked)
  func extremes(worked: Worked) throws {
    let flat = TrainingSample.listwise(
      qid: "q", documents: ["a", "b", "c"].map { LabelledDocument(docno: $0, label: 0, isPositive: false) })
    let graded = TrainingSample.listwise(
      qid: "q", documents: [("a", 3.0), ("b", 0), ("c", 1)].map { LabelledDocument(docno: $0.0, label: $0.1, isPositive: true) })
    let leaf = Tensor([Float(1e4), -1e4, 0, -1e4, 1e4, 0], shape: [2, 3]).tracked()
    let values = try worked.loss.perSample(LossInput(scores: leaf, samples: [flat, graded]))
    #expect(values.floats().allSatisfy { $0.isFinite }, "\(values.floats())")
    let gradient = try gradients(of: values.sum(), withRespectTo: [leaf])[0].floats()
    #expect(gradient.allSatisfy { $0.isFinite }, "\(gradient)")
    let needsGrades = worked.loss is LambdaLoss || worked.loss is ApproxNDCGLoss || worked.loss is NeuralNDCGLoss
      || worked.loss is RankNetLoss || worked.loss is SoftmaxCrossEntropyLoss
    if needsGrades { #expect(values.floats()[0] == 0 && gradient[..<3].allSatisfy { $0 == 0 }) }
  }

  @Test("LambdaRank is RankNet with the change of nDCG as weight: for two documents, base 2")
  func twoDocuments() throws {
    let pair = TrainingSample.pairwise(qid: "q", positive: ("a", 1), negatives: [("b", 0)])
    let rankNet = try perSample(try RankNetLoss(), [[0.2, 0.9]], [pair])[0]
    let lambda = try perSample(try LambdaLoss(.lambdaRank), [[0.2, 0.9]], [pair])[0]
    let change = 1 - 0.6309297535714575
    #expect(approximately(lambda, rankNet / 0.6931471805599453 * change, within: 1e-12))
  }

  @Test("What a loss cannot use is an error")
  func errors() throws {
    let point = TrainingSample.pointwise(qid: "q", docno: "a", label: 1, isPositive: true)
    #expect(throws: LossError.listNeeded(loss: "ListNetLoss", sample: point.id)) {
      try perSample(try ListNetLoss(), [[1]], [point])
    }
    for label in [-1.0, 31, .nan] {
      let sample = Self.list.labelled([label, 0, 0, 0, 0])
      for loss in [try LambdaLoss(), try ApproxNDCGLoss(), try NeuralNDCGLoss(), SoftmaxCrossEntropyLoss()] as [any RankingLoss] {
        #expect(throws: LossError.self) { try perSample(loss, [Self.scores], [sample]) }
      }
    }
    #expect(throws: LossError.self) {
      try perSample(try ListNetLoss(), [Self.scores], [Self.list.labelled([.infinity, 0, 0, 0, 0])])
    }
    #expect(throws: LossError.notPositive(parameter: "sigma", found: -1)) { try RankNetLoss(sigma: -1) }
    #expect(throws: LossError.negativeRounds(-1)) { try NeuralNDCGLoss(sinkhornRounds: -1) }
  }

  @Test("Lists: one positive and one lower at least, no document twice, every order, all candidates in the end")
  func sampler() throws {
    var sampler = try ListwiseSampler(run: TinyCollection.run, qrels: TinyCollection.qrels, size: 4, seed: 5)
    let round = try #require(sampler.samplesPerPass)
    var seen: [String: Set<String>] = [:]
    var firstIsPositive: Set<Bool> = []
    for _ in 0..<60 {
      let samples = try sampler.next(round)
      #expect(Set(samples.map(\.qid)).count == round)
      for sample in samples {
        let grades = sample.documents.map { Double(SamplerTests.grade(sample.qid, $0.docno)) }
        #expect(sample.form == .listwise && Set(sample.documents.map(\.docno)).count == 4)
        #expect(sample.documents.map(\.label) == grades)
        #expect(sample.documents.map(\.isPositive) == grades.map { $0 >= 1 })
        let (least, most) = (try #require(grades.min()), try #require(grades.max()))
        #expect(most >= 1 && least < most)
        seen[sample.qid, default: []].formUnion(sample.documents.map(\.docno))
        firstIsPositive.insert(sample.documents[0].isPositive)
      }
    }
    #expect(seen.values.allSatisfy { $0.count == TinyCollection.depth } && firstIsPositive.count == 2)

    var resumed = try ListwiseSampler(run: TinyCollection.run, qrels: TinyCollection.qrels, size: 4, seed: 5)
    try resumed.resume(from: sampler.resumeState)
    let (ahead, expected) = (try resumed.next(5), try sampler.next(5))
    #expect(ahead == expected)
    var other = try ListwiseSampler(run: TinyCollection.run, qrels: TinyCollection.qrels, size: 5, seed: 5)
    #expect(throws: SamplerError.self) { try other.resume(from: sampler.resumeState) }
    #expect(throws: SamplerError.listBelowTwo(1)) {
      try ListwiseSampler(run: TinyCollection.run, qrels: TinyCollection.qrels, size: 1, seed: 5)
    }
    #expect(throws: SamplerError.self) {
      try ListwiseSampler(run: TinyCollection.run, qrels: TinyCollection.qrels, size: TinyCollection.depth + 1, seed: 5)
    }
  }

  @Test("A teacher's scores take the place of the labels, and a document that it lacks is named")
  func teacher() throws {
    let base = try PairwiseSampler(run: TinyCollection.run, qrels: TinyCollection.qrels, negatives: 2, seed: 5)
    var plain = base
    var taught = TeacherLabelledSampler(base, teacher: TinyCollection.run)
    for _ in 0..<20 {
      let (sample, other) = (plain.next(), try taught.next())
      let scores = Dictionary(
        uniqueKeysWithValues: try #require(TinyCollection.run[sample.qid]).documents.map { ($0.docno, $0.score) })
      #expect(other.documents.map(\.docno) == sample.documents.map(\.docno))
      #expect(other.documents.map(\.isPositive) == sample.documents.map(\.isPositive))
      #expect(other.documents.map { Optional($0.label) } == sample.documents.map { scores[$0.docno] })
    }
    var lacking = TeacherLabelledSampler(base, teacher: Run(name: "t", rankings: []))
    plain = base
    let first = plain.next()
    #expect(throws: SamplerError.teacherLacks(teacher: "t", qid: first.qid, docno: first.documents[0].docno)) {
      try lacking.next()
    }
  }

  @Test("A list is as easy as its hardest pair")
  func easiness() throws {
    let statistics = try WorkedRun.statistics()
    func list(_ documents: [(String, Bool)]) -> TrainingSample {
      .listwise(qid: "q", documents: documents.map { LabelledDocument(docno: $0.0, label: $0.1 ? 1 : 0, isPositive: $0.1) })
    }
    let heuristic = ReciprocalRankDifficulty()
    // Pairs (b, a) 0.25 and (b, d) 0.65.
    #expect(approximately(try heuristic.easiness(of: list([("d", false), ("b", true), ("a", false)]), in: statistics), 0.25))
    #expect(try heuristic.easiness(of: list([("d", true), ("b", true)]), in: statistics) == 1)
  }
}
