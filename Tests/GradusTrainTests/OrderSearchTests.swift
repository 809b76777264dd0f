import GradusCore
import GradusModels
import GradusTensor
@testable import GradusTrain
import Testing

@Suite("Search over output orders")
struct OrderSearchTests {
  static func ranker() -> SetToSequenceRanker {
    var options = SetToSequenceRanker.Options()
    options.width = 6
    options.processSteps = 2
    return SetToSequenceRanker(inputs: 2, options: options, seed: 3, type: .float64)
  }

  static func features(_ sets: Int, _ count: Int) -> Tensor {
    var generator = SeededGenerator(seed: 4)
    return .normal([sets, count, 2], standardDeviation: 1, type: .float64, using: &generator)
  }

  @Test("Left to right, restricted and renormalised: the worked 0.75, not the 0.625 of the orders themselves")
  func draw() {
    // p(a) = 0.6 and p(b) = 0.2 at the first step; a third element has the rest and is not allowed.
    let logs = [0.6, 0.2].map { Tensor([$0], shape: []).log().item() }
    var stream = SeededGenerator(seed: 1)
    let first = (0..<20_000).count { _ in OrderSearch.draw(logs, using: &stream) == 0 }
    #expect(abs(Double(first) / 20_000 - 0.75) < 0.012)
  }

  @Test("Orders respect the grades, and there are as many as there are")
  func orders() {
    let orders = OrderSearch.orders([0, 1, 2, 3], [1, 2, 1, 2])
    #expect(orders == [[1, 3, 0, 2], [1, 3, 2, 0], [3, 1, 0, 2], [3, 1, 2, 0]])
    #expect(OrderSearch.orders([0, 1, 2], [0, 0, 0]).count == 6)
    #expect(OrderSearch.allowed([0, 2], [1, 3, 1]) == [0, 2] && OrderSearch.allowed([], [1]) == nil)
  }

  @Test("Max finds the most probable order; every other mode writes one that the grades allow")
  func modes() throws {
    let ranker = Self.ranker()
    let features = Self.features(3, 4)
    let grades = [[2.0, 1, 2, 0], [1, 1, 1, 1], [0, 3, 1]]
    func surprise(_ set: Int, _ order: [Int]) throws -> Double {
      -(try ranker.write(features, sizes: grades.map(\.count)) { step, _ in
        grades.indices.map { other in
          let own = other == set ? order : OrderSearch.orders(Set(grades[other].indices), grades[other])[0]
          return step < own.count ? own[step] : 0
        }
      }.logProbability.doubles()[set])
    }
    let all = try grades.indices.map { set in
      try OrderSearch.orders(Set(grades[set].indices), grades[set]).map { try surprise(set, $0) }
    }
    #expect(all.map(\.count) == [2, 24, 1])
    var stream = SeededGenerator(seed: 2)
    let best = try OrderSearch(mode: .max, warmupSteps: 0).losses(ranker, features, grades: grades, step: 0, using: &stream)
    for (found, expected) in zip(best.doubles(), all) { #expect(abs(found - (expected.min() ?? 0)) < 1e-10) }
    let fixed = try OrderSearch(mode: .fixed).losses(ranker, features, grades: grades, step: 0, using: &stream)
    for (found, expected) in zip(fixed.doubles(), all) { #expect(abs(found - expected[0]) < 1e-10) }
    for mode in [OrderSearch.Mode.uniform, .sample] {
      var seen: Set<Int> = []
      for step in 0..<30 {
        let search = try OrderSearch(mode: mode, warmupSteps: 5)
        let losses = try search.losses(ranker, features, grades: grades, step: step, using: &stream)
        for (set, loss) in losses.doubles().enumerated() {
          let place = all[set].firstIndex { abs($0 - loss) < 1e-10 }
          #expect(place != nil)
          if set == 1, let place { seen.insert(place) }
        }
      }
      #expect(seen.count > 5)
    }
  }

  @Test("Samples follow the model where it is sure, and only after the warm-up")
  func follows() throws {
    let ranker = Self.ranker()
    let features = Self.features(1, 2)
    // Train it to write 1 before 0.
    let optimizer = Adam(groups: [ParameterGroup(parameters: ranker.parameters, learningRate: 0.02)])
    for _ in 0..<60 {
      let loss = -(try ranker.write(features) { step, _ in [1 - step] }.logProbability).sum()
      var store = GradientStore()
      let found = try gradients(of: loss, withRespectTo: ranker.parameters.map(\.value))
      for (parameter, gradient) in zip(ranker.parameters, found) { store.add(gradient, for: parameter) }
      optimizer.step(store)
    }
    let search = try OrderSearch(mode: .sample, warmupSteps: 100)
    var stream = SeededGenerator(seed: 6)
    let sure = try ranker.write(features) { step, _ in [1 - step] }.logProbability.item()
    #expect(sure > -0.1)
    func share(step: Int) throws -> Double {
      let hits = try (0..<100).count { _ in
        abs(try search.losses(ranker, features, grades: [[1, 1]], step: step, using: &stream).item() + sure) < 1e-9
      }
      return Double(hits) / 100
    }
    #expect(try share(step: 100) > 0.85)
    #expect(try abs(share(step: 99) - 0.5) < 0.2)
  }

  @Test("What cannot be written or searched is refused")
  func errors() throws {
    let ranker = Self.ranker()
    var stream = SeededGenerator(seed: 1)
    #expect(throws: WeightingError.self) { try OrderSearch(warmupSteps: -1) }
    #expect(throws: WeightingError.tooFew(what: "candidates of a set to write", found: 0, needed: 1)) {
      try OrderSearch().losses(ranker, Self.features(1, 2), grades: [[]], step: 0, using: &stream)
    }
    #expect(throws: WeightingError.self) {
      try OrderSearch(mode: .max, warmupSteps: 0).losses(
        ranker, Self.features(1, 8), grades: [[Double](repeating: 1, count: 8)], step: 0, using: &stream)
    }
  }
}
