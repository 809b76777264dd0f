import GradusCore
import GradusTensor
@testable import GradusTrain
import Testing

@Suite("Differentiable sorting and group ordering")
struct SortingNetworkTests {
  @Test("The card's soft permutation and losses")
  func workedNumbers() throws {
    let network = try DifferentiableSortingNetwork(size: 3)
    let (_, permutation) = network(Tensor([0.2, 0.6, 0.8], shape: [1, 3]))
    let expected = [0.454366, 0.396964, 0.148670, 0.378248, 0.378030, 0.243723, 0.167386, 0.225007, 0.607607]
    for (found, value) in zip(permutation.doubles(), expected) { #expect(approximately(found, value, within: 1e-6)) }

    func share(ofRanksFrom first: Int, _ values: [Double], steepness: Double = 1) throws -> [Double] {
      let network = try DifferentiableSortingNetwork(size: values.count, steepness: steepness)
      return network(Tensor(values, shape: [1, values.count])).permutation
        .slice(axis: 2, from: first, to: values.count).sum(axes: [2]).doubles()
    }
    for (values, first, steepness, shares) in [
      ([0.2, 0.6, 0.8], 2, 100, [0.000125, 0.015529, 0.984346]),
      ([0.2, 0.6, 0.3, 0.8], 2, 1, [0.319416, 0.386699, 0.603796, 0.690088]), ([0.1, 0.9], 1, 1, [1 - 0.714777, 0.714777]),
    ] as [([Double], Int, Double, [Double])] {
      for (found, value) in zip(try share(ofRanksFrom: first, values, steepness: steepness), shares) {
        #expect(approximately(found, value, within: 1e-6))
      }
    }

    func loss(_ positives: [Double], _ negatives: [Double], kept: Int, steepness: Double = 1) throws -> Double {
      let sample = list(positives.map { _ in 1 } + negatives.map { _ in 0 })
      return try perSample(try GroupOrderingLoss(negatives: kept, steepness: steepness), [positives + negatives], [sample])[0]
    }
    #expect(approximately(try loss([0.9], [0.1], kept: 1), 0.335785))
    #expect(approximately(try loss([0.1], [0.9], kept: 1), 1.254483))
    #expect(approximately(try loss([0.4], [0.4], kept: 1), 0.693147))
    #expect(approximately(try loss([0.8], [0.6, 0.2, -0.1], kept: 2), 0.312843))
    #expect(approximately(try loss([0.8], [0.6, 0.2, -0.1], kept: 2, steepness: 100), 0.010518))
    #expect(approximately(try loss([0.8, 0.3], [0.6, 0.2, -0.1], kept: 2), 0.437290))
    // The best that cosines can do.
    #expect(approximately(try loss([1], [-1], kept: 1), 0.159680))
    // A constant, and the order within a group, change nothing.
    #expect(approximately(try loss([0.3, 0.8], [-0.1, 0.2, 0.6], kept: 2), 0.437290))
    #expect(approximately(try loss([1.8, 1.3], [1.6, 1.2, 0.9], kept: 2), 0.437290))
    // A list with nothing to order.
    #expect(try loss([0.3, 0.4], [], kept: 2) == 0)
  }

  @Test("Both networks sort where the steepness is large", arguments: DifferentiableSortingNetwork.CDF.allCases)
  func sorts(cdf: DifferentiableSortingNetwork.CDF) throws {
    var generator = SeededGenerator(seed: 2)
    let values = Tensor.normal([5, 8], type: .float64, using: &generator)
    let expected = values.sorted()
    for kind in DifferentiableSortingNetwork.Kind.allCases {
      let (sorted, permutation) = try DifferentiableSortingNetwork(size: 8, kind: kind, cdf: cdf, steepness: 1e12)(values)
      for (found, value) in zip(sorted.doubles(), expected.values.doubles()) {
        #expect(approximately(found, value, within: 1e-8))
      }
      // Input i ends at its rank.
      let ranks = expected.indices.indices()
      let matrix = permutation.doubles()
      for row in 0..<5 {
        for rank in 0..<8 {
          #expect(approximately(matrix[row * 64 + Int(ranks[row * 8 + rank]) * 8 + rank], 1, within: 1e-8))
        }
      }
    }
  }

  @Test("The permutation is doubly stochastic, and the sum of the values stays", arguments: [1, 2, 3, 5, 8, 16])
  func doublyStochastic(size: Int) throws {
    var generator = SeededGenerator(seed: 9)
    let values = Tensor.normal([3, size], type: .float64, using: &generator)
    let kinds: [DifferentiableSortingNetwork.Kind] = size & (size - 1) == 0 ? [.oddEven, .bitonic] : [.oddEven]
    for kind in kinds {
      for cdf in DifferentiableSortingNetwork.CDF.allCases {
        let (sorted, permutation) = try DifferentiableSortingNetwork(size: size, kind: kind, cdf: cdf, steepness: 3)(values)
        for axis in [1, 2] {
          for sum in permutation.sum(axes: [axis]).doubles() { #expect(approximately(sum, 1, within: 1e-12)) }
        }
        for (a, b) in zip(sorted.sum(axes: [1]).doubles(), values.sum(axes: [1]).doubles()) {
          #expect(approximately(a, b, within: 1e-12))
        }
        // The sorted values are the permutation's mixture of the inputs.
        let mixed = (permutation * values.expandingDims(at: 2)).sum(axes: [1]).doubles()
        for (a, b) in zip(sorted.doubles(), mixed) { #expect(approximately(a, b, within: 1e-12)) }
      }
    }
  }

  @Test("Gradients agree with finite differences")
  func gradientsOfNetworks() throws {
    var generator = SeededGenerator(seed: 4)
    let values = Tensor.normal([2, 4], type: .float64, using: &generator)
    for kind in DifferentiableSortingNetwork.Kind.allCases {
      for cdf in DifferentiableSortingNetwork.CDF.allCases {
        let network = try DifferentiableSortingNetwork(size: 4, kind: kind, cdf: cdf, steepness: 2)
        try expectGradients([values], "\(kind) \(cdf)") { network($0[0]).permutation }
        try expectGradients([values], "\(kind) \(cdf)") { network($0[0]).sorted }
      }
    }
    let scores = Tensor.normal([3, 5], type: .float64, using: &generator)
    let samples = [list([1, 0, 0, 0, 0], qid: "a"), list([0, 1, 1, 0, 0], qid: "b"), list([0, 0, 0, 0, 1], qid: "c")]
    for negatives in [1, 3, 10] {
      let loss = try GroupOrderingLoss(negatives: negatives)
      try expectGradients([scores]) { try loss.perSample(LossInput(scores: $0[0], samples: samples)) }
    }
  }

  @Test("In a batch only the queries learn where gradients are stopped")
  func stopsGradient() throws {
    let fixture = VectorFixture(3, negatives: 1)
    for stops in [false, true] {
      let leaves = [fixture.queries.tracked(), fixture.documents.tracked()]
      let loss = InBatchGroupOrderingLoss(try GroupOrderingLoss(), stopsGradient: stops)
      let values = try loss.perSample(fixture.input(leaves[0], leaves[1]))
      let found = try gradients(of: values.sum(), withRespectTo: leaves)
      #expect(found[0].doubles().contains { $0 != 0 })
      #expect(found[1].doubles().contains { $0 != 0 } == !stops)
    }
  }

  @Test("Views: every one is the anchor once, negatives are the other samples in its own view")
  func views() throws {
    var generator = SeededGenerator(seed: 6)
    let views = (0..<3).map { _ in Tensor.normal([4, 3], type: .float64, using: &generator) }
    let loss = try GroupOrderingLoss(negatives: 2)
    let units = views.map { $0.normalized().doubles() }
    func cosine(_ a: (view: Int, row: Int), _ b: (view: Int, row: Int)) -> Double {
      (0..<3).reduce(0) { $0 + units[a.view][a.row * 3 + $1] * units[b.view][b.row * 3 + $1] }
    }
    let found = try loss.perSample(views: views).doubles()
    for row in 0..<4 {
      let terms = try (0..<3).map { view -> Double in
        let positives = (0..<3).filter { $0 != view }.map { cosine((view, row), ($0, row)) }
        let negatives = (0..<4).filter { $0 != row }.map { cosine((view, row), (view, $0)) }
        let sample = list(positives.map { _ in 1 } + negatives.map { _ in 0 })
        return try perSample(loss, [positives + negatives], [sample])[0]
      }
      #expect(approximately(found[row], terms.reduce(0, +) / 3, within: 1e-12))
    }
    // Stopped gradients are another direction, of the same value; without them it is that of the value.
    #expect(try loss.perSample(views: views, stopsGradient: false).doubles() == found)
    try expectGradients(views) { try loss.perSample(views: $0, stopsGradient: false) }
    func gradient(stops: Bool) throws -> [Double] {
      let leaves = views.map { $0.tracked() }
      return try gradients(of: loss.perSample(views: leaves, stopsGradient: stops).sum(), withRespectTo: leaves)[0].doubles()
    }
    #expect(try gradient(stops: true) != gradient(stops: false))
    #expect(throws: LossError.parameter("views", found: 1, expected: "at least 2")) { try loss.perSample(views: [views[0]]) }
    #expect(throws: LossError.self) { try loss.perSample(views: [views[0], views[0].slice(axis: 0, from: 0, to: 2)]) }
    #expect(throws: LossError.self) { try loss.perSample(views: views.map { $0.slice(axis: 0, from: 0, to: 1) }) }
  }

  @Test("Networks that cannot be are refused")
  func errors() throws {
    #expect(throws: LossError.self) { try DifferentiableSortingNetwork(size: 6, kind: .bitonic) }
    #expect(throws: LossError.self) { try DifferentiableSortingNetwork(size: 129) }
    #expect(throws: LossError.networkSize(0, expected: "at least 1")) { try DifferentiableSortingNetwork(size: 0) }
    #expect(throws: LossError.notPositive(parameter: "steepness", found: 0)) {
      try DifferentiableSortingNetwork(size: 4, steepness: 0)
    }
    #expect(throws: LossError.notPositive(parameter: "negatives", found: 0)) { try GroupOrderingLoss(negatives: 0) }
  }
}
