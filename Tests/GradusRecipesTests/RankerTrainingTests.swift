import Foundation
import GradusCore
import GradusEval
import GradusIndex
import GradusModels
@testable import GradusRecipes
import GradusTrain
import Testing

@Suite struct RankerTrainingTests {
  private func bits(_ model: RankingModel) -> [UInt32] { model.scorer.parameters.flatMap { $0.value.floats().map(\.bitPattern) } }

  private func withoutTime(_ history: TrainingHistory) -> [TrainingHistory.Epoch] { history.epochs.map(\.withoutTime) }

  @Test("A training that is interrupted inside an epoch and taken up again has the bits of one that was not", arguments: [
    (ModelManifest.Architecture.crossEncoder, "pairwise-cross-entropy"), (.convKNRM, "pairwise-cross-entropy"),
    (.biEncoder, "pairwise-cross-entropy"), (.biEncoder, "infonce(temperature=0.05)"), (.biEncoder, "gist(temperature=0.1)"),
    (.crossEncoder, "ordinal(levels=2)"), (.convKNRM, "aldr-kl"), (.crossEncoder, "dla"),
  ])
  func resume(architecture: ModelManifest.Architecture, loss: String) throws {
    let bench = try TinyBench()
    defer { bench.remove() }
    var settings = bench.settings
    settings.architecture = architecture
    settings.loss = loss
    if loss.hasPrefix("gist") { settings.guide = bench.model.path }
    if loss == "dla" {
      settings.sampling = .listwise
      settings.listSize = 3
    }
    let data = try bench.data()
    let whole = try #require(try RankerTraining(settings, data: data, base: bench.model).train(showsProgress: false))
    let checkpoint = bench.folder + "/checkpoint"
    for steps in [2, 3] {
      let part = try RankerTraining(settings, data: data, base: bench.model)
        .train(checkpoint: checkpoint, steps: steps, showsProgress: false)
      #expect(part == nil)
    }
    let resumed = try #require(
      try RankerTraining(settings, data: data, base: bench.model).train(checkpoint: checkpoint, showsProgress: false))
    #expect(bits(resumed.model) == bits(whole.model))
    #expect(withoutTime(resumed.history) == withoutTime(whole.history))
    #expect(resumed.history.development == whole.history.development)
    let untrained = try RankerTraining(settings, data: data, base: bench.model).freshModel()
    #expect(bits(untrained) != bits(whole.model))
  }

  @Test("Every weighting by name trains, says what it did, and resumes to the bit", arguments: [
    "loss(warmup=2)", "cet(temperature=2)", "propensity", "consensus(start=1)", "consensus(start=0,view=none,uncertain=half)",
    "loss(shape=extremes,warmup=0) * propensity",
  ])
  func weightings(text: String) throws {
    let bench = try TinyBench()
    defer { bench.remove() }
    var settings = bench.settings
    try settings.set("weighting", to: text)
    settings.curriculum = text.hasPrefix("cet") ? "recip" : "none"
    let data = try bench.data()
    let whole = try #require(try RankerTraining(settings, data: data, base: bench.model).train(showsProgress: false))
    let checkpoint = bench.folder + "/checkpoint"
    _ = try RankerTraining(settings, data: data, base: bench.model).train(checkpoint: checkpoint, steps: 4, showsProgress: false)
    let resumed = try #require(
      try RankerTraining(settings, data: data, base: bench.model).train(checkpoint: checkpoint, showsProgress: false))
    #expect(bits(resumed.model) == bits(whole.model))
    #expect(withoutTime(resumed.history) == withoutTime(whole.history))
    for epoch in whole.history.epochs {
      #expect(epoch.meanWeight != nil && epoch.largestWeight != nil)
      #expect(epoch.effectiveShare.map { $0 > 0 && $0 <= 1 + 1e-12 } == true)
    }
    settings.weighting = "none"
    settings.curriculum = "none"
    let plain = try #require(try RankerTraining(settings, data: data, base: bench.model).train(showsProgress: false))
    #expect(plain.history.epochs[0].meanWeight == nil)
    // The best epoch may be one before the filter starts, whose weights are all 1.
    if text == "consensus(start=1)" {
      #expect(whole.history.epochs[0].meanWeight == 1)
    } else {
      #expect(bits(plain.model) != bits(whole.model))
    }
    // A product is brought back to a mean of 1.
    if text.contains("*") || text.hasPrefix("cet") {
      #expect(whole.history.epochs.allSatisfy { abs(($0.meanWeight ?? 0) - 1) < 1e-12 })
    }
  }

  private func write(_ run: Run, _ path: String) throws {
    let lines = run.rankings.flatMap { ranking in
      ranking.documents.enumerated().map { "\(ranking.qid) Q0 \($1.docno) \($0 + 1) \($1.score) teacher\n" }
    }
    try lines.joined().write(toFile: path, atomically: true, encoding: .utf8)
  }

  @Test("Every loss by name trains from settings, beside a curriculum and a weighting")
  func losses() throws {
    let bench = try TinyBench(train: 12, dev: 2, test: 2)
    defer { bench.remove() }
    let data = try bench.data()
    let teacher = bench.folder + "/teacher.run"
    try write(try data.run(data.train, model: BM25(), depth: 20), teacher)
    for name in LossNames.all {
      let entry = try LossNames.entry(name)
      var settings = bench.settings
      settings.architecture = entry.model == .vectors ? .biEncoder : .convKNRM
      try settings.set("loss", to: ["matryoshka": "matryoshka(dims=32/16)", "ordinal": "ordinal(levels=2)"][name] ?? name)
      settings.sampling = try #require(entry.forms.last)
      settings.listSize = 3
      settings.negatives = 2
      settings.weighting = "loss(warmup=0)"
      if entry.labels == .teacher { settings.teacher = teacher }
      if name == "gist" { settings.guide = bench.model.path }
      settings.samplesPerEpoch = 8
      settings.epochs = 1
      settings.warmup = 0
      settings.devDepth = 3
      let training = try RankerTraining(settings, data: data, base: bench.model)
      let trained = try #require(try training.train(showsProgress: false), "\(name)")
      let epoch = try #require(trained.history.epochs.first)
      #expect(epoch.loss.isFinite && epoch.meanEasiness != nil && epoch.meanWeight != nil, "\(name)")
      #expect(bits(trained.model) != bits(try training.freshModel()), "\(name)")
    }
  }

  @Test("A curriculum by a teacher's margin needs the teacher, and every pair of it")
  func teacherCurriculum() throws {
    let bench = try TinyBench()
    defer { bench.remove() }
    let data = try bench.data()
    var settings = bench.settings
    try settings.set("curriculum", to: "teacher(temperature=2)")
    #expect(throws: SettingError.self) { try RankerTraining(settings, data: data, base: bench.model) }
    let candidates = try data.run(data.train, model: BM25(), depth: 20)
    let path = bench.folder + "/teacher.run"
    settings.teacher = path
    try write(candidates, path)
    let trained = try #require(try RankerTraining(settings, data: data, base: bench.model).train(showsProgress: false))
    #expect(trained.history.epochs.allSatisfy { $0.meanEasiness != nil })
    try write(candidates.prefix(1), path)
    let error = #expect(throws: SamplerError.self) {
      _ = try RankerTraining(settings, data: data, base: bench.model).train(showsProgress: false)
    }
    guard case .teacherLacks(let teacher, _, _) = error else { return #expect(Bool(false), "\(String(describing: error))") }
    #expect(teacher == "teacher")
  }

  @Test("Weightings that cannot go with the sampling are refused before anything is trained", arguments: [
    ("cet", "pointwise"), ("consensus", "listwise"), ("loss * propensity", "listwise"), ("cet * cet(temperature=2)", "pairwise"),
  ])
  func contradictingWeightings(weighting: String, sampling: String) throws {
    let bench = try TinyBench()
    defer { bench.remove() }
    var settings = bench.settings
    try settings.set("weighting", to: weighting)
    try settings.set("sampling", to: sampling)
    settings.loss = sampling == "pointwise" ? "pointwise-mse" : sampling == "listwise" ? "listnet" : "pairwise-softmax"
    let error = #expect(throws: SettingError.self) {
      _ = try RankerTraining(settings, data: try bench.data(), base: bench.model)
    }
    guard case .contradiction(let text) = error else { return #expect(Bool(false), "\(String(describing: error))") }
    #expect(text.contains(weighting))
    #expect(throws: SettingError.self) { try settings.set("weighting", to: "lss(warmup=2)") }
  }

  @Test("A trained bi-encoder is saved as sentence-transformers has it, and loads with the same scores and vectors")
  func biEncoderFolder() throws {
    let bench = try TinyBench()
    defer { bench.remove() }
    var settings = bench.settings
    settings.architecture = .biEncoder
    settings.loss = "infonce(temperature=0.05)"
    settings.curriculum = "none"
    let out = bench.folder + "/out"
    let outcome = try RankerTraining(settings, data: try bench.data(), base: bench.model).run(out: out, showsProgress: false)
    for name in ["modules.json", "1_Pooling/config.json", "sentence_bert_config.json", "config_sentence_transformers.json"] {
      #expect(FileManager.default.fileExists(atPath: out + "/" + name), "\(name)")
    }
    let again = try RankingModel(folder: ModelFolder(path: out))
    #expect(bits(again) == bits(outcome.model) && again.manifest == outcome.model.manifest)
    let pairs = ["word1 word2", "word3"].map {
      ScoringPair(query: Query(qid: $0, text: $0), document: Document(docno: $0, text: "word2 word5 word7"))
    }
    #expect(try again.scorer.rankingScores(pairs) == outcome.model.scorer.rankingScores(pairs))
    let alone = try BiEncoder(folder: ModelFolder(path: out))
    let trained = try #require(outcome.model.scorer as? BiEncoder)
    #expect(alone.limits.maximumTokens == 24 && alone.isNormalized && alone.scoreScale == 20)
    #expect(try alone.encode(["word1 word2"]).vectors == trained.encode(["word1 word2"]).vectors)
  }

  @Test("Settings that cannot go together are refused before anything is trained", arguments: [
    ["loss": "infonce"], ["architecture": "bi-encoder", "loss": "gist"],
    ["architecture": "bi-encoder", "loss": "infonce", "guide": "minilm-l6"],
    ["architecture": "bi-encoder", "loss": "infonce", "sampling": "listwise"],
    ["architecture": "bi-encoder", "loss": "infonce", "micro-batch": "2"], ["loss": "kl"],
    ["loss": "listnet", "sampling": "pointwise"], ["loss": "ips-pairwise", "sampling": "pointwise"],
  ])
  func contradictions(values: [String: String]) throws {
    let settings = try TrainingSettings(values: values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    #expect {
      try settings.checkTogether()
    } throws: { error in
      if case SettingError.contradiction = error { true } else { false }
    }
  }

  @Test("A finished folder is read and not trained again; another training is refused there")
  func finishedFolder() throws {
    let bench = try TinyBench()
    defer { bench.remove() }
    let data = try bench.data()
    let out = bench.folder + "/out"
    let first = try RankerTraining(bench.settings, data: data, base: bench.model).run(out: out, showsProgress: false)
    #expect(!first.wasFinished)
    #expect(!FileManager.default.fileExists(atPath: out + "/checkpoint"))
    var epochs = 0
    let second = try RankerTraining(bench.settings, data: data, base: bench.model).run(out: out, showsProgress: false) { _ in
      epochs += 1
    }
    #expect(second.wasFinished && epochs == 0)
    #expect(second.history == first.history)
    #expect(bits(second.model) == bits(first.model))
    #expect(second.model.manifest == first.model.manifest)
    #expect(second.model.manifest.firstStageWeight == first.history.development.firstStageWeight)
    var other = bench.settings
    other.curriculum = "recip"
    #expect(throws: TrainingFolderError.otherTraining(folder: out, difference: "curriculum 'kde', not 'recip'")) {
      try RankerTraining(other, data: data, base: bench.model).run(out: out, showsProgress: false)
    }
    #expect(throws: TrainingFolderError.occupied(folder: bench.model.path, file: "model.safetensors")) {
      try RankerTraining(other, data: data, base: bench.model).run(out: bench.model.path, showsProgress: false)
    }
  }

  @Test("No query of development or test is sampled, also where one is judged in two splits")
  func splitsStayApart() throws {
    let bench = try TinyBench()
    defer { bench.remove() }
    let file = bench.folder + "/data/tiny/qrels/train.tsv"
    let leaked = try String(contentsOfFile: file, encoding: .utf8) + "test-0\ttest-0-both\t1\ndev-1\tdev-1-both\t1\n"
    try leaked.write(toFile: file, atomically: true, encoding: .utf8)
    let data = try bench.data()
    let training = try RankerTraining(bench.settings, data: data, base: bench.model)
    var sampler = try training.sampler(try data.run(data.train, model: BM25(), depth: 20))
    var seen: Set<String> = []
    for _ in 0..<500 { seen.insert(try sampler.next().qid) }
    #expect(seen.count == 30)
    #expect(seen.allSatisfy { $0.hasPrefix("train-") })
    #expect(data.dev.qids.allSatisfy { $0.hasPrefix("dev-") })
  }

  @Test("Without a development split a fifth of the training queries is held out, always the same")
  func heldOut() throws {
    let bench = try TinyBench(dev: nil)
    defer { bench.remove() }
    let data = try bench.data()
    #expect(data.isDevHeldOut && data.dev.qids.count == 6 && data.train.qids.count == 24)
    #expect(Set(data.dev.qids).isDisjoint(with: data.train.qids))
    #expect(try bench.data().dev == data.dev)
  }

  @Test("Exits are trained with the last layer, tell probabilities by the development queries, and change no score of who stays")
  func exits() throws {
    let bench = try TinyBench()
    defer { bench.remove() }
    var settings = bench.settings
    try settings.set("exits", to: "1")
    settings.epochs = 2
    let data = try bench.data()
    let training = try RankerTraining(settings, data: data, base: bench.model)
    let trained = try #require(try training.train(showsProgress: false))
    let scorer = try #require(trained.model.scorer as? CrossEncoder)
    #expect(trained.model.manifest.exits?.map(\.layer) == [1] && scorer.exits.map(\.layer) == [1])
    #expect(trained.model.manifest.recipe["exits"] == "1")
    let calibration = try #require(scorer.exits[0].calibration)
    #expect(trained.model.manifest.exits?[0].calibration == calibration)
    let fresh = try #require(try training.freshModel().scorer as? CrossEncoder)
    #expect(fresh.exits[0].calibration == nil)
    for (before, after) in zip(fresh.exits[0].parameters, scorer.exits[0].parameters) {
      #expect(before.value.floats() != after.value.floats(), "\(before.name)")
    }
    // The first epoch's loss is that of both heads.
    settings.exitWeight = 1e-9
    let alone = try #require(
      try RankerTraining(settings, data: data, base: bench.model).train(showsProgress: false))
    #expect(trained.history.epochs[0].loss > 1.2 * alone.history.epochs[0].loss)
    // An interruption changes no bit.
    settings.exitWeight = 1
    let checkpoint = bench.folder + "/checkpoint"
    _ = try RankerTraining(settings, data: data, base: bench.model).train(checkpoint: checkpoint, steps: 4, showsProgress: false)
    let resumed = try #require(
      try RankerTraining(settings, data: data, base: bench.model).train(checkpoint: checkpoint, showsProgress: false))
    #expect(bits(resumed.model) == bits(trained.model) && resumed.model.manifest.exits == trained.model.manifest.exits)
  }

  @Test("Exits where nobody can leave, of other models, and with losses that have no single score are refused", arguments: [
    ("exits", "2", "cross-encoder", "pairwise-cross-entropy"), ("exits", "1", "bi-encoder", "pairwise-cross-entropy"),
    ("exits", "1", "cross-encoder", "dla"), ("exits", "1", "cross-encoder", "ordinal(levels=2)"),
  ])
  func exitRefusals(name: String, value: String, architecture: String, loss: String) throws {
    let bench = try TinyBench()
    defer { bench.remove() }
    var settings = bench.settings
    for (name, value) in [(name, value), ("architecture", architecture), ("loss", loss)] { try settings.set(name, to: value) }
    if loss.hasPrefix("dla") { settings.sampling = .listwise }
    if loss.hasPrefix("ordinal") { settings.sampling = .pointwise }
    let data = try bench.data()
    if value == "2" {
      #expect(throws: ModelError.exitLayers(asked: [2], layers: 2, joinLayer: 0)) {
        try RankerTraining(settings, data: data, base: bench.model).freshModel()
      }
    } else {
      #expect(throws: SettingError.self) { try RankerTraining(settings, data: data, base: bench.model) }
    }
    for bad in ["0", "", "1,,2", "a"] { #expect(throws: SettingError.self) { try settings.set("exits", to: bad) } }
  }

  @Test("A join layer and fewer layers are trained, stored with the model and obeyed by it")
  func layers() throws {
    let bench = try TinyBench()
    defer { bench.remove() }
    var settings = bench.settings
    settings.epochs = 1
    settings.joinLayer = 1
    settings.maximumQueryTokens = 6
    let data = try bench.data()
    let trained = try #require(try RankerTraining(settings, data: data, base: bench.model).train(showsProgress: false))
    #expect(trained.model.manifest.joinLayer == 1 && trained.model.manifest.maximumQueryTokens == 6)
    #expect((trained.model.scorer as? CrossEncoder)?.joinLayer == 1)
    #expect(trained.model.manifest.recipe["join-layer"] == "1")
    settings.joinLayer = 0
    let plain = try #require(try RankerTraining(settings, data: data, base: bench.model).train(showsProgress: false))
    #expect(bits(plain.model) != bits(trained.model), "the split changes what is learnt")
    #expect(plain.model.manifest.joinLayer == nil)
    settings.encoderLayers = 1
    let small = try RankerTraining(settings, data: data, base: bench.model).freshModel()
    #expect((small.scorer as? CrossEncoder)?.encoder.configuration.layerCount == 1)
    settings.joinLayer = 2
    #expect(throws: ModelError.joinLayer(asked: 2, layers: 1)) {
      try RankerTraining(settings, data: data, base: bench.model).freshModel()
    }
    settings.encoderLayers = 3
    #expect(throws: ModelError.layerCount(asked: 3, layers: 2)) {
      try RankerTraining(settings, data: data, base: bench.model).freshModel()
    }
    settings.architecture = .convKNRM
    #expect(throws: SettingError.self) { try RankerTraining(settings, data: data, base: bench.model) }
  }

  @Test("The first stage's weight is the one that ranks best, the smaller one among equals")
  func firstStageWeight() throws {
    let query = Query(qid: "1", text: "q")
    func group(_ relevantFirstStage: Double) -> CandidateGroup {
      CandidateGroup(query: query, candidates: [
        Candidate(document: Document(docno: "a", text: ""), firstStageRank: 1, firstStageScore: relevantFirstStage),
        Candidate(document: Document(docno: "b", text: ""), firstStageRank: 2, firstStageScore: 1),
      ])
    }
    var qrels = Qrels()
    qrels.judge(qid: "1", docno: "a", grade: 1)
    let measure = try MeasureSpecification("RR")
    // 0 + w * 3 > 1 + w * 1 needs w > 0.5.
    let helps = try FirstStageWeight(groups: [group(3)], scores: [[0, 1]], qrels: qrels, measure: measure)
    #expect(helps.weight == 0.75 && helps.value == 1 && helps.valueAlone == 0.5)
    let useless = try FirstStageWeight(groups: [group(0)], scores: [[2, 1]], qrels: qrels, measure: measure)
    #expect(useless.weight == 0 && useless.value == 1)
  }
}
