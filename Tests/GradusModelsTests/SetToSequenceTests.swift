import GradusCore
@testable import GradusModels
import GradusTensor
import Testing

@Suite("Sets: read, process, write")
struct SetToSequenceTests {
  static func options(
    _ reader: SetToSequenceRanker.Reader = .set, steps: Int = 3, glimpses: Int = 1
  ) -> SetToSequenceRanker.Options {
    var options = SetToSequenceRanker.Options()
    options.reader = reader
    options.width = 8
    options.processSteps = steps
    options.glimpses = glimpses
    return options
  }

  static func features(_ sets: Int, _ count: Int, seed: UInt64 = 5, type: ScalarType = .float64) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    return .normal([sets, count, 3], standardDeviation: 1, type: type, using: &generator)
  }

  /// Probability of an order of the only set.
  static func probability(_ ranker: SetToSequenceRanker, _ features: Tensor, _ order: [Int]) throws -> Double {
    try ranker.write(features) { step, _ in [order[step]] }.logProbability.exp().item()
  }

  static func permutations(_ items: [Int]) -> [[Int]] {
    items.isEmpty ? [[]] : items.flatMap { first in permutations(items.filter { $0 != first }).map { [first] + $0 } }
  }

  @Test("The attention read of a worked memory")
  func read() {
    let memory = Tensor([1.0, 0, 0, 1], shape: [1, 2, 2])
    let read = ProcessBlock.read(memory, query: Tensor([1.0, 0], shape: [1, 2]), missing: nil).doubles()
    #expect(abs(read[0] - 0.731059) < 1e-6 && abs(read[1] - 0.268941) < 1e-6)
    #expect(ProcessBlock.read(memory, query: Tensor([0.0, 0], shape: [1, 2]), missing: nil).doubles() == [0.5, 0.5])
    let masked = ProcessBlock.read(
      memory, query: Tensor([1.0, 0], shape: [1, 2]), missing: Tensor([ProcessBlock.missingPenalty, 0], shape: [1, 2]))
    #expect(masked.doubles() == [0, 1])
  }

  @Test("The pooled set does not depend on the order of its elements, does on the elements, and is 0 without steps")
  func process() {
    var generator = SeededGenerator(seed: 1)
    let block = ProcessBlock("p", width: 3, steps: 4, bound: 1, type: .float64, using: &generator)
    let memory = Self.features(1, 5)
    let permuted = memory.indexSelect(Tensor(indices: [3, 0, 4, 1, 2], shape: [5]), axis: 1)
    let (a, b) = (block(memory, missing: nil).doubles(), block(permuted, missing: nil).doubles())
    #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-12 } && a.count == 6)
    #expect(block(Self.features(1, 5, seed: 6), missing: nil).doubles() != a)
    // The first query knows nothing of the memory; what it read reaches the second.
    for (steps, isEqual) in [(1, true), (2, false)] {
      var generator = SeededGenerator(seed: 2)
      let block = ProcessBlock("p", width: 3, steps: steps, bound: 1, type: .float64, using: &generator)
      let queries = [memory, Self.features(1, 5, seed: 6)].map { Array(block($0, missing: nil).doubles()[..<3]) }
      #expect((queries[0] == queries[1]) == isEqual)
    }
    let short = ProcessBlock("q", width: 3, steps: 0, type: .float64, using: &generator)
    #expect(short(memory, missing: nil).doubles() == [0, 0, 0, 0, 0, 0])
  }

  @Test("Permuting the candidates permutes a set reader's probabilities; a sequence reader's change")
  func permutation() throws {
    let features = Self.features(1, 4)
    let order: [Int32] = [2, 0, 3, 1]
    let permuted = features.indexSelect(Tensor(indices: order, shape: [4]), axis: 1)
    for (reader, isEqual) in [(SetToSequenceRanker.Reader.set, true), (.sequence, false)] {
      let ranker = SetToSequenceRanker(inputs: 3, options: Self.options(reader), seed: 2, type: .float64)
      // Candidate order[i] of the first set is candidate i of the second.
      let target = [1, 3, 0, 2]
      let first = try Self.probability(ranker, features, target.map { Int(order[$0]) })
      let second = try Self.probability(ranker, permuted, target)
      #expect((abs(first - second) < 1e-12) == isEqual)
    }
  }

  @Test("The probabilities of all orders sum to 1", arguments: [(0, 0), (0, 1), (3, 0), (3, 2)])
  func normalised(steps: Int, glimpses: Int) throws {
    let ranker = SetToSequenceRanker(inputs: 3, options: Self.options(steps: steps, glimpses: glimpses), seed: 3, type: .float64)
    let features = Self.features(1, 4)
    let sum = try Self.permutations([0, 1, 2, 3]).reduce(0.0) { $0 + (try Self.probability(ranker, features, $1)) }
    #expect(abs(sum - 1) < 1e-10)
    #expect(try Self.probability(ranker, Self.features(1, 1), [0]) == 1)
  }

  @Test("Padding changes nothing", arguments: SetToSequenceRanker.Reader.allCases)
  func padding(reader: SetToSequenceRanker.Reader) throws {
    let ranker = SetToSequenceRanker(inputs: 3, options: Self.options(reader), seed: 4, type: .float64)
    let small = Self.features(1, 3)
    let large = Self.features(1, 5, seed: 9)
    let padded = concatenated([concatenated([small, Self.features(1, 2, seed: 11) * 100], axis: 1), large], axis: 0)
    let orders = [[2, 0, 1], [4, 1, 0, 3, 2]]
    let together = try ranker.write(padded, sizes: [3, 5]) { step, _ in orders.map { step < $0.count ? $0[step] : 0 } }
    #expect(together.orders == orders)
    for (set, alone) in [small, large].enumerated() {
      let own = try ranker.write(alone) { step, _ in [orders[set][step]] }.logProbability.item()
      #expect(abs(own - together.logProbability.doubles()[set]) < 1e-10)
    }
  }

  @Test("Gradients are those of finite differences")
  func gradients() throws {
    for (reader, glimpses) in [(SetToSequenceRanker.Reader.set, 1), (.sequence, 0)] {
      let ranker = SetToSequenceRanker(inputs: 3, options: Self.options(reader, glimpses: glimpses), seed: 5, type: .float64)
      let features = Self.features(2, 3)
      let orders = [[1, 2, 0], [0, 2, 1]]
      func loss() throws -> Tensor { -(try ranker.write(features) { step, _ in orders.map { $0[step] } }.logProbability).sum() }
      let found = try GradusTensor.gradients(of: try loss(), withRespectTo: ranker.parameters.map(\.value))
      for (parameter, gradient) in zip(ranker.parameters, found) {
        let values = parameter.value.doubles()
        for position in [0, values.count / 2] {
          func shifted(_ step: Double) throws -> Double {
            var moved = values
            moved[position] += step
            parameter.value = Tensor(moved, shape: parameter.shape)
            defer { parameter.value = Tensor(values, shape: parameter.shape) }
            return try loss().item()
          }
          let numeric = (try shifted(1e-5) - shifted(-1e-5)) / 2e-5
          #expect(abs(numeric - gradient.doubles()[position]) < 1e-6 * max(1, abs(numeric)), "\(parameter.name)")
        }
      }
    }
  }

  @Test("Ranking: greedy order, first-step scores, and errors")
  func ranking() throws {
    let ranker = SetToSequenceRanker(inputs: 2, options: Self.options(), seed: 6)
    let features: [[Float]] = [[1, 0], [0.5, 2], [-1, 1]]
    let order = try ranker.order(features: features)
    #expect(order.sorted() == [0, 1, 2])
    let scores = try ranker.firstStepScores(features: features)
    #expect(scores.indices.max { scores[$0] < scores[$1] } == order[0])
    #expect(abs(scores.reduce(0) { $0 + Tensor([$1], shape: []).exp().item() } - 1) < 1e-5)
    #expect(try ranker.order(features: [[1, 1]]) == [0])
    #expect(throws: SetRankerError.features(expected: 2, found: [1, 0, 0])) { try ranker.order(features: []) }
    #expect(throws: SetRankerError.features(expected: 2, found: [1, 1, 3])) { try ranker.order(features: [[1, 2, 3]]) }
    let tensor = Tensor(features.flatMap { $0 }, shape: [1, 3, 2])
    #expect(throws: SetRankerError.notAPermutation(set: 0, step: 1, chosen: 0)) { try ranker.write(tensor) { _, _ in [0] } }
    #expect(throws: SetRankerError.notAPermutation(set: 0, step: 0, chosen: 3)) { try ranker.write(tensor) { _, _ in [3] } }
    #expect(throws: SetRankerError.sizes([4])) { try ranker.write(tensor, sizes: [4]) { _, _ in [0] } }
    #expect(throws: SetRankerError.sizes([0])) { try ranker.write(tensor, sizes: [0]) { _, _ in [0] } }
  }
}

