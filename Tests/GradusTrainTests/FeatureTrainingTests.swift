import GradusCore
import GradusEval
import GradusFormats
import GradusModels
import GradusTensor
@testable import GradusTrain
import Testing

@Suite("Training on features")
struct FeatureTrainingTests {
  /// Lists of 3 to 6 rows whose grades follow from two of four features.
  static func data(queries: Int = 24, seed: UInt64 = 3) -> FeatureData {
    var generator = SeededGenerator(seed: seed)
    var groups: [FeatureData.Group] = []
    var grades: [Int] = [], features: [Float] = [], docnos: [String] = []
    for query in 0..<queries {
      let count = 3 + query % 4
      groups.append(FeatureData.Group(qid: "q\(query)", rows: grades.count..<grades.count + count))
      for row in 0..<count {
        let values = (0..<4).map { _ in generator.uniform() }
        // Every list has all grades.
        grades.append(row < 3 ? row : Int(3 * values[0]))
        features += [Float(grades[grades.count - 1]) + Float(values[1]) - 0.5, Float(values[2] * 100), Float(values[3]), 7]
        docnos.append("d\(row)")
      }
    }
    return FeatureData(groups: groups, docnos: docnos, grades: grades, width: 4, features: features)
  }

  static func settings(_ loss: String = "lambdarank") -> FeatureTrainingSettings {
    var settings = FeatureTrainingSettings()
    settings.architecture = .mlp
    settings.loss = loss
    settings.hidden = [8]
    settings.epochs = 12
    settings.batch = 6
    settings.learningRate = 0.02
    return settings
  }

  private func bits(_ ranker: FeatureModel.Ranker) -> [UInt32] {
    guard case .network(let network) = ranker else { return [] }
    return network.parameters.flatMap { $0.value.floats().map(\.bitPattern) }
  }

  @Test(
    "Losses over lists of different length train a network that ranks new queries",
    arguments: ["lambdarank", "listnet", "ranknet", "approx-ndcg", "softmax-cross-entropy", "pointwise-mse", "ndcg-loss2++"])
  func learns(loss: String) throws {
    let trained = try FeatureTraining(Self.settings(loss), training: Self.data(), heldOut: Self.data(queries: 8, seed: 5)).train()
    #expect(trained.history.count <= 12 && trained.best >= 1)
    #expect(try #require(trained.development) > 0.93, "\(loss): \(trained.history)")
    let test = Self.data(queries: 20, seed: 9)
    let run = test.run(name: "test", scores: try trained.ranker.scores(test))
    let measure = try MeasureSpecification("nDCG@10")
    #expect(try evaluate(qrels: test.qrels, run: run, measures: [measure]).aggregates[0] > 0.93)
  }

  @Test("Losses with thresholds, with two logits and with a memory, on lists of different length", arguments: [
    "ordinal(levels=3)", "ordinal(levels=3,kind=corn)", "ordinal(levels=3,kind=cumulative)", "two-logit", "aldr-kl", "z-loss",
    "groco(negatives=2)",
  ])
  func heads(loss: String) throws {
    let data = Self.data()
    let trained = try FeatureTraining(Self.settings(loss), training: data, heldOut: Self.data(queries: 8, seed: 5)).train()
    let losses = trained.history.compactMap(\.loss)
    #expect(losses.count == trained.history.count && losses.allSatisfy { $0.isFinite })
    #expect(losses.dropFirst().contains { $0 < losses[0] }, "\(losses)")
    #expect(try trained.ranker.scores(data).allSatisfy(\.isFinite))
    let again = try FeatureTraining(Self.settings(loss), training: data, heldOut: Self.data(queries: 8, seed: 5)).train()
    #expect(bits(again.ranker) == bits(trained.ranker))
    if loss.hasPrefix("ordinal") {
      // Grades that the loss has no level for are named.
      let low = try FeatureTraining(Self.settings("ordinal(levels=2)"), training: data, heldOut: nil)
      let error = #expect(throws: LossError.self) { try low.train() }
      guard case .documentLabel(_, let qid, _, 2, _) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(data.groups.contains { $0.qid == qid })
    }
  }

  @Test("A linear ranker, a weighting by loss, the same bits for the same seed and for any number of threads")
  func determinism() throws {
    var settings = Self.settings("listnet")
    settings.architecture = .linear
    settings.weighting = "loss(warmup=2)"
    let data = Self.data(), heldOut = Self.data(queries: 4, seed: 5)
    let first = try FeatureTraining(settings, training: data, heldOut: heldOut).train()
    guard case .network(let network) = first.ranker else {
      Issue.record("a network was asked for")
      return
    }
    #expect(network.options.hidden.isEmpty && network.parameters.count == 2)
    let again = try FeatureTraining(settings, training: data, heldOut: heldOut).train()
    #expect(bits(again.ranker) == bits(first.ranker) && again.history == first.history)
    let whole = try FeatureTraining(settings, training: data, heldOut: nil).train()
    #expect(whole.development == nil && whole.best == 12 && whole.history.allSatisfy { $0.development == nil })
    settings.seed = 2
    #expect(bits(try FeatureTraining(settings, training: data, heldOut: heldOut).train().ranker) != bits(first.ranker))
  }

