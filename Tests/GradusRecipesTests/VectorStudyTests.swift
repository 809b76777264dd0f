import GradusCore
import GradusModels
import GradusTensor
import GradusTrain
import Testing

@testable import GradusRecipes

@Suite("Studies of losses over vectors, and of rare classes")
struct VectorStudyTests {
  /// Three groups of six points: the first number tells the group, the second is large and says nothing.
  static let points: [String: [Float]] = {
    var generator = SeededGenerator(seed: 5)
    var points: [String: [Float]] = [:]
    for group in 0..<3 {
      for point in 0..<6 {
        let angle = 2.1 * Float(group) + 0.2 * Float(generator.uniform())
        points["g\(group)p\(point)"] = [angle - 2, 6 * Float(generator.uniform()) - 3, 1]
      }
    }
    return points
  }()
  static let groups = (0..<3).map { group in (0..<6).map { "g\(group)p\($0)" } }

  @Test("Losses by name, with + between them")
  func losses() throws {
    let found = try ProjectionTraining.losses("prototypical(temperature=0.1,shots=1) + proto-triplet(shots=1)+icnn")
    #expect(found.count == 3 && found[0] is PrototypicalLoss && found[1] is ProtoTripletLoss && found[2] is ICNNLoss)
    #expect(try ProjectionTraining.losses("none").isEmpty)
    #expect(throws: SettingError.self) { try ProjectionTraining.losses("infonce + ranknet") }
    #expect(throws: NameError.self) { try ProjectionTraining.losses("infonce + ") }
    #expect(throws: NameError.self) { try ProjectionTraining.losses("infonse") }
  }

  @Test("Pairs of groups: rounds over groups, two members of one, a negative of none")
  func pairs() throws {
    let groups = Self.groups.map { GroupPairSampler.Group(anchors: $0, members: $0) }
    var sampler = GroupPairSampler(groups: groups, catalogue: Self.groups.flatMap { $0 }, seed: 3)
    for _ in 0..<20 {
      let round = try sampler.next(3)
      #expect(Set(round.map { $0.qid.prefix(2) }).count == 3)
      for sample in round {
        #expect(sample.documents[0].docno.prefix(2) == sample.qid.prefix(2) && sample.documents[0].docno != sample.qid)
        #expect(sample.documents[1].docno.prefix(2) != sample.qid.prefix(2))
      }
    }
    var again = GroupPairSampler(groups: groups, catalogue: Self.groups.flatMap { $0 }, seed: 3)
    again.resume(from: sampler.resumeState)
    let (ahead, expected) = (try again.next(4), try sampler.next(4))
    #expect(ahead == expected)
  }

  @Test("A head learns episodes: the best epoch's figure is not below the first's, and the same again; without losses it stays")
  func training() throws {
    let table = VectorTable(Self.points)
    func trained(_ losses: String) throws -> (ProjectionTraining, [Double]) {
      let settings = try StudySettings(
        FewShotStudy.self, [("losses", losses), ("epochs", "4"), ("steps-per-epoch", "20"), ("learning-rate", "0.02")])
      var qrels = Qrels()
      for (number, group) in Self.groups.enumerated() {
        for name in group { qrels.judge(qid: "g\(number)", docno: name, grade: 1) }
      }
      let head = VectorProjection(
        queries: table.selecting((0..<3).map { ("g\($0)", "g\($0)p0") }), documents: table,
        maps: .init(isShared: true, isNormalized: false))
      let sampler = try EpisodicSampler(qrels: qrels, ways: 3, shots: 1, queries: 2, seed: 1)
      let episodes = try Self.episodes()
      let training = try ProjectionTraining(head, settings, sampler: sampler, batch: 3, qrels: nil, seed: 1) {
        try FewShotStudy.accuracies($0, episodes, shots: 1).mean
      }
      return (training, try FewShotStudy.accuracies(training.head, episodes, shots: 1))
    }
    let (plain, before) = try trained("none")
    let (first, after) = try trained("prototypical(shots=1) + proto-triplet(shots=1) + icnn(k=2,episodic=true)")
    #expect(plain.curves.isEmpty && plain.development == before.mean && before.mean < 0.95)
    #expect(first.development == after.mean && after.mean > before.mean)
    #expect(first.curves.map(\.x.count) == [4, 4])
    let (second, _) = try trained("prototypical(shots=1) + proto-triplet(shots=1) + icnn(k=2,episodic=true)")
    #expect(second.curves == first.curves && second.development == first.development)
    // A single loss is not that mean.
    #expect(try trained("prototypical(shots=1)").0.curves[0].y != first.curves[0].y)
  }

  private static func episodes() throws -> [[[String]]] {
    let pages = groups.enumerated().map { TopicPages.Page(name: "g\($0)", passages: $1) }
    return try FewShotStudy.episodes(pages, 3, 1, 2, count: 40, stream: "test")
  }