@Suite("Rankers of vectors")
struct VectorRankerTests {
  static func pair(_ qid: String, _ docno: String) -> ScoringPair {
    ScoringPair(query: Query(qid: qid, text: ""), document: Document(docno: docno, text: ""))
  }

  @Test("Untrained it gives the scaled cosine; unknown names are refused")
  func cosine() throws {
    let ranker = VectorRanker(queries: ["q": [3, 4]], documents: ["a": [6, 8], "b": [-4, 3], "c": [0, 2]], scale: 10)
    let scores = try ranker.rankingScores(["a", "b", "c", "a"].map { Self.pair("q", $0) }).map(\.score)
    for (found, expected) in zip(scores, [10.0, 0, 8, 10]) { #expect(abs(found - expected) < 1e-5) }
    #expect(try ranker.nearest(["q", "q"], count: 2) == [["a", "c"], ["a", "c"]])
    #expect(try ranker.nearest(["q"], count: 9)[0] == ["a", "c", "b"])
    #expect(throws: VectorRankerError.unknownQuery("x")) { try ranker.rankingScores([Self.pair("x", "a")]) }
    #expect(throws: VectorRankerError.unknownDocument("x")) { try ranker.rankingScores([Self.pair("q", "x")]) }
  }

  @Test("A projection starts as the identity or at random, shares its map where asked to, and gives the vectors of its scores")
  func projection() throws {
    let queries = VectorTable(["q": [3, 4]]), documents = VectorTable(["a": [6, 8], "b": [-4, 3]])
    let head = VectorProjection(queries: queries, documents: documents, scale: 10)
    let scores = try head.rankingScores(["a", "b"].map { Self.pair("q", $0) }).map(\.score)
    for (found, expected) in zip(scores, [10.0, 0]) { #expect(abs(found - expected) < 1e-5) }
    #expect(head.parameters.map(\.name) == ["query.weight", "document.weight"] && head.dimension == 2)
    let raw = VectorProjection(queries: queries, documents: documents, maps: .init(isNormalized: false))
    #expect(try raw.vectors(ofDocuments: ["b", "a"]).doubles() == [-4, 3, 6, 8])
    #expect(try raw.vectors(ofQueries: ["q"]).doubles() == [3, 4])
    let shared = VectorProjection(queries: documents, documents: documents, maps: .init(width: 5, isShared: true, seed: 2))
    #expect(shared.parameters.map(\.name) == ["weight"] && shared.dimension == 5)
    #expect(try shared.vectors(ofQueries: ["a"]).doubles() == shared.vectors(ofDocuments: ["a"]).doubles())
    let pair = try shared.embeddings(
      queries: [Query(qid: "b", text: "")], documents: [Document(docno: "a", text: "")], context: .inference)
    #expect(pair.queries.shape == [1, 5] && pair.documents.shape == [1, 5])
    let other = VectorProjection(queries: documents, documents: documents, maps: .init(width: 5, isShared: true, seed: 3))
    #expect(try shared.vectors(ofQueries: ["a"]).doubles() != other.vectors(ofQueries: ["a"]).doubles())
    #expect(throws: VectorRankerError.unknownQuery("x")) { try head.rankingScores([Self.pair("x", "a")]) }
    #expect(throws: VectorRankerError.unknownDocument("x")) { try head.vectors(ofDocuments: ["x"]) }
    let renamed = documents.selecting([("one", "b"), ("none", "x")])
    #expect(renamed.contains("one") && !renamed.contains("none") && !renamed.contains("b"))
    let aliased = VectorProjection(queries: renamed, documents: documents, maps: .init(isNormalized: false))
    #expect(try aliased.vectors(ofQueries: ["one"]).doubles() == [-4, 3])
  }

  @Test("Matrix factorisation: a pair's score is that of all items, and the norms are those of its vectors")
  func factorisation() throws {
    let model = MatrixFactorization(users: ["u", "v"], items: ["i", "j", "k"], width: 4, seed: 3)
    let all = try model.scores(user: "v")
    let scores = try model.rankingScores(["i", "j", "k"].map { Self.pair("v", $0) }).map(\.score)
    for (one, other) in zip(all, scores) { #expect(abs(Double(one) - other) < 1e-6) }
    let norms = try model.squaredNorms([Self.pair("v", "k")])
    let users = model.parameters[0].value.doubles()
    #expect(abs(norms.users.item() - users[4..<8].reduce(0) { $0 + $1 * $1 }) < 1e-6)
    #expect(throws: VectorRankerError.unknownQuery("w")) { try model.scores(user: "w") }
    #expect(throws: VectorRankerError.unknownDocument("z")) { try model.rankingScores([Self.pair("u", "z")]) }
  }
}
