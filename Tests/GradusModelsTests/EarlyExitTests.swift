import Foundation
import GradusCore
import GradusTensor
import GradusText
import Testing

@testable import GradusModels

@Suite("Early exits of a cross-encoder")
struct EarlyExitTests {
  /// Four layers with the vocabulary of the fixture and weights large enough that pairs differ.
  private static func model(
    _ head: CrossEncoderHead = .similarity, exits: [Int] = [1, 3], joinLayer: Int = 0,
    limits: TokenLimits = TokenLimits(maximumTokens: 24, maximumQueryTokens: 6)
  ) throws -> CrossEncoder {
    let folder = try TestFolder.tinyBert()
    return try folder.keepingFolder { folder in
      var configuration = try folder.bertConfiguration()
      configuration.layerCount = 4
      configuration.initializerRange = 0.2
      var generator = SeededGenerator(seed: 3)
      let model = CrossEncoder(
        encoder: BertEncoder(configuration, using: &generator), tokenizer: try folder.tokenizer(), head: head, limits: limits,
        seed: 5)
      return try model.joined(at: joinLayer).withExits(at: exits, seed: 9)
    }
  }

  private static let texts = [
    "", "cat", "cat sat how the cat", "the cat sat the cat sat the cat sat the cat sat the cat", "how", "sat sat", "the how cat",
  ]
  private static var pairs: [ScoringPair] {
    ["how the cat", "cat", "sat the cat how"].flatMap { query in texts.map { pair(query, $0) } }
  }

  /// With every exit's zero at the median of its logits over ``pairs`` and their spread as unit, so that thresholds around 1/2
  /// divide them.
  private static func calibrated(_ model: CrossEncoder) throws -> CrossEncoder {
    var result = model
    let logits = try model.exitLogits(pairs)
    for number in model.exits.indices {
      let sorted = logits.map { $0[number] }.sorted()
      let middle = Double(sorted[sorted.count / 2] + sorted[sorted.count / 2 - 1]) / 2
      let spread = (sorted.reduce(0) { $0 + pow(Double($1) - middle, 2) } / Double(sorted.count)).squareRoot()
      result.exits[number].calibration = ExitCalibration(slope: 1 / spread, offset: -middle / spread)
    }
    return result
  }

  @Test(
    "Thresholds of 0 and 1: the plain model to the bit, packed or not", arguments: CrossEncoderHead.fresh, [0, 1])
  func nothingLeaves(head: CrossEncoderHead, joinLayer: Int) throws {
    let model = try Self.calibrated(Self.model(head, joinLayer: joinLayer))
    let thresholds = try EarlyExitThresholds(notRelevant: 0)
    for plain in [model] + (try NumericPrecision.allCases.map(model.prepared)) {
      let expected = try plain.rankingScores(Self.pairs)
      #expect(try plain.exitingEarly(thresholds).rankingScores(Self.pairs) == expected)
      #expect(Set(expected.map(\.score)).count > 10)
      #expect(expected.allSatisfy { $0.exit == nil })
    }
  }

  @Test(
    "A pair leaves by the first exit that is sure, with that exit's logit; what goes on has the plain model's bits",
    arguments: CrossEncoderHead.fresh, [0, 1])
  func leaving(head: CrossEncoderHead, joinLayer: Int) throws {
    let model = try Self.calibrated(Self.model(head, joinLayer: joinLayer))
    let thresholds = try EarlyExitThresholds(notRelevant: 0.45, relevant: 0.6)
    let logits = try model.exitLogits(Self.pairs)
    let variants = [(model, 1e-4)] + (try [(NumericPrecision.fp32, 1e-3), (.bf16, 0.5), (.int8, 1)].map {
      (try model.prepared(for: $0.0), $0.1)
    })
    for (plain, tolerance) in variants {
      let whole = try plain.rankingScores(Self.pairs)
      let exiting = try plain.exitingEarly(thresholds)
      let found = try exiting.rankingScores(Self.pairs)
      var places: Set<EarlyExit?> = []
      for (number, score) in found.enumerated() {
        places.insert(score.exit)
        guard let exit = score.exit else {
          #expect(score.score.bitPattern == whole[number].score.bitPattern)
          continue
        }
        let position = try #require(model.exits.firstIndex { $0.layer == exit.layer })
        #expect(abs(score.score - Double(logits[number][position])) <= tolerance, "\(plain.precision)")
        let probability = try #require(model.exits[position].calibration).probability(of: score.score)
        #expect(exit.isRelevant ? probability > 0.6 : probability < 0.45)
        // No exit before was sure, as far as the path that trains can tell.
        for earlier in 0..<position where plain.precision == .fp32 {
          let before = try #require(model.exits[earlier].calibration).probability(of: Double(logits[number][earlier]))
          #expect(before >= 0.45 - 1e-3 && before <= 0.6 + 1e-3)
        }
      }
      // Where the texts have not met, [CLS] knows the query alone.
      #expect(places.count >= (joinLayer == 0 ? 3 : 2), "\(plain.precision): \(places)")
    }
  }

