import GradusCore
import GradusModels
import GradusTensor
import GradusTestSupport
@testable import GradusTrain
import Testing

/// The whole product: every loss by name, every weighting, every sampler and scorers of every kind, two steps each. Vectors at
/// hand make thousands of trainings take seconds; `LossMatrixTests` has the architectures that read texts.
@Suite("Every loss with every weighting, sampler and scorer")
struct CompositionMatrixTests {
  // MARK: - Scorers

  enum Scorer: CaseIterable {
    /// A user's own.
    case custom
    case vectorRanker, matrixFactorization
    /// Of losses over vectors, and of others.
    case projection

    func make(seed: UInt64) -> any PairScorer {
      switch self {
      case .custom: return TinyScorer(seed: seed)
      case .vectorRanker: return VectorRanker(queries: SharedDocuments.queries, documents: SharedDocuments.documents, scale: 4)
      case .matrixFactorization:
        return MatrixFactorization(
          users: SharedDocuments.qids, items: SharedDocuments.docnos, width: 4, deviation: 0.5, seed: seed)
      case .projection:
        return VectorProjection(
          queries: SharedDocuments.queries, documents: SharedDocuments.documents, scale: 4,
          maps: VectorProjection.Maps(width: 8, seed: seed))
      }
    }
  }

  // MARK: - Samplers

  enum Sampling: CaseIterable {
    case pairs, lists, points, triples, triplePoints, pairList, interactions, taughtPairs, taughtLists, taughtPoints, episodes

    var form: TrainingSample.Form {
      switch self {
      case .pairs, .triples, .pairList, .interactions, .taughtPairs: .pairwise
      case .lists, .taughtLists, .episodes: .listwise
      case .points, .triplePoints, .taughtPoints: .pointwise
      }
    }

    var isTaught: Bool { self == .taughtPairs || self == .taughtLists || self == .taughtPoints }

    /// Whether its labels are such as the loss reads. Episodes are for the losses of few-shot learning.
    func suits(_ entry: LossEntry) -> Bool {
      if self == .episodes { return ["proto-triplet", "prototypical", "icnn"].contains(entry.name) }
      return !isTaught || [.roles, .numbers, .teacher].contains(entry.labels)
    }

    func make(_ labels: LossEntry.Labels) throws -> any TrainingSampler {
      let run = SharedDocuments.run, qrels = SharedDocuments.qrels
      let scale: LabelScale = labels == .probabilities || labels == .clicks ? .binary : .grade
      switch self {
      case .pairs: return try PairwiseSampler(run: run, qrels: qrels, negatives: 2, labels: scale, seed: 3)
      case .lists: return try ListwiseSampler(run: run, qrels: qrels, size: 4, labels: scale, seed: 3)
      case .points: return try PointwiseSampler(run: run, qrels: qrels, labels: scale, seed: 3)
      case .triples: return try TripleFileSampler(path: SharedDocuments.triples.get(), form: .pairwise)
      case .triplePoints: return try TripleFileSampler(path: SharedDocuments.triples.get(), form: .pointwise)
      case .pairList:
        let pairs = SharedDocuments.positives.flatMap { qid, docnos in docnos.map { (qid: qid, docno: $0) } }
        return try PairListSampler(
          pairs: pairs.sorted { $0.docno < $1.docno }, catalogue: SharedDocuments.docnos, negatives: 2, seed: 3)
      case .interactions:
        return try InteractionSampler(groups: SharedDocuments.positives, catalogue: SharedDocuments.docnos, seed: 3)
      case .taughtPairs: return TeacherLabelledSampler(
        try PairwiseSampler(run: run, qrels: qrels, negatives: 2, seed: 3), teacher: SharedDocuments.teacher)
      case .taughtLists: return TeacherLabelledSampler(
        try ListwiseSampler(run: run, qrels: qrels, size: 4, seed: 3), teacher: SharedDocuments.teacher)
      case .taughtPoints: return TeacherLabelledSampler(
        try PointwiseSampler(run: run, qrels: qrels, seed: 3), teacher: SharedDocuments.teacher)
      case .episodes: return try EpisodicSampler(qrels: qrels, ways: 4, shots: 1, queries: 1, seed: 3)
      }
    }
  }

  // MARK: - Weightings

  enum Weighting: CaseIterable {
    case none, curriculum, teacherMargin, loss, propensity, coupled, consensus, product, personal

