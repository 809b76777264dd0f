import GradusCore
import GradusTensor
@testable import GradusTrain
import Testing

@Suite("Losses of metric learning")
struct MetricLossTests {
  // MARK: - Threshold-consistent margin

  @Test("TCM: the card's four items")
  func thresholdConsistentMargin() throws {
    let cosines = [1, 0.95, 0.7, 0.3, 0.95, 1, 0.4, 0.55, 0.7, 0.4, 1, 0.8, 0.3, 0.55, 0.8, 1]
    let labels = [0, 0, 1, 1]
    let isPositive = (0..<4).map { i in (0..<4).map { i != $0 && labels[i] == labels[$0] } }
    let isNegative = (0..<4).map { i in (0..<4).map { labels[i] != labels[$0] } }
    let loss = try ThresholdConsistentMarginLoss()
    let rows = loss.rowTerms(Tensor(cosines, shape: [4, 4]), isPositive: isPositive, isNegative: isNegative)
    #expect(approximately(rows.sum().item(), 0.225, within: 1e-12))
    // Only (2, 3) is a hard positive, only (0, 2) and (1, 3) hard negatives: 0.1 and (0.2 + 0.05) / 2.
    #expect(approximately(rows.doubles()[1], 0.05 / 4, within: 1e-12))
    let weighted = try ThresholdConsistentMarginLoss(positiveWeight: 2, negativeWeight: 3)
    let sum = weighted.rowTerms(Tensor(cosines, shape: [4, 4]), isPositive: isPositive, isNegative: isNegative).sum().item()
    #expect(approximately(sum, 0.2 + 0.375, within: 1e-12))
    #expect(throws: LossError.self) { try ThresholdConsistentMarginLoss(positiveMargin: 0.5, negativeMargin: 0.5) }
    #expect(throws: LossError.self) { try ThresholdConsistentMarginLoss(positiveMargin: 1.5) }
  }

  @Test("TCM: the mean over the samples is the batch's term; nothing hard, no loss and no gradient; the base is added")
  func thresholdConsistentMarginOfBatches() throws {
    let fixture = VectorFixture(4, negatives: 1)
    let loss = try ThresholdConsistentMarginLoss(positiveMargin: 0.8, negativeMargin: 0.1)
    let cosines = Similarity.cosine.matrix(fixture.queries, fixture.documents.reshaped(to: [8, 4])).doubles()
    var hardPositives: [Double] = [], hardNegatives: [Double] = []
    for row in 0..<4 {
      for column in 0..<8 {
        let cosine = cosines[row * 8 + column]
        if column == row * 2 { if cosine <= 0.8 { hardPositives.append(0.8 - cosine) } } else if cosine >= 0.1 {
          hardNegatives.append(cosine - 0.1)
        }
      }
    }
    func mean(_ values: [Double]) -> Double { values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count) }
    let values = try fixture.values(loss)
    #expect(approximately(mean(values), mean(hardPositives) + mean(hardNegatives), within: 1e-12))
    let base = try InfoNCELoss()
    let both = try fixture.values(ThresholdConsistentMarginLoss(base, positiveMargin: 0.8, negativeMargin: 0.1))
    for (found, parts) in zip(both, zip(values, try fixture.values(base))) {
      #expect(approximately(found, parts.0 + parts.1, within: 1e-12))
    }
    // Twice the batch: the same mean (the twins are the same documents).
    var twice = fixture
    twice.queries = concatenated([fixture.queries, fixture.queries])
    twice.documents = concatenated([fixture.documents, fixture.documents])
    twice.samples += fixture.samples
    #expect(approximately(mean(try twice.values(loss)), mean(values), within: 1e-12))