  @Test(
    "Whether a pair leaves, and its score, do not depend on its batch mates",
    arguments: [NumericPrecision?.none, .fp32, .bf16, .int8])
  func batchMates(precision: NumericPrecision?) throws {
    let model = try Self.calibrated(Self.model())
    let prepared = try precision.map(model.prepared) ?? model
    let exiting = try prepared.exitingEarly(EarlyExitThresholds(notRelevant: 0.5, relevant: 0.9))
    let found = try exiting.rankingScores(Self.pairs)
    #expect(Set(found.map(\.exit)).count >= 2)
    #expect(try exiting.rankingScores(Self.pairs.reversed(), maximumTokens: 30) == found.reversed())
    #expect(try Self.pairs.map { try exiting.rankingScores([$0])[0] } == found)
    #expect(try exiting.rankingScores(read: try Self.pairs.map(exiting.read)) == found)
    #expect(try exiting.rankingScores([]).isEmpty)
    // All may leave by the first exit.
    let none = try prepared.exitingEarly(EarlyExitThresholds(notRelevant: 1))
    #expect(try none.rankingScores(Self.pairs).allSatisfy { $0.exit == EarlyExit(layer: 1, isRelevant: false) })
  }

  @Test("Of a document's windows the one that was read furthest counts, or one that left as relevant")
  func windows() throws {
    let limits = TokenLimits(maximumTokens: 14, maximumQueryTokens: 5, policy: .window, windowStride: 2)
    let model = try Self.calibrated(Self.model(limits: limits)).prepared(for: .fp32)
    let exiting = try model.exitingEarly(EarlyExitThresholds(notRelevant: 0.55, relevant: 0.8))
    let query = Query(qid: "1", text: "how the cat")
    let words = ["cat", "sat", "how", "the"]
    let long = (0..<40).map { words[($0 * $0 / 3 + $0) % 4] }.joined(separator: " ")
    let whole = ScoringPair(query: query, document: Document(docno: "d", text: long))
    let inputs = try model.parts(of: whole).inputs
    #expect(inputs.count > 3)
    var lower: SplitStates?
    let each = try exiting.exitingLogits(inputs, try #require(exiting.thresholds), lower: &lower)
    let best = try #require(each.max { $1.isBetter(than: $0) })
    let found = try exiting.rankingScores([whole])[0]
    #expect(found.score == Double(best.logit) && found.exit == best.exit)
    let standings = each.map { CandidateScore(score: 0, exit: $0.exit).standing }
    #expect(found.standing == standings.max())
  }

  @Test("In training every exit gives the logits of a model that ends there, and the last layer those of the plain model")
  func training() throws {
    for head in CrossEncoderHead.fresh {
      let model = try Self.model(head)
      let scorer = MultiExitScorer(model)
      let logits = try withoutGradients { try scorer.scores(Self.pairs, context: .inference) }
      #expect(logits.shape == [Self.pairs.count, 3] && scorer.logitsPerPair == 3)
      let plain = try withoutGradients { try model.scores(Self.pairs, context: .inference) }
      let columns = (0..<3).map { column in stride(from: column, to: logits.count, by: 3).map { logits.floats()[$0] } }
      #expect(columns[2] == plain.floats())
      #expect(scorer.rankingScores(of: logits).map(Float.init) == columns[2])
      for (number, exit) in model.exits.enumerated() {
        let short = try model.keepingFirst(exit.layer)
        #expect(short.exits.map(\.layer) == model.exits.map(\.layer).filter { $0 < exit.layer })
        let own = try #require(short.pairHead).parameters
        let kept = own.map(\.value)
        for (parameter, value) in zip(own, exit.parameters.map(\.value)) { parameter.value = value }
        expectClose(columns[number], try withoutGradients { try short.scores(Self.pairs, context: .inference) }.floats(), 1e-5)
        // The heads are shared with the whole model.
        for (parameter, value) in zip(own, kept) { parameter.value = value }
      }
      // Names tell the heads apart, and all are trained.
      #expect(Set(model.parameters.map(\.name)).count == model.parameters.count)
      let values = model.headParameters.map(\.value)
      #expect(values.count == (head == .cls ? 6 : 9))
      let found = try gradients(
        of: scorer.scores(Array(Self.pairs[1...4]), context: .inference).square().sum(), withRespectTo: values)
      for (name, gradient) in zip(model.headParameters.map(\.name), found) {
        #expect(gradient.floats().contains { $0 != 0 }, "\(name)")
      }
    }
  }

  @Test("A gradient through an exit agrees with a finite difference along a direction")
  func finiteDifference() throws {
    let scorer = MultiExitScorer(try Self.model())
    let pairs = Array(Self.pairs[2...4])
    let weights = Tensor([1, -2, 0.5, 2, 1, -1, -0.5, 1.5, 1].map(Float.init), shape: [3, 3])
    func loss() throws -> Tensor { (try scorer.scores(pairs, context: .inference) * weights).sum() }
    for parameter in [scorer.base.encoder.layers[0].output.weight, scorer.base.exits[1].head.linear.weight] {
      let values = parameter.value.floats()
      let gradient = try gradients(of: loss(), withRespectTo: [parameter.value])[0].floats()
      let direction = values.indices.map { Float(($0 * 29) % 7) - 3 }
      let expected = zip(gradient, direction).reduce(0.0) { $0 + Double($1.0 * $1.1) }
      func at(_ step: Float) throws -> Double {
        parameter.value = Tensor(zip(values, direction).map { $0 + step * $1 }, shape: parameter.shape)
        return Double(try withoutGradients { try loss() }.floats()[0])
      }
      let found = (try at(5e-4) - at(-5e-4)) / 1e-3
      parameter.value = Tensor(values, shape: parameter.shape)
      #expect(abs(found - expected) <= 2e-2 * max(1, abs(expected)), "\(parameter.name): \(found), \(expected)")
    }
  }

  @Test("Activations that are computed again change gradients by rounding alone")
  func checkpoints() throws {
    let scorer = MultiExitScorer(try Self.model())
    let values = scorer.parameters.map(\.value)
    func found(_ checkpoints: Bool) throws -> [[Float]] {
      let context = ForwardContext(training: SeededGenerator(seed: 1), checkpointsActivations: checkpoints)
      let loss = try scorer.scores(Array(Self.pairs[2...4]), context: context).square().sum()
      return try gradients(of: loss, withRespectTo: values).map { $0.floats() }
    }
    for (name, pair) in zip(scorer.parameters.map(\.name), zip(try found(true), try found(false))) {
      expectClose(pair.0, pair.1, 1e-4 * max(1, pair.1.map(abs).max() ?? 1), name)
    }
  }

  @Test("Saved and loaded, exits have their weights and their calibration", arguments: CrossEncoderHead.fresh)
  func saving(head: CrossEncoderHead) throws {
    let model = try Self.calibrated(Self.model(head))
    let base = try TestFolder.tinyBert(), folder = try TestFolder()
    let manifest = ModelManifest(architecture: .crossEncoder, base: "tiny-bert", baseDigest: "", seed: 1)
    try RankingModel(scorer: model, manifest: manifest).save(to: folder.path, tokenizerOf: base.folder)
    let again = try #require(try RankingModel(folder: folder.folder).scorer as? CrossEncoder)
    #expect(again.exits.map(\.layer) == [1, 3] && again.exits.map(\.calibration) == model.exits.map(\.calibration))
    let thresholds = try EarlyExitThresholds(notRelevant: 0.5)
    #expect(
      try again.exitingEarly(thresholds).rankingScores(Self.pairs) == model.exitingEarly(thresholds).rankingScores(Self.pairs))
    #expect(try again.rankingScores(Self.pairs) == model.rankingScores(Self.pairs))
    // A manifest that asks for what the weights do not have, or for nonsense.
    try folder.set("gradus.json", "exits", [["layer": 2]])
    #expect(throws: ModelError.missingTensor(file: folder.file("model.safetensors"), name: "exits.2.classifier.weight")) {
      try RankingModel(folder: folder.folder)
    }
    for exits in [[["layer": 4]], [["layer": 0]], [["layer": 3], ["layer": 1]]] {
      try folder.set("gradus.json", "exits", exits)
      let error = #expect(throws: ModelError.self) { try RankingModel(folder: folder.folder) }
      guard case .manifest = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
  }

