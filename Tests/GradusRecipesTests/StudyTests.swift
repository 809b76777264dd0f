import Foundation
import GradusCore
import GradusData
@testable import GradusRecipes
import GradusTrain
import Testing

@Suite("Studies")
struct StudyTests {
  @Test("Names are one of a kind, settings have valid defaults, measures are named")
  func catalogue() throws {
    let names = StudyCatalog.all.map { $0.name }
    #expect(Set(names).count == names.count)
    for study in StudyCatalog.all {
      let settings = study.settings
      #expect(Set(settings.map(\.name)).count == settings.count, "\(study.name)")
      #expect(!study.measures.isEmpty && !study.items.isEmpty && !study.summary.isEmpty)
      _ = try StudySettings(study, settings.map { ($0.name, $0.defaultValue) })
    }
  }

  @Test("Settings are checked by kind, and the nearest name is told")
  func settings() throws {
    var settings = try StudySettings(SortingStudy.self, [("numbers", "4")])
    #expect(settings.count("numbers") == 4 && settings["reader"] == "set" && settings.number("learning-rate") == 0.002)
    #expect(throws: SettingError.unknown("nmbers", nearest: "numbers")) { try settings.set("nmbers", to: "4") }
    #expect(throws: SettingError.self) { try settings.set("learning-rate", to: "2") }
    let expected = "one of set, sequence (did you mean 'set'?)"
    #expect(throws: SettingError.value(setting: "reader", found: "sets", expected: expected)) {
      try settings.set("reader", to: "sets")
    }
    var regression = try StudySettings(LinearRegressionStudy.self)
    #expect(throws: SettingError.self) { try regression.set("weighting", to: "losss") }
  }

  private func regression(_ changes: [(String, String)], seed: UInt64 = 1) throws -> StudyOutcome {
    let small = [("problems", "6"), ("steps", "40")] + changes
    return try LinearRegressionStudy.run(
      try StudySettings(LinearRegressionStudy.self, small.map { (name: $0.0, value: $0.1) }), seed: seed, context: StudyContext())
  }

  @Test("Linear regression: starts at the same loss for all arms, falls, and is a function of the seed")
  func linearRegression() throws {
    let plain = try regression([])
    #expect(try regression([]) == plain)
    #expect(try regression([], seed: 2) != plain)
    let weighted = try regression([("weighting", "loss(warmup=0)")])
    #expect(weighted.curves[0].y[0] == plain.curves[0].y[0] && weighted.curves[0].y[1] != plain.curves[0].y[1])
    #expect(plain.curves[0].y[40] < plain.curves[0].y[0] - 1)
    // During the warm-up nothing is weighted.
    #expect(try regression([("weighting", "loss(warmup=40)")]).values == plain.values)
    // Of two rates the better one on problems of their own.
    let chosen = try regression([("learning-rates", "0.00001, 0.05")])
    #expect(chosen.values == plain.values && chosen.development != nil)
    #expect(throws: SettingError.self) { try regression([("weighting", "cet")]) }
    for wrong in ["0.1, fast", "", "-1"] {
      #expect(throws: SettingError.self) { try regression([("learning-rates", wrong)]) }
    }
  }

  @Test("Sorting: a seed gives its bits, and the model learns")
  func sorting() throws {
    func run(_ iterations: Int) throws -> StudyOutcome {
      let changes = [("numbers", "3"), ("width", "16"), ("batch", "16"), ("iterations", "\(iterations)"), ("test-sets", "60")]
      return try SortingStudy.run(
        try StudySettings(SortingStudy.self, changes.map { (name: $0.0, value: $0.1) }), seed: 3, context: StudyContext())
    }
    let short = try run(5)
    #expect(try run(5) == short)
    // Guessing has a loss of log 3! = 1.79.
    let losses = try #require(try run(250).curves.first { $0.name == "training loss" }).y
    #expect(losses[0] > 1.7 && losses[0] < 1.9 && losses[losses.count - 1] < losses[0] - 0.05)
  }

  @Test("The area under the curve: worked, with ties, and without either class")
  func area() {
    #expect(areaUnderCurve(positives: [3, 2], negatives: [1, 2.5]) == 0.75)
    #expect(areaUnderCurve(positives: [1, 1], negatives: [1]) == 0.5)
    #expect(areaUnderCurve(positives: [2], negatives: []) == 0.5)
  }

  /// Eleven users who like ten films of twenty, in a file as MovieLens has it.
  private func withRatings<Result>(_ extra: String = "", _ body: (DataHome) throws -> Result) throws -> Result {
    let folder = NSTemporaryDirectory() + "ratings-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder + "/movielens", withIntermediateDirectories: true)
    var lines = ["userId,movieId,rating,timestamp"]
    for user in 1...11 {
      for film in 0..<20 { lines.append("\(user),\(film),\((film + user) % 2 == 0 ? 5.0 : 2.5),9\(film)") }
    }
    let text = lines.joined(separator: "\n") + "\n" + extra
    try text.write(toFile: folder + "/movielens/ratings.csv", atomically: true, encoding: .utf8)
    return try body(DataHome(folder: folder + "/home", collectionFolders: [folder]))
  }

  @Test("Implicit feedback: parts are disjoint, wrong clicks are outside of training, every method runs")
  func implicitFeedback() throws {
    try withRatings { home in
      func settings(_ method: String, wrong: String = "0.3") throws -> StudySettings {
        try StudySettings(
          ImplicitFeedbackStudy.self, [
            ("method", method), ("wrong-share", wrong), ("epochs", "4"), ("batch", "16"), ("start", "1"), ("width", "4"),
            ("validate-every", "2"),
          ])
      }
      let data = try Interactions(home, try settings("plain"), seed: 1)
      #expect(data.users.count == 11 && data.items.count == 20)
      for user in data.users {
        let (training, wrong) = (Set(data.training[user] ?? []), data.wrong[user] ?? [])
        #expect(training.count == 9 && wrong.count == 2 && wrong.isSubset(of: training))
        #expect(data.development[user]?.count == 1 && data.test[user]?.count == 2)
        #expect(training.subtracting(wrong).isDisjoint(with: (data.development[user] ?? []) + (data.test[user] ?? [])))
      }
      var outcomes: [String: StudyOutcome] = [:]
      for method in ["plain", "drop", "personal"] {
        let outcome = try ImplicitFeedbackStudy.run(try settings(method), seed: 1, context: StudyContext(home: home))
        #expect(outcome.items == data.users && outcome.values["Recall@20"]?.allSatisfy { $0 >= 0 && $0 <= 1 } == true)
        outcomes[method] = outcome
      }
      #expect(outcomes["plain"]?.curves[0].y != outcomes["personal"]?.curves[0].y || outcomes["plain"] != outcomes["personal"])
      #expect(throws: StudyError.self) {
        try ImplicitFeedbackStudy.run(
          try settings("plain"), seed: 1, context: StudyContext(home: DataHome(folder: home.folder)))
      }
    }
    #expect(throws: MovieLensError.self) { try withRatings("1,2,good,3\n") { try MovieLens($0) } }
  }

  @Test("nDCG of grades: worked, and 0 without a relevant row")
  func ndcg() {
    // Gains 3, 1, 0 at discounts 1, 1/log2(3), 1/2.
    #expect(abs(SetRankingStudy.ndcg([1, 2, 0]) - (1 + 3 / 1.584962500721156) / (3 + 1 / 1.584962500721156)) < 1e-12)
    #expect(SetRankingStudy.ndcg([2, 1, 0]) == 1 && SetRankingStudy.ndcg([0, 0]) == 0)
  }
}
