import GradusCore
import GradusTensor
@testable import GradusTrain
import Testing

@Suite("Contrastive losses")
struct ContrastiveLossTests {
  /// Two queries at right angles, the positives at known cosines.
  static let plain = VectorFixture(
    queries: [[1, 0], [0, 1]], documents: [[[0.8, 0.6], [0, 1]], [[0.6, 0.8], [1, 0]]],
    samples: [.pairwise(qid: "a", positive: "a+", negatives: ["a-"]), .pairwise(qid: "b", positive: "b+", negatives: ["b-"])])

  @Test("InfoNCE by hand: own and other samples' documents compete")
  func infoNCE() throws {
    // Cosines of query a: a+ .8, a- 0, b+ .6, b- 1; of query b: a+ .6, a- 1, b+ .8, b- 0. At temperature 1:
    // log(e^.8 + e^0 + e^.6 + e^1) - .8 for both.
    let expected = 1.249748
    let values = try Self.plain.values(InfoNCELoss(temperature: 1))
    #expect(approximately(values[0], expected) && approximately(values[1], expected))
    // Own negatives alone: log(1 + e^-.8).
    #expect(approximately(try Self.plain.values(InfoNCELoss(temperature: 1, negatives: .own))[0], 0.371101))
    // Two directions: a+ chooses between query a (.8) and query b (.6): log(1 + e^-.2) = 0.598139.
    let both = try Self.plain.values(InfoNCELoss(temperature: 1, directions: .both))
    #expect(approximately(both[0], (expected + 0.598139) / 2, within: 1e-6))
  }

  @Test("DSSM's worked numbers: gamma 10 is a temperature of 0.1")
  func dssm() throws {
    // Cosines .8, .5, .3, .1, 0 against the query (1, 0).
    let cosines = [0.8, 0.5, 0.3, 0.1, 0]
    let fixture = VectorFixture(
      queries: [[1, 0]], documents: [cosines.map { [$0, (1 - $0 * $0).squareRoot()] }],
      samples: [.pairwise(qid: "q", positive: "0", negatives: ["1", "2", "3", "4"])])
    #expect(approximately(try fixture.values(InfoNCELoss(temperature: 0.1))[0], 0.056165))
  }

  @Test("With one negative of its own and a batch of one it is pairwise softmax cross-entropy, to the bit")
  func pairwiseIdentity() throws {
    let fixture = VectorFixture(1, negatives: 1)
    let loss = try InfoNCELoss(temperature: 0.5, similarity: .dot)
    let scores = (fixture.queries.expandingDims(at: 1) * fixture.documents).sum(axes: [2]) / 0.5
    let pair = try PairwiseCrossEntropyLoss().perSample(LossInput(scores: scores, samples: fixture.samples)).doubles()
    for negatives in InfoNCELoss.Negatives.allCases {
      let own = try InfoNCELoss(temperature: 0.5, similarity: .dot, negatives: negatives)
      #expect(approximately(try fixture.values(own)[0], pair[0], within: 1e-14))
    }
    #expect(loss.couplesSamples)
    #expect(try !InfoNCELoss(negatives: .own).couplesSamples)
  }

  @Test("No relevant document is a negative: another sample's positive, the judgements', and no document twice")
  func falseNegatives() throws {
    var samples: [TrainingSample] = [
      .pairwise(qid: "a", positive: "x", negatives: ["n"]), .pairwise(qid: "b", positive: "x", negatives: ["m"]),
      .pairwise(qid: "a", positive: "y", negatives: ["n"]), .pairwise(qid: "c", positive: "z", negatives: ["w"]),
    ]
    var qrels = Qrels()
    qrels.judge(qid: "c", docno: "y", grade: 1)
    qrels.judge(qid: "c", docno: "m", grade: 0)
    let rows = BatchRelations(samples, qrels: qrels).rows
    // Columns: x n | x m | y n | z w.
    #expect(rows[0] == [.relevant, .negative, .ignored, .negative, .relevant, .ignored, .negative, .negative])
    #expect(rows[1] == [.ignored, .negative, .relevant, .negative, .negative, .ignored, .negative, .negative])
    #expect(rows[2] == [.relevant, .ignored, .ignored, .negative, .relevant, .negative, .negative, .negative])
    #expect(rows[3] == [.negative, .negative, .ignored, .negative, .relevant, .ignored, .relevant, .negative])
    #expect(BatchRelations(samples, qrels: nil).rows[3][4] == .negative)

    // The value is that of the negatives that are left: taking the masked documents elsewhere changes nothing.
    var fixture = VectorFixture(4, negatives: 1, seed: 8)
    fixture.samples = samples
    let loss = try InfoNCELoss(temperature: 0.3)
    let value = try fixture.values(loss, qrels: qrels)[0]
    var moved = fixture.documents.doubles()
    for column in [2, 4, 5] { for place in 0..<4 { moved[column * 4 + place] = Double(place) - 1.3 * Double(column) } }
    let other = try loss.perSample(fixture.input(nil, Tensor(moved, shape: [4, 2, 4]), qrels: qrels)).doubles()[0]
    #expect(approximately(value, other, within: 1e-13))

    // From documents to queries: x is relevant for a and b, so that only c is a choice beside its own query.
    let input = try fixture.input(qrels: qrels)
    #expect((0..<4).map { input.isNegative(document: 0, query: $0, input.relations) } == [false, false, false, true])
    #expect((0..<4).map { input.isNegative(document: 3, query: $0, input.relations) } == [true, true, false, false])
    samples.swapAt(0, 3)
    #expect(BatchRelations(samples, qrels: qrels).rows[3].count { $0 == .negative } == 4)
  }