  @Test("Exits where nobody can leave, thresholds that overlap, and exits without probabilities are refused")
  func refusals() throws {
    let model = try Self.model(exits: [2])
    for layers in [[0], [4], [2, 2], [3, 1], [-1]] {
      #expect(throws: ModelError.exitLayers(asked: layers, layers: 4, joinLayer: 0)) { try model.withExits(at: layers, seed: 1) }
    }
    let joined = try model.joined(at: 2)
    #expect(throws: ModelError.exitLayers(asked: [1], layers: 4, joinLayer: 2)) { try joined.withExits(at: [1], seed: 1) }
    #expect(throws: ModelError.exitLayers(asked: [2], layers: 4, joinLayer: 3)) { try model.joined(at: 3) }
    for (low, high) in [(-0.1, 1.0), (0.5, 0.4), (0, 1.1), (.nan, 1), (0, .nan)] {
      #expect(throws: ModelError.self) { try EarlyExitThresholds(notRelevant: low, relevant: high) }
    }
    let thresholds = try EarlyExitThresholds(notRelevant: 0.1)
    #expect(throws: ModelError.exitsNotCalibrated) { try model.exitingEarly(thresholds) }
    #expect(throws: ModelError.noExits) { try model.withExits(at: [], seed: 1).exitingEarly(thresholds) }
    let none = try model.calibratingExits(on: Self.pairs, isRelevant: Self.pairs.map { _ in false })
    #expect(throws: ModelError.exitsNotCalibrated) { try none.exitingEarly(thresholds) }
    #expect(try model.exitingEarly(nil).rankingScores(Self.pairs) == model.rankingScores(Self.pairs))
  }
}