    func make() throws -> (any SampleWeighting)? {
      switch self {
      case .none, .personal: return nil
      case .curriculum: return try weights(by: ReciprocalRankDifficulty())
      case .teacherMargin:
        let heuristic = try TeacherMarginDifficulty(teacher: FirstStageStatistics(run: SharedDocuments.teacher), name: "teacher")
        return try weights(by: heuristic).averaged(over: .groupMean(size: 2))
      case .loss: return try LossReweighting(warmupSteps: 0)
      case .propensity: return try InversePropensityWeighting(statistics: SharedDocuments.statistics.get())
      case .coupled: return try CoupledEstimation(temperature: 2).relevanceWeighting
      case .consensus:
        return try ConsensusWeighting(
          pairs: SharedDocuments.everyPair.get(), views: [.model("ranker"), .run(SharedDocuments.statistics.get())],
          division: ConfidentConsensusDivision(), seed: 4)
      case .product:
        return try ProductWeighting(
          [weights(by: KDEScoreDifficulty()), LossReweighting(warmupSteps: 0)], renormalization: .mean(1))
      }
    }

    private func weights(by heuristic: any DifficultyHeuristic) throws -> CurriculumWeighting {
      CurriculumWeighting(
        heuristic: heuristic, schedule: try LinearCurriculum(endEpoch: 3), statistics: try SharedDocuments.statistics.get())
    }

    /// The error for samples that it cannot weigh: single documents have no negative, and are no pairs.
    func refusal(of samples: [TrainingSample]) throws -> WeightingError? {
      switch self {
      case .propensity, .coupled, .personal:
        return samples.first { $0.documents.allSatisfy(\.isPositive) }.map { .noNegatives(sample: $0.id) }
      case .consensus:
        let known = Set(try SharedDocuments.everyPair.get().map(ConsensusWeighting.key))
        return samples.first { !known.contains(ConsensusWeighting.key($0)) }.map { .notDivided(sample: $0.id) }
      default: return nil
      }
    }
  }

  // MARK: - Trainings

  private func trainer(
    _ text: String, _ weighting: Weighting, _ sampler: any TrainingSampler, _ scorer: Scorer
  ) throws -> Trainer {
    var models: [TrainedModel] = []
    func trained(_ scorer: any PairScorer, _ name: String) -> TrainedModel {
      let group = ParameterGroup(parameters: scorer.parameters, learningRate: 1e-3)
      return TrainedModel(scorer, name: name, optimizer: SGD(groups: [group]), gradientClipping: 1)
    }
    func head(_ scorer: any PairScorer, _ loss: any RankingLoss) -> any PairScorer {
      if let ordinal = loss as? OrdinalLoss { return OrdinalScorer(scorer, levels: ordinal.levels) }
      return loss.logitsPerDocument == 2 ? TwoLogitScorer(scorer) : scorer
    }
    let weights = try weighting.make()
    let coupled = weighting == .coupled ? try CoupledEstimation(temperature: 2) : nil
    var objectives: [TrainingObjective]
    switch try LossNames.named(text, context: LossContext(shown: SharedDocuments.run)) {
    case .scores(let loss):
      models = [trained(head(scorer.make(seed: 1), loss), "ranker")]
      objectives = [TrainingObjective(loss, weighting: weights)]
      if let coupled {
        models.append(trained(head(scorer.make(seed: 2), loss), "selection"))
        objectives.append(
          TrainingObjective(loss, name: "selection", model: "selection", weighting: coupled.selectionWeighting))
      }
    case .vectors(let loss):
      models = [trained(scorer.make(seed: 1), "ranker")]
      if loss.needsGuide { models.append(TrainedModel(scorer.make(seed: 5), name: "guide", optimizer: nil)) }
      objectives = [TrainingObjective(loss, qrels: SharedDocuments.qrels, guide: "guide", weighting: weights)]
      if let coupled {
        models.append(trained(scorer.make(seed: 2), "selection"))
        objectives.append(
          TrainingObjective(
            loss, qrels: SharedDocuments.qrels, guide: "guide", name: "selection", model: "selection",
            weighting: coupled.selectionWeighting))
      }
    case .dual(let dual):
      models = [
        trained(scorer.make(seed: 1), "ranker"), trained(PositionModel(log: dual.log, positions: 12), "propensity"),
      ]
      // It has a second model of its own already; the one that weighs is a frozen one.
      if coupled != nil { models.append(TrainedModel(scorer.make(seed: 2), name: "selection", optimizer: nil)) }
      objectives = dual.objectives(weighting: weights)
    }
    var options = TrainerOptions(seed: 11)
    options.batchSize = 4
    options.epochLength = .samples(8)
    options.maxEpochs = 1
    options.showsProgress = false
    let hooks: [any TrainerHook] = weighting == .personal
      ? [try PersonalLossResampling(groups: SharedDocuments.positives, poolSize: 2, startEpoch: 0, seed: 8)] : []
    return try Trainer(
      models: models, sampler: sampler, texts: SharedDocuments.texts, objectives: objectives, hooks: hooks, options: options)
  }