  @Test("GISTEmbed leaves out what its guide finds more alike than the positive")
  func gist() throws {
    let fixture = VectorFixture(3, negatives: 1)
    // A guide that finds everything at right angles but for the positives: nothing is left out but by the judgements.
    func guide(_ queries: [[Double]], _ documents: [[[Double]]]) -> SampleEmbeddings {
      let made = VectorFixture(queries: queries, documents: documents, samples: fixture.samples)
      return SampleEmbeddings(queries: made.queries, documents: made.documents)
    }
    let axes = (0..<6).map { axis in (0..<6).map { $0 == axis ? 1.0 : 0 } }
    let permissive = guide(Array(axes[0..<3]), (0..<3).map { [axes[$0], axes[$0 + 3]] })
    let loss = try GISTEmbedLoss(temperature: 0.5)
    let all = try fixture.values(loss, guide: permissive)
    // By hand: documents, queries and positives of the others, each once.
    let q = fixture.queries.normalized(), d = fixture.documents.reshaped(to: [6, 4]).normalized()
    let positives = d.indexSelect(Tensor(indices: [0, 2, 4], shape: [3]))
    let toDocuments = matmul(q, d, transposeB: true).doubles(), among = matmul(q, q, transposeB: true).doubles()
    let amongPositives = matmul(positives, positives, transposeB: true).doubles()
    for row in 0..<3 {
      var terms = (0..<6).map { toDocuments[row * 6 + $0] }
      for other in 0..<3 where other != row { terms += [among[row * 3 + other], amongPositives[row * 3 + other]] }
      let sum = terms.reduce(0.0) { $0 + exponential($1 / 0.5) }
      #expect(approximately(all[row], logarithm(sum) - toDocuments[row * 6 + row * 2] / 0.5, within: 1e-12))
    }
    // A guide that takes the first sample's own negative for its positive.
    let strict = guide(Array(axes[0..<3]), [[[0.9, 0, 0, 0.1, 0, 0], axes[0]], [axes[1], axes[4]], [axes[2], axes[5]]])
    let fewer = try fixture.values(loss, guide: strict)
    let dropped = exponential(all[0]) - exponential((toDocuments[1] - toDocuments[0]) / 0.5)
    #expect(approximately(fewer[0], logarithm(dropped), within: 1e-12))
    #expect(approximately(fewer[1], all[1], within: 1e-12))
    // With a margin of more than 1 nothing but the positive is left.
    #expect(try fixture.values(GISTEmbedLoss(margin: 1.5), guide: permissive).allSatisfy { approximately($0, 0, within: 1e-12) })
    #expect(throws: LossError.guideNeeded(loss: "GISTEmbedLoss")) { try fixture.values(loss) }
  }

  @Test("Matryoshka: one full length is the base; lengths add up with their weights; none is longer than the vectors")
  func matryoshka() throws {
    let fixture = VectorFixture()
    let base = try InfoNCELoss(temperature: 0.2)
    #expect(try fixture.values(MatryoshkaLoss(base, dimensions: [4])) == fixture.values(base))
    let cut = try base.perSample(fixture.input().truncated(to: 2)).doubles()
    let both = try fixture.values(MatryoshkaLoss(base, dimensions: [4, 2], weights: [1, 0.5]))
    for (found, parts) in zip(both, zip(try fixture.values(base), cut)) {
      #expect(approximately(found, parts.0 + 0.5 * parts.1, within: 1e-13))
    }
    #expect(try fixture.input().truncated(to: 2).queries.doubles()[2...3] == fixture.queries.doubles()[4...5])
    #expect(throws: LossError.dimension(asked: 5, found: 4)) { try fixture.values(MatryoshkaLoss(base, dimensions: [4, 5])) }
    #expect(throws: LossError.self) { try MatryoshkaLoss(base, dimensions: []) }
    #expect(throws: LossError.self) { try MatryoshkaLoss(base, dimensions: [4, 2], weights: [1]) }
  }