  @Test("Episodes: as many pages, different passages; accuracy by hand; too many ways")
  func episodes() throws {
    let found = try Self.episodes()
    #expect(found.count == 40)
    for episode in found {
      #expect(episode.count == 3 && Set(episode.map { $0[0].prefix(2) }).count == 3)
      for page in episode { #expect(Set(page).count == 3 && Set(page.map { $0.prefix(2) }).count == 1) }
    }
    #expect(try Self.episodes() == found)
    let table = VectorTable(["a": [0, 0], "b": [4, 0], "c": [1, 0], "d": [3, 0], "e": [1.5, 0]])
    let head = VectorProjection(queries: table, documents: table, maps: .init(isShared: true, isNormalized: false))
    // c is nearer to a, d to b; e is nearer to a, but of the other page.
    let accuracies = try FewShotStudy.accuracies(head, [[["a", "c"], ["b", "d"]], [["a", "c"], ["b", "e"]]], shots: 1)
    #expect(accuracies == [1, 0.5])
    #expect(throws: SettingError.self) {
      try FewShotStudy.episodes([TopicPages.Page(name: "g", passages: Self.groups[0])], 2, 1, 2, count: 1, stream: "test")
    }
  }

  @Test("Binary nDCG of a ranking's first ten, by hand")
  func ndcg() {
    // Hits at 1 and 3 of three relevant documents: (1 + 1/2) / (1 + 1/log2(3) + 1/2).
    let expected = 1.5 / (1.5 + 1 / 1.584962500721156)
    #expect(abs(SetRankingStudy.ndcg([1, 0, 1, 0], ideal: 3) - expected) < 1e-12)
    #expect(SetRankingStudy.ndcg([1, 1], ideal: 2) == 1 && SetRankingStudy.ndcg([0, 0], ideal: 2) == 0)
  }

  @Test("The first stage's scorer starts at 0, reads share of the best score and rank, and knows no document outside the run")
  func firstStage() throws {
    let run = Run(name: "bm25", rankings: [
      Ranking(qid: "q", documents: [ScoredDocument(docno: "a", score: 8), ScoredDocument(docno: "b", score: 2)])
    ])
    let scorer = FirstStageScorer(statistics: try FirstStageStatistics(run: run))
    let pairs = ["a", "b", "c"].map { ScoringPair(query: Query(qid: "q", text: ""), document: Document(docno: $0, text: "")) }
    #expect(try scorer.scores(pairs, context: .inference).doubles() == [0, 0, 0])
    scorer.parameters[0].value = Tensor([Float(2), 3], shape: [1, 2])
    let found = try scorer.scores(pairs, context: .inference).doubles()
    // 2 * 1 + 3 / log2(2);  2 * 0.25 + 3 / log2(3).
    #expect(abs(found[0] - 5) < 1e-6 && abs(found[1] - (0.5 + 3 / 1.584962500721156)) < 1e-6 && found[2] == 0)
  }

  private func rare(_ changes: [(name: String, value: String)], seed: UInt64 = 1) throws -> StudyOutcome {
    let small: [(name: String, value: String)] = [("draws", "2"), ("rows", "400"), ("features", "3"), ("lambdas", "4")]
    return try RareClassStudy.run(try StudySettings(RareClassStudy.self, small + changes), seed: seed, context: StudyContext())
  }

  @Test("Rare classes: the same draws for every rival, errors that more rows make smaller, and bad intercepts", arguments: [
    "presto", "odds-lasso", "odds", "logistic-lasso", "logistic",
  ])
  func rareClasses(method: String) throws {
    let found = try rare([("method", method), ("intercepts", "0, 1.5, 2.5")])
    #expect(found.items == ["draw 1", "draw 2"] && found.values.values.allSatisfy { $0.allSatisfy { $0 > 0 } })
    #expect(try rare([("method", method), ("intercepts", "0, 1.5, 2.5")]) == found)
    let many = try rare([("method", method), ("intercepts", "0, 1.5, 2.5"), ("rows", "6000"), ("density", "0")])
    let few = try rare([("method", method), ("intercepts", "0, 1.5, 2.5"), ("density", "0")])
    #expect(many.values.values.first?.mean ?? 1 < few.values.values.first?.mean ?? 0)
    for wrong in ["0", "1, 0", "0, x"] { #expect(throws: SettingError.self) { try rare([("intercepts", wrong)]) } }
  }

  @Test("Simulated draws have the probabilities that they say: the rare class is as frequent as its mean probability")
  func draws() throws {
    let settings = try StudySettings(RareClassStudy.self, [("rows", "20000"), ("features", "4"), ("design", "dense")])
    let draw = RareClassStudy.Draw(settings, intercepts: [0, 1.5, 2.5], generator: SeededGenerator(seed: 2))
    let share = Double(draw.classes.count { $0 == 3 }) / 20000
    #expect(abs(share - draw.rare.mean) < 0.005 && share > 0.03 && share < 0.15)
  }

  @Test("Folds of queries share out those with the top grade; features are those of the largest correlation")
  func features() {
    func row(_ grade: Double, _ features: [Float]) -> FeatureSets.Row { FeatureSets.Row(grade: grade, features: features) }
    let queries = (0..<25).map { [row($0 < 10 ? 4 : 1, [0]), row(0, [0])] }
    let folds = TopGradeStudy.folds(queries, top: 4, generator: SeededGenerator(seed: 1))
    for fold in 0..<5 {
      #expect(folds.indices.count { folds[$0] == fold } == 5)
      #expect(folds.indices.count { folds[$0] == fold && $0 < 10 } == 2)
    }
    let rows = [row(0, [1, 7, 0]), row(1, [1, 3, 1]), row(2, [1, 5, 2]), row(3, [1, 4, 1])]
    #expect(TopGradeStudy.features(rows, count: 1) == [2] && TopGradeStudy.features(rows, count: 2) == [1, 2])
  }
}