  @Test("In a batch of lists of different length each has the loss that it has alone")
  func ragged() throws {
    let data = Self.data(queries: 7)
    let ranker = FeatureRanker(transform: FeatureTransform(.none, fittedOn: data), features: 4, seed: 1).reading([data])
    var sampler = try FeatureListSampler(data: data, seed: 4)
    let samples = try sampler.next(7)
    #expect(Set(samples.map(\.documents.count)).count > 2)
    func pairs(_ samples: [TrainingSample]) -> [ScoringPair] {
      samples.flatMap { sample in
        sample.documents.map {
          ScoringPair(query: Query(qid: sample.qid, text: ""), document: Document(docno: $0.docno, text: ""))
        }
      }
    }
    let pass = ForwardPass(samples: samples, epoch: 0, step: 0) { _ in
      ForwardPass.ModelOutput(scores: try ranker.scores(pairs(samples), context: .inference), embeddings: nil)
    }
    for name in ["lambdarank", "listmle", "listnet"] {
      let loss = try LossNames.loss(name)
      let together = try pass.perSample(of: "ranker") { try loss.perSample($0) }.doubles()
      for (sample, value) in zip(samples, together) {
        let scores = try ranker.scores(pairs([sample]), context: .inference).reshaped(to: [1, sample.documents.count])
        let alone = try loss.perSample(LossInput(scores: scores, samples: [sample])).item()
        #expect(abs(alone - value) < 1e-5)
      }
    }
    #expect(throws: LossError.raggedBatch(samples[0].id, samples.firstOfOtherLength?.id ?? samples[0].id)) {
      try pass.scores(of: "ranker")
    }
  }

  @Test("A round visits every query that teaches an order once; long lists are cut and keep two grades")
  func sampler() throws {
    let flat = FeatureData(
      groups: [.init(qid: "flat", rows: 0..<2), .init(qid: "q", rows: 2..<12)], docnos: (0..<12).map { "d\($0)" },
      grades: [1, 1] + [Int](repeating: 0, count: 9) + [3], width: 1, features: [Float](repeating: 0, count: 12))
    var sampler = try FeatureListSampler(data: flat, largest: 3, minimumPositiveGrade: 2, seed: 1)
    #expect(sampler.samplesPerPass == 1)
    for _ in 0..<20 {
      let sample = sampler.next()
      #expect(sample.qid == "q" && sample.documents.count == 3 && Set(sample.documents.map(\.docno)).count == 3)
      #expect(sample.documents.count { $0.isPositive } == 1 && sample.documents.contains { $0.label == 3 })
    }
    var resumed = try FeatureListSampler(data: flat, largest: 3, minimumPositiveGrade: 2, seed: 1)
    try resumed.resume(from: sampler.resumeState)
    #expect(resumed.next() == sampler.next())
    #expect(throws: SamplerError.self) { try FeatureListSampler(data: flat.selecting([0]), seed: 1) }
    let data = Self.data()
    var whole = try FeatureListSampler(data: data, seed: 1)
    let round = try whole.next(data.groups.count)
    #expect(Set(round.map(\.qid)).count == data.groups.count)
  }

  @Test("What features cannot give is refused with the setting")
  func refused() throws {
    let data = Self.data()
    func error(_ change: (inout FeatureTrainingSettings) -> Void) -> FeatureTrainingError? {
      var settings = Self.settings()
      change(&settings)
      do {
        _ = try FeatureTraining(settings, training: data, heldOut: data)
        return nil
      } catch {
        return error as? FeatureTrainingError
      }
    }
    #expect(error { $0.loss = "margin-mse" } != nil && error { $0.loss = "infonce" } != nil && error { $0.loss = "kl" } != nil)
    #expect(error { $0.loss = "ips-listwise" } != nil || error { $0.loss = "dla" } != nil)
    #expect(error { $0.weighting = "cet" } == .weighting("cet"))
    #expect(error { $0.learningRate = 0 } != nil && error { $0.dropout = 1 } != nil && error { $0.hidden = [0] } != nil)
    #expect(throws: NameError.self) {
      var settings = Self.settings()
      settings.loss = "lamdarank"
      return try FeatureTraining(settings, training: data, heldOut: data)
    }
    #expect(throws: FeatureTrainingError.heldOutFeatures(expected: 4, found: 5)) {
      try FeatureTraining(Self.settings(), training: data, heldOut: data.widened(to: 5))
    }
  }
}