    let kept = VectorFixture(
      queries: [[1, 0], [0, 1]], documents: [[[1, 0], [-1, 0]], [[0, 1], [0, -1]]],
      samples: [.pairwise(qid: "a", positive: "x", negatives: ["y"]), .pairwise(qid: "b", positive: "z", negatives: ["w"])])
    let leaf = kept.queries.tracked()
    let none = try loss.perSample(kept.input(leaf))
    #expect(none.doubles() == [0, 0])
    #expect(try gradients(of: none.sum(), withRespectTo: [leaf])[0].doubles().allSatisfy { $0 == 0 })
  }

  // MARK: - Triplet alignment

  @Test("TAL: the card's scores, smooth and hardest")
  func tripletAlignment() throws {
    let scores = Tensor([0.8, 0.75, 0.2, 0.3, 0.6, 0.55, 0.1, 0.5, 0.7], shape: [3, 3])
    let identity = (0..<3).map { i in (0..<3).map { $0 == i ? BatchRelations.Relation.relevant : .negative } }
    func both(_ loss: TripletAlignmentLoss) -> [Double] {
      (loss.sides(scores, identity) + loss.sides(scores.transposed(), identity)).doubles()
    }
    func expect(_ found: [Double], _ expected: [Double]) {
      for (a, b) in zip(found, expected) { #expect(approximately(a, b, within: 1e-6)) }
    }
    expect(both(try TripletAlignmentLoss(negatives: .hardest)), [0.05, 0.30, 0])
    expect(both(try TripletAlignmentLoss(temperature: 0.1)), [0.050408, 0.315778, 0])
    expect(both(try TripletAlignmentLoss()), [0.05, 0.30, 0])
    // Three equal negatives: tau log 3 above the hardest one's.
    let equal = Tensor([0.5, 0.6, 0.6, 0.6], shape: [1, 4])
    let relation: [[BatchRelations.Relation]] = [[.relevant, .negative, .negative, .negative]]
    let smooth = try TripletAlignmentLoss(temperature: 0.1).sides(equal, relation).doubles()[0]
    let hardest = try TripletAlignmentLoss(temperature: 0.1, negatives: .hardest).sides(equal, relation).doubles()[0]
    #expect(approximately(smooth - hardest, 0.109861))
    let sum = try TripletAlignmentLoss(negatives: .sum).sides(equal, relation).doubles()[0]
    #expect(approximately(sum, 3 * hardest, within: 1e-12))
    // Two positives: S+ = .776159, so that the side is margin - S+ + tau log(e^5 + e^5.5).
    let two = Tensor([0.8, 0.6, 0.5, 0.55], shape: [1, 4])
    let expected = 0.5 - 0.776159 + 0.1 * logarithm(exponential(5) + exponential(5.5))
    let relations: [[BatchRelations.Relation]] = [[.relevant, .relevant, .negative, .negative]]
    let found = try TripletAlignmentLoss(margin: 0.5, temperature: 0.1).sides(two, relations).doubles()[0]
    #expect(approximately(found, expected, within: 1e-6))
    // No overflow, in Float32 at a temperature of 1e-4.
    let cold = try TripletAlignmentLoss(temperature: 1e-4).sides(scores.cast(to: .float32), identity)
    let numbers = cold.floats()
    #expect(numbers.allSatisfy { $0.isFinite })
  }

  @Test("TAL: a positive's gradient is its share, in which none flows; a negative's the softmax, or 1 for the hardest")
  func tripletAlignmentGradients() throws {
    let relations: [[BatchRelations.Relation]] = [[.relevant, .relevant, .negative, .negative]]
    let alpha = [-0.880797, -0.119203]
    for (negatives, expected) in [
      (.smooth, alpha + [0.377541, 0.622459]), (.hardest, alpha + [0, 1]), (.sum, alpha.map { 2 * $0 } + [1, 1]),
    ] as [(TripletAlignmentLoss.Negatives, [Double])] {
      let leaf = Tensor([0.8, 0.6, 0.5, 0.55], shape: [1, 4]).tracked()
      let loss = try TripletAlignmentLoss(margin: 0.5, temperature: 0.1, negatives: negatives)
      let side = loss.sides(leaf, relations)
      if negatives == .sum { #expect(approximately(side.item(), 0.497681, within: 1e-6)) }
      for (found, own) in zip(try gradients(of: side.sum(), withRespectTo: [leaf])[0].doubles(), expected) {
        #expect(approximately(found, own, within: 1e-6), "\(negatives)")
      }
    }
  }

  @Test("TAL lies between TRL and TRL + 2 tau log(negatives), and tends to it")
  func tripletAlignmentBounds() throws {
    let fixture = VectorFixture(5, negatives: 1, seed: 31)
    for temperature in [0.3, 0.05, 1e-6] {
      let smooth = try fixture.values(TripletAlignmentLoss(margin: 1, temperature: temperature))
      let hardest = try fixture.values(TripletAlignmentLoss(margin: 1, temperature: temperature, negatives: .hardest))
      for (a, b) in zip(smooth, hardest) {
        #expect(a >= b - 1e-12 && a <= b + temperature * (logarithm(9) + logarithm(4)) + 1e-12)
        if temperature == 1e-6 { #expect(approximately(a, b, within: 1e-4)) }
      }
    }
    #expect(throws: LossError.self) { try VectorFixture(1).values(TripletAlignmentLoss()) }
  }

  // MARK: - SuSana

  @Test("Proto-Triplet: the card's prototypes")
  func protoTriplet() {
    let values = ProtoTripletLoss.values(
      Tensor([0.5, 0, 1.1, 0, 0, 1.9], shape: [3, 2]), classes: [0, 0, 2],
      prototypes: Tensor([0.0, 0, 2, 0, 0, 2], shape: [3, 2]), margin: 0.5
    ).doubles()
    for (found, expected) in zip(values, [0, 0.7, 0]) { #expect(approximately(found, expected, within: 2e-6)) }
    #expect(approximately(values.reduce(0, +) / 3, 0.233333, within: 1e-6))
  }

  @Test("Proto-Triplet in an episode: the first documents of a class make its prototype, the others are classified")
  func episodes() throws {
    func sample(_ qid: String, _ count: Int) -> TrainingSample {
      .listwise(qid: qid, documents: (0..<count).map { LabelledDocument(docno: "\(qid)\($0)", label: 1, isPositive: true) })
    }
    // Prototypes (0, 0), (2, 0) of two shots each, one document each to classify.
    let fixture = VectorFixture(
      queries: [[9, 9], [9, 9]], documents: [[[0.5, 0], [-0.5, 0], [1.1, 0]], [[2, 1], [2, -1], [1.5, 0]]],
      samples: [sample("a", 3), sample("b", 3)])
    let values = try fixture.values(ProtoTripletLoss(margin: 0.5, shots: 2))
    #expect(approximately(values[0], 1.1 - 0.9 + 0.5, within: 1e-5) && approximately(values[1], 0, within: 1e-12))
    #expect(throws: LossError.self) { try fixture.values(ProtoTripletLoss(shots: 3)) }
    var one = fixture
    one.samples = [sample("a", 3), sample("a", 3)]
    #expect(throws: LossError.self) { try one.values(ProtoTripletLoss(shots: 2)) }
    // Retrieval: the query against the means of the relevant documents.
    let pairs = VectorFixture(
      queries: [[0.5, 0], [1.1, 0], [0, 1.9]], documents: [[[0, 0], [5, 5]], [[2, 0], [5, 5]], [[0, 2], [5, 5]]],
      samples: (0..<3).map { .pairwise(qid: "q\($0)", positive: "p\($0)", negatives: ["n"]) })
    let retrieval = try pairs.values(ProtoTripletLoss())
    #expect(approximately(retrieval[0], 0, within: 1e-9) && approximately(retrieval[1], 0.9 - 1.1 + 0.5, within: 1e-5))
  }

  @Test("Prototypical: cross-entropy over squared distances, by hand; gradients; prototypes as Proto-Triplet has them")
  func prototypical() throws {
    // Prototypes (0, 0), (2, 0); points (1.1, 0) of class 0 and (1.5, 0) of class 1; temperature 2.
    func sample(_ qid: String) -> TrainingSample {
      .listwise(qid: qid, documents: (0..<3).map { LabelledDocument(docno: "\(qid)\($0)", label: 1, isPositive: true) })
    }
    let fixture = VectorFixture(
      queries: [[9, 9], [9, 9]], documents: [[[0.5, 0], [-0.5, 0], [1.1, 0]], [[2, 1], [2, -1], [1.5, 0]]],
      samples: [sample("a"), sample("b")])
    let loss = try PrototypicalLoss(temperature: 2, shots: 2)
    let values = try fixture.values(loss)
    #expect(approximately(values[0], logarithm(1 + exponential((1.21 - 0.81) / 2)), within: 1e-6))
    #expect(approximately(values[1], logarithm(1 + exponential((0.25 - 2.25) / 2)), within: 1e-6))
    try expectGradients([fixture.documents]) {
      try loss.perSample(
        EmbeddingInput(SampleEmbeddings(queries: fixture.queries, documents: $0[0]), samples: fixture.samples))
    }
    try expectGradients([fixture.documents]) {
      try ProtoTripletLoss(shots: 2).perSample(
        EmbeddingInput(SampleEmbeddings(queries: fixture.queries, documents: $0[0]), samples: fixture.samples))
    }
    // Retrieval: each query against the means of the relevant documents.
    let pairs = VectorFixture(
      queries: [[0.5, 0], [1.1, 0]], documents: [[[0, 0], [5, 5]], [[2, 0], [5, 5]]],
      samples: (0..<2).map { .pairwise(qid: "q\($0)", positive: "p\($0)", negatives: ["n"]) })
    let retrieval = try pairs.values(PrototypicalLoss())
    #expect(approximately(retrieval[0], logarithm(1 + exponential(0.25 - 2.25)), within: 1e-6))
    #expect(throws: LossError.notPositive(parameter: "temperature", found: 0)) { try PrototypicalLoss(temperature: 0) }
    #expect(throws: LossError.notPositive(parameter: "shots", found: 0)) { try PrototypicalLoss(shots: 0) }
    #expect(throws: LossError.self) { try fixture.values(PrototypicalLoss(shots: 3)) }
    let single = VectorFixture(
      queries: [[0, 0], [1, 1]], documents: [[[0, 0]], [[1, 1]]],
      samples: (0..<2).map { .pointwise(qid: "q\($0)", docno: "d", label: 1, isPositive: true) })
    #expect(throws: LossError.self) { try single.values(PrototypicalLoss()) }
  }

  @Test("Batches that are no episode: one class, a class without a positive; each loss says which")
  func noEpisodes() throws {
    func documents(_ qid: String, positive: Bool) -> [LabelledDocument] {
      (0..<2).map { LabelledDocument(docno: "\(qid)\($0)", label: positive ? 1 : 0, isPositive: positive) }
    }
    let vectors: [[[Double]]] = [[[0, 0], [1, 0]], [[2, 0], [2, 1]]]
    let one = VectorFixture(
      queries: [[0, 0], [1, 1]], documents: vectors,
      samples: (0..<2).map { _ in .listwise(qid: "a", documents: documents("a", positive: true)) })
    let oneClass = "a batch of one query has no other class to compare with; use larger batches"
    let losses: [(name: String, loss: any EmbeddingLoss)] = [
      ("ProtoTripletLoss", try ProtoTripletLoss()), ("PrototypicalLoss", try PrototypicalLoss()),
      ("ICNNLoss", ICNNLoss(try ICNNScore(k: 1))),
    ]
    for (name, loss) in losses {
      #expect(throws: LossError.episode(loss: name, reason: oneClass)) { try one.values(loss) }
    }
    let silent = VectorFixture(
      queries: [[0, 0], [1, 1]], documents: vectors,
      samples: [
        .listwise(qid: "a", documents: documents("a", positive: true)),
        .listwise(qid: "b", documents: documents("b", positive: false)),
      ])
    let noPositive = "query b has no positive document to make a prototype of"
    for (name, loss) in losses.prefix(2) {
      #expect(throws: LossError.episode(loss: name, reason: noPositive)) { try silent.values(loss) }
    }
    // Where every target counts as a neighbour, gamma is 1, as in the code.
    let few = try ICNNScore(k: 4).value(Tensor([0.0, 0, 1, 0, 3, 0], shape: [3, 2]), labels: [0, 0, 1])
    #expect(few.gamma == 1)
    // A batch of one candidate a query has no hard pair of another query.
    let margins = VectorFixture(
      queries: [[1, 0]], documents: [[[0.6, 0.8]]], samples: [.pointwise(qid: "a", docno: "d", label: 1, isPositive: true)])
    #expect(approximately(try margins.values(ThresholdConsistentMarginLoss())[0], 0.9 - 0.6, within: 1e-12))
  }

  static let points: [(name: String, points: [[Double]], same: Double, different: Double, gamma: Double, score: Double)] = [
    ("separated", [[0, 0], [0.1, 0], [0, 0.12], [3, 3], [3.1, 3], [3, 3.15]], 0.968042, 1, 1, 0.992010),
    ("touching", [[0, 0], [1, 0], [0, 1.3], [1.6, 0.2], [2.7, 0.1], [1.7, 1.9]], 0.146355, 0.661567, 0.666667, 0.535314),
    ("mixed", [[0, 0], [3, 3], [0.2, 0.1], [0.1, 0.3], [3.1, 3.05], [3, 3.2]], 0.097875, 0.673284, 0.333333, 0.359456),
  ]

  @Test("ICNN: the card's three sets of points, and what does not change the score", arguments: 0..<3)
  func icnn(number: Int) throws {
    let (_, points, same, different, gamma, expected) = Self.points[number]
    func score(_ points: [[Double]], _ labels: [Int]) throws -> ICNNScore.Value {
      try ICNNScore(k: 2).value(Tensor(points.flatMap { $0 }, shape: [points.count, 2]), labels: labels)
    }
    let labels = [0, 0, 0, 1, 1, 1]
    let value = try score(points, labels)
    #expect(approximately(value.lambdaSame.item(), same, within: 1e-5))
    #expect(approximately(value.lambdaDifferent.item(), different, within: 1e-5))
    #expect(approximately(value.gamma, gamma, within: 1e-6))
    #expect(approximately(value.score.item(), expected, within: 1e-5))
    // As a loss of an episode of two classes.
    let episode = VectorFixture(
      queries: [[9, 9], [9, 9]], documents: [Array(points[..<3]), Array(points[3...])],
      samples: ["a", "b"].map { qid in
        .listwise(qid: qid, documents: (0..<3).map { LabelledDocument(docno: "\(qid)\($0)", label: 1, isPositive: true) })
      })
    for found in try episode.values(ICNNLoss(ICNNScore(k: 2), isEpisodic: true)) {
      #expect(approximately(found, [0.008022, 0.624902, 1.023162][number], within: 3e-5))
    }
    if number < 2 {
      let score = try ICNNScore(k: 2, usesOmega: true)
      let third = try score.value(Tensor(points.flatMap { $0 }, shape: [6, 2]), labels: labels).score.item()
      #expect(approximately(third, [0.994657, 0.650951][number], within: 1e-5))
    }
    // Ten times as large, turned by 30 degrees, moved, with other names for the classes.
    let (c, s) = (0.8660254037844386, 0.5)
    let moved = points.map { [10 * (c * $0[0] - s * $0[1]) + 4, 10 * (s * $0[0] + c * $0[1]) - 7] }
    #expect(approximately(try score(moved, [5, 5, 5, 2, 2, 2]).score.item(), value.score.item(), within: 1e-4))
    let turned = points.map { [c * $0[0] - s * $0[1] + 4, s * $0[0] + c * $0[1] - 7] }
    #expect(approximately(try score(turned, labels).score.item(), value.score.item(), within: 1e-10))
    // Gradients where no neighbour changes: moved a little, since the last set has two neighbours of one point equally far.
    let apart = points.enumerated().flatMap { [$1[0] + 0.007 * Double($0 % 3), $1[1] + 0.004 * Double(($0 + 1) % 4)] }
    let x = Tensor(apart, shape: [6, 2])
    for omega in [false, true] {
      let icnn = try ICNNScore(k: 2, usesOmega: omega)
      try expectGradients([x]) { try -icnn.value($0[0], labels: labels).score.log() }
    }
  }

  @Test("ICNN of points that cannot have one is an error")
  func icnnErrors() throws {
    let points = Tensor([0.0, 0, 1, 1, 2, 2], shape: [3, 2])
    #expect(throws: LossError.self) { try ICNNScore().value(points, labels: [1, 1, 1]) }
    #expect(throws: LossError.self) { try ICNNScore().value(points.slice(axis: 0, from: 0, to: 2), labels: [0, 1]) }
    #expect(throws: LossError.notPositive(parameter: "k", found: 0)) { try ICNNScore(k: 0) }
    #expect(throws: LossError.self) { try ICNNScore(k: 4, depth: 3) }
    let broken = Tensor([0.0, 0, 1, .nan, 2, 2], shape: [3, 2])
    #expect(throws: LossError.episode(loss: "ICNN", reason: "a vector is not finite")) {
      try ICNNScore(k: 1).value(broken, labels: [0, 1, 0])
    }
    // Identical points of different classes: told by their labels.
    let same = Tensor([0.0, 0, 0, 0, 1, 1], shape: [3, 2])
    #expect(try ICNNScore(k: 1).value(same, labels: [0, 1, 0]).score.item().isFinite)
  }

  @Test("Episodes: different classes, shots before queries, the same ones after a resume")
  func episodicSampler() throws {
    var qrels = Qrels()
    for topic in 0..<6 {
      for document in 0..<(topic == 5 ? 2 : 5) { qrels.judge(qid: "t\(topic)", docno: "\(topic)-\(document)", grade: 1) }
    }
    var sampler = try EpisodicSampler(qrels: qrels, ways: 3, shots: 1, queries: 2, seed: 4)
    #expect(sampler.skippedClasses == 1 && sampler.samplesPerPass == 6)
    var seen: Set<String> = []
    for _ in 0..<20 {
      let episode = try sampler.next(3)
      #expect(Set(episode.map(\.qid)).count == 3)
      for sample in episode {
        #expect(sample.documents.count == 3 && Set(sample.documents.map(\.docno)).count == 3)
        #expect(sample.documents.allSatisfy { $0.isPositive && $0.docno.hasPrefix(String(sample.qid.dropFirst())) })
        seen.formUnion(sample.documents.map(\.docno))
      }
    }
    #expect(seen.count == 25)
    var resumed = try EpisodicSampler(qrels: qrels, ways: 3, shots: 1, queries: 2, seed: 4)
    try resumed.resume(from: sampler.resumeState)
    let (ahead, expected) = (try resumed.next(4), try sampler.next(4))
    #expect(ahead == expected)
    var other = try EpisodicSampler(qrels: qrels, ways: 3, shots: 2, queries: 2, seed: 4)
    #expect(throws: SamplerError.self) { try other.resume(from: sampler.resumeState) }
    #expect(throws: SamplerError.episodeBelow(name: "ways", found: 1, least: 2)) {
      try EpisodicSampler(qrels: qrels, ways: 1, shots: 1, queries: 1, seed: 4)
    }
    #expect(throws: SamplerError.self) { try EpisodicSampler(qrels: qrels, ways: 6, shots: 1, queries: 2, seed: 4) }
  }
}