  @Test("Cosine similarity, contrastive and triplet by hand")
  func distances() throws {
    // Cosines .8 and 0 with labels 1 and 0: (.04 + 0) / 2.
    #expect(approximately(try Self.plain.values(CosineSimilarityLoss())[0], 0.02, within: 1e-12))
    // Distances .2 and 1: (.2^2 + max(0, .5 - 1)^2) / 2 / 2 = .01; margin 1.5: (.04 + .25) / 4.
    #expect(approximately(try Self.plain.values(ContrastiveLoss())[0], 0.01, within: 1e-12))
    #expect(approximately(try Self.plain.values(ContrastiveLoss(margin: 1.5))[0], 0.0725, within: 1e-12))
    // Cosine distances .2 and 1; Euclidean sqrt(.4) and sqrt(2); Manhattan .8 and 2.
    #expect(approximately(try Self.plain.values(TripletLoss(distance: .cosine, margin: 1))[0], 0.2, within: 1e-12))
    #expect(approximately(try Self.plain.values(TripletLoss(distance: .euclidean, margin: 5))[0], 4.218242, within: 1e-6))
    #expect(approximately(try Self.plain.values(TripletLoss(distance: .manhattan, margin: 2))[0], 0.8, within: 1e-12))
    // Limits: no loss where the margin is kept; margin + difference where it is far from kept.
    #expect(try Self.plain.values(TripletLoss(distance: .cosine, margin: 0.7)) == [0, 0])
    #expect(approximately(try Self.plain.values(TripletLoss(distance: .cosine, margin: 100))[0], 99.2, within: 1e-12))
    var labelled = Self.plain
    labelled.samples = [.pairwise(qid: "a", positive: ("a+", 3), negatives: [("a-", 0)]), Self.plain.samples[1]]
    #expect(throws: LossError.documentLabel(
      loss: "CosineSimilarityLoss", qid: "a", docno: "a+", label: 3, expected: "from -1.0 to 1.0")) {
      try labelled.values(CosineSimilarityLoss())
    }
  }

  @Test("CoSENT and AnglE by hand")
  func pairOrder() throws {
    // Cosines .8, 0 (a) and .8, 0 (b), labels 1, 0, 1, 0: four pairs in order, each exp(0 - .8).
    let expected = logarithm(1 + 4 * exponential(-0.8))
    for value in try Self.plain.values(CoSENTLoss(scale: 1)) { #expect(approximately(value, expected, within: 1e-12)) }
    // All labels equal: log 1.
    var flat = Self.plain
    flat.samples = flat.samples.map { $0.labelled([1, 1]) }
    #expect(try flat.values(CoSENTLoss()) == [0, 0])
    // q = 1 + 0i; d = .8 + .6i: re .8, im -.6 over 1: |.2|; d = 0 + 1i: re 0, im -1: |-1|.
    let angles = try AnglELoss().similarities(Self.plain.input()).doubles()
    #expect(approximately(angles[0], 0.2, within: 1e-12) && approximately(angles[1], 1, within: 1e-12))
    // Lengths do not matter.
    let longer = try AnglELoss().similarities(Self.plain.input(Self.plain.queries * 3, Self.plain.documents * 0.5)).doubles()
    for (first, second) in zip(angles, longer) { #expect(approximately(first, second, within: 1e-12)) }
    let odd = VectorFixture(dimension: 3)
    #expect(throws: LossError.oddDimension(loss: "AnglELoss", found: 3)) { try odd.values(AnglELoss()) }
  }

  /// Every loss over vectors that the names know, with a guide where one is asked.
  static let names = LossNames.entries.filter { $0.model == .vectors }.map { entry in
    entry.name == "matryoshka" ? "matryoshka(dims=4/2)" : entry.name
  }

  @Test("Gradients of every loss over vectors agree with finite differences in Double", arguments: names)
  func gradientsOfLosses(name: String) throws {
    // Temperatures and margins at which nothing is saturated.
    let settings = [
      "gist": "gist(temperature=0.5)", "tal": "tal(temperature=0.3,margin=2)", "tcm": "tcm(positive=0.95,negative=-0.95)",
      "cosent": "cosent(scale=2)", "angle": "angle(scale=2)", "icnn": "icnn(k=3)", "z-loss-in-batch": "z-loss-in-batch(a=2,b=1)",
    ]
    guard case .vectors(let loss) = try LossNames.named(settings[name] ?? name) else {
      Issue.record("\(name) is no loss over vectors")
      return
    }
    let fixture = VectorFixture(4, negatives: 2, seed: 12)
    let other = VectorFixture(4, negatives: 2, seed: 13)
    let guide = SampleEmbeddings(queries: other.queries, documents: other.documents)
    try expectGradients([fixture.queries, fixture.documents], name) {
      try loss.perSample(fixture.input($0[0], $0[1], guide: guide))
    }
  }

  @Test("The order of the samples changes no sample's value; one that couples nothing does not mind its mates", arguments: names)
  func order(name: String) throws {
    guard case .vectors(let loss) = try LossNames.named(name) else { return }
    let fixture = VectorFixture(5, negatives: 1, seed: 21), other = VectorFixture(5, negatives: 1, seed: 22)
    let guide = SampleEmbeddings(queries: other.queries, documents: other.documents)
    let values = try fixture.values(loss, guide: guide)
    let order = [3, 1, 4, 0, 2]
    let indices = Tensor(indices: order.map(Int32.init), shape: [5])
    var shuffled = fixture
    shuffled.queries = fixture.queries.indexSelect(indices)
    shuffled.documents = fixture.documents.indexSelect(indices)
    shuffled.samples = order.map { fixture.samples[$0] }
    let otherGuide = SampleEmbeddings(
      queries: other.queries.indexSelect(indices), documents: other.documents.indexSelect(indices))
    for (place, value) in try shuffled.values(loss, guide: otherGuide).enumerated() {
      #expect(approximately(value, values[order[place]], within: 1e-10), "\(name)")
    }
    guard !loss.couplesSamples else { return }
    var alone = fixture
    alone.queries = fixture.queries.slice(axis: 0, from: 2, to: 3)
    alone.documents = fixture.documents.slice(axis: 0, from: 2, to: 3)
    alone.samples = [fixture.samples[2]]
    #expect(try alone.values(loss) == [values[2]])
  }

  @Test("Vectors of Float32 that are long, equal or zero leave values and gradients finite", arguments: names)
  func extremes(name: String) throws {
    guard case .vectors(let loss) = try LossNames.named(name) else { return }
    let fixture = VectorFixture(4, negatives: 2, seed: 5)
    let queries = concatenated(
      [fixture.queries.slice(axis: 0, from: 0, to: 2) * 1e4, .zeros([1, 4], type: .float64), .ones([1, 4], type: .float64)])
      .cast(to: .float32).tracked()
    let documents = concatenated(
      [fixture.documents.slice(axis: 0, from: 0, to: 2), .ones([2, 3, 4], type: .float64)]).cast(to: .float32).tracked()
    let guide = SampleEmbeddings(queries: fixture.queries, documents: fixture.documents)
    let values = try loss.perSample(fixture.input(queries, documents, guide: guide))
    let numbers = values.floats()
    #expect(numbers.allSatisfy { $0.isFinite }, "\(name) \(numbers)")
    for gradient in try gradients(of: values.sum(), withRespectTo: [queries, documents]) {
      let numbers = gradient.floats()
      #expect(numbers.allSatisfy { $0.isFinite }, "\(name)")
    }
  }

  @Test("What an input cannot be is an error")
  func errors() throws {
    let fixture = VectorFixture(2)
    #expect(throws: LossError.emptyBatch) {
      try EmbeddingInput(SampleEmbeddings(queries: fixture.queries, documents: fixture.documents), samples: [])
    }
    #expect(throws: LossError.vectorShape(expected: [[2, 4], [2, 3, 4]], found: [[2, 4], [2, 2, 4]])) {
      try fixture.input(nil, fixture.documents.slice(axis: 1, from: 0, to: 2))
    }
    let lists = try EmbeddingInput(
      SampleEmbeddings(queries: fixture.queries.slice(axis: 0, from: 0, to: 1), documents: .zeros([1, 3, 4], type: .float64)),
      samples: [list([1, 0, 0])])
    #expect(throws: LossError.pairsNeeded(loss: "InfoNCELoss", sample: list([1, 0, 0]).id)) {
      try InfoNCELoss().perSample(lists)
    }
    #expect(throws: LossError.notPositive(parameter: "temperature", found: 0)) { try InfoNCELoss(temperature: 0) }
  }
}