  @Test("Trains two steps with the weights of its weighting, or is refused as documented", arguments: LossMatrixTests.texts)
  func matrix(text: String) throws {
    let entry = try LossNames.entry(text)
    for sampling in Sampling.allCases where sampling.suits(entry) {
      let sampler = try sampling.make(entry.labels)
      var ahead = sampler
      let samples = try ahead.next(8)
      // Two documents have no spread to speak of.
      let isTooShort = entry.name == "z-loss" && samples.contains { $0.documents.count < 3 }
      for scorer in Scorer.allCases where (entry.model == .vectors) == (scorer == .projection) {
        guard entry.forms.contains(sampling.form), !isTooShort else {
          let refused = try trainer(text, .none, sampler, scorer)
          #expect(throws: LossError.self, "\(text), \(sampling), \(scorer)") { try refused.train() }
          continue
        }
        for weighting in Weighting.allCases where weighting != .personal || sampling.form == .pairwise && !sampling.isTaught {
          let note: Comment = "\(text), \(weighting), \(sampling), \(scorer)"
          let trainer = try trainer(text, weighting, sampler, scorer)
          if let refusal = try weighting.refusal(of: samples) {
            #expect(throws: refusal, note) { try trainer.train() }
            continue
          }
          let before = bits(trainer.models[0].scorer)
          let objective = try trainer.train().history[0].objectives[0]
          #expect(trainer.step == 2 && objective.meanLoss.isFinite && objective.meanWeightedLoss.isFinite, note)
          #expect((objective.weighting != nil) == (try weighting.make() != nil), note)
          if weighting == .none, entry.model != .vectors { #expect(bits(trainer.models[0].scorer) != before, note) }
        }
      }
    }
  }
}

/// Six queries over the same twelve documents, of which each has two relevant ones of its own.
private enum SharedDocuments {
  static let qids = (0..<6).map { "q\($0)" }
  static let docnos = (0..<12).map { "d\($0)" }
  static let run = ranked("first", shift: 3)
  static let teacher = ranked("teacher", shift: 11)

  static let positives = Dictionary(uniqueKeysWithValues: qids.enumerated().map { ($1, [docnos[2 * $0], docnos[2 * $0 + 1]]) })

  static let qrels: Qrels = {
    var qrels = Qrels()
    for (query, qid) in qids.enumerated() {
      for part in 0..<2 { qrels.judge(qid: qid, docno: docnos[2 * query + part], grade: 1 + (query + part) % 3) }
    }
    return qrels
  }()

  static let texts: InMemoryTexts = {
    var generator = SeededGenerator(seed: 21)
    return InMemoryTexts(
      queries: qids.map { Query(qid: $0, text: "query") },
      documents: docnos.map { docno in
        Document(docno: docno, text: (0..<TinyTexts.features).map { _ in "\(generator.normal())" }.joined(separator: " "))
      })
  }()

  static let queries = vectors(of: qids, seed: 22)
  static let documents = vectors(of: docnos, seed: 23)

  static let statistics: Result<FirstStageStatistics, any Error> = Result { try FirstStageStatistics(run: run) }

  static let everyPair: Result<[TrainingSample], any Error> = Result {
    try PairwiseSampler(run: run, qrels: qrels, seed: 3).everyPositive(negatives: 3, seed: 1)
  }

  /// Neighbouring lines are of different queries.
  static let triples: Result<String, any Error> = Result {
    let lines = (0..<2).flatMap { part in
      qids.indices.map { "\(qids[$0])\t\(docnos[2 * $0 + part])\t\(docnos[(2 * $0 + 5 + part) % 12])\n" }
    }
    return try TemporaryFolder.makeFile(lines.joined(), "triples.tsv")
  }

  /// Different scores for a query's documents.
  private static func ranked(_ name: String, shift: Int) -> Run {
    Run(name: name, rankings: qids.indices.map { query in
      Ranking(qid: qids[query], documents: docnos.indices.map { document in
        ScoredDocument(docno: docnos[document], score: Double((7 * document + 5 * query + shift) % 17) / 2)
      })
    })
  }

  private static func vectors(of names: [String], seed: UInt64) -> VectorTable {
    var generator = SeededGenerator(seed: seed)
    return VectorTable(
      Dictionary(uniqueKeysWithValues: names.map { name in (name, (0..<4).map { _ in Float(generator.normal()) }) }))
  }
}