@Suite("Calibration of an exit")
struct ExitCalibrationTests {
  @Test("Worked: one candidate of each class, at 1 and -1, has the targets 2/3 and 1/3: slope log 2, offset 0")
  func worked() throws {
    let two = try #require(ExitCalibration(logits: [1, -1], isRelevant: [true, false]))
    #expect(abs(two.slope - log(2)) < 1e-8 && abs(two.offset) < 1e-8)
    #expect(abs(two.probability(of: 1) - 2 / 3) < 1e-8)
    // Another scale and zero of the logits change the numbers, not the probabilities.
    let moved = try #require(ExitCalibration(logits: [12, 8], isRelevant: [true, false]))
    #expect(abs(moved.slope - log(2) / 2) < 1e-8 && abs(moved.offset + 5 * log(2)) < 1e-7)
    // Nineteen other candidates at the same place weigh as much as one does; only their target is 1/21.
    let many = try #require(
      ExitCalibration(logits: [1] + [Double](repeating: -1, count: 19), isRelevant: [true] + [Bool](repeating: false, count: 19)))
    #expect(abs(many.probability(of: 1) - 2 / 3) < 1e-8 && abs(many.probability(of: -1) - 1 / 21) < 1e-8)
  }

  @Test("Overlapping classes: the gradient vanishes at what is found")
  func stationary() throws {
    let logits = [3.0, 1, 4, 1, 5, -9, 2, 6, -5, 3]
    let isRelevant = [true, false, true, false, true, false, false, true, false, false]
    let found = try #require(ExitCalibration(logits: logits, isRelevant: isRelevant))
    var gradient = (0.0, 0.0)
    for (x, relevant) in zip(logits, isRelevant) {
      let difference = (found.probability(of: x) - (relevant ? 5.0 / 6 : 1.0 / 8)) * (relevant ? 1.0 / 8 : 1.0 / 12)
      gradient.0 += difference * x
      gradient.1 += difference
    }
    #expect(abs(gradient.0) < 1e-7 && abs(gradient.1) < 1e-7 && found.slope > 0)
  }

  @Test("An exit that knows nothing, or the wrong order, keeps everybody: 1/2; without both classes there is no answer")
  func nothing() {
    for logits in [[-1.0, 1], [3, 3]] {
      #expect(ExitCalibration(logits: logits, isRelevant: [true, false]) == ExitCalibration(slope: 0, offset: 0))
    }
    #expect(ExitCalibration(slope: 0, offset: 0).probability(of: 1e30) == 0.5)
    #expect(ExitCalibration(logits: [1, 2], isRelevant: [true, true]) == nil)
    #expect(ExitCalibration(logits: [], isRelevant: []) == nil)
  }
}
