import Foundation
import GradusCore
import GradusFormats
import GradusTensor
import Testing

@testable import GradusModels

/// Rows whose grade follows from the first two of five features, with noise in the others.
enum FeatureFixture {
  static func data(queries: Int = 30, rows: Int = 8, seed: UInt64 = 3) -> FeatureData {
    var generator = SeededGenerator(seed: seed)
    var groups: [FeatureData.Group] = []
    var grades: [Int] = [], features: [Float] = [], docnos: [String] = []
    for query in 0..<queries {
      // Lists of different length.
      let count = rows - query % 3
      groups.append(FeatureData.Group(qid: "q\(query)", rows: grades.count..<grades.count + count))
      for row in 0..<count {
        let values = (0..<5).map { _ in Float(generator.uniform()) }
        let relevance = Double(values[0] + values[1]) / 2
        grades.append(relevance > 0.65 ? 2 : relevance > 0.45 ? 1 : 0)
        features += values
        docnos.append("d\(row)")
      }
    }
    return FeatureData(groups: groups, docnos: docnos, grades: grades, width: 5, features: features)
  }

  /// Mean share of pairs of different grades that the scores order rightly.
  static func accuracy(_ data: FeatureData, _ scores: [Double]) -> Double {
    var right = 0.0, all = 0.0
    for group in data.groups {
      for i in group.rows {
        for j in group.rows where data.grades[i] > data.grades[j] {
          all += 1
          right += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0
        }
      }
    }
    return right / all
  }
}

@Suite("Gradients of LambdaMART")
struct LambdaGradientTests {
  private func data(_ grades: [Int]) -> FeatureData {
    FeatureData(
      groups: [.init(qid: "1", rows: grades.indices)], docnos: grades.indices.map { "\($0)" }, grades: grades, width: 1,
      features: grades.map { _ in 0 })
  }

  @Test("Two rows of equal score, by hand")
  func worked() {
    // delta = (2 - 1) (1 - 1 / log2 3) / 1 = 0.369070, rho = 1/2.
    let found = LambdaGradients(data([1, 0]), scores: [0, 0])
    #expect(abs(found.first[0] + 0.184_535) < 1e-6 && abs(found.first[1] - 0.184_535) < 1e-6)
    #expect(found.second.allSatisfy { abs($0 - 0.092_268) < 1e-6 })
    // The better row stands last: the same exchange of ranks, and rho = 1 / (1 + exp(-1)).
    let wrong = LambdaGradients(data([0, 1]), scores: [1, 0])
    #expect(abs(Double(wrong.first[1]) + 0.369_070 * 0.731_059) < 1e-6)
    #expect(LambdaGradients(data([2, 2, 2]), scores: [1, 2, 3]).first == [0, 0, 0])
    #expect(LambdaGradients(data([0]), scores: [1]).second == [0])
  }

  @Test("The derivatives of the pairs' losses with the exchanges held fast")
  func finiteDifferences() {
    let grades = [0, 2, 1, 0, 3], scores = [0.3, -0.2, 1.1, 0.9, 0.1]
    let order = scores.indices.sorted { scores[$0] > scores[$1] }
    var discount = [Double](repeating: 0, count: 5)
    for (rank, place) in order.enumerated() { discount[place] = 1 / log2(Double(rank) + 2) }
    let ideal = [7.0, 3, 1, 0, 0].enumerated().reduce(0) { $0 + $1.element / log2(Double($1.offset) + 2) }
    func loss(_ s: [Double]) -> Double {
      var sum = 0.0
      for i in s.indices {
        for j in s.indices where grades[i] > grades[j] {
          let delta = (exp2(Double(grades[i])) - exp2(Double(grades[j]))) * abs(discount[i] - discount[j]) / ideal
          sum += delta * log(1 + exp(s[j] - s[i]))
        }
      }
      return sum
    }
    let found = LambdaGradients(data(grades), scores: scores)
    for row in scores.indices {
      var up = scores, down = scores
      up[row] += 1e-4
      down[row] -= 1e-4
      #expect(abs(Double(found.first[row]) - (loss(up) - loss(down)) / 2e-4) < 1e-5)
      #expect(abs(Double(found.second[row]) - (loss(up) - 2 * loss(scores) + loss(down)) / 1e-8) < 1e-4)
    }
  }
}

@Suite(
  "Boosted trees",
  .enabled(if: (try? XGBoostLibrary.shared.get()) != nil, "needs XGBoost: apt-get install libxgboost-dev"))
struct TreeTests {
  private func options(_ change: (inout GradientBoostedTrees.Options) -> Void = { _ in }) -> GradientBoostedTrees.Options {
    var options = GradientBoostedTrees.Options(trees: 30)
    options.minimumChildWeight = 0.1
    change(&options)
    return options
  }

  @Test("Trees learn an order and rank queries that they have not seen", arguments: GradientBoostedTrees.Objective.allCases)
  func learns(objective: GradientBoostedTrees.Objective) throws {
    let test = FeatureFixture.data(seed: 4)
    let trees = try GradientBoostedTrees(training: FeatureFixture.data(), options: options { $0.objective = objective })
    #expect(trees.trees == 30 && trees.features == 5)
    #expect(FeatureFixture.accuracy(test, try trees.scores(test)) > 0.85)
  }

  @Test("Equal options give equal bits, another seed does not where trees see a share of the rows")
  func determinism() throws {
    let data = FeatureFixture.data()
    func bytes(_ seed: UInt64, _ objective: GradientBoostedTrees.Objective) throws -> [UInt8] {
      try GradientBoostedTrees(
        training: data,
        options: options {
          $0.seed = seed
          $0.rowShare = 0.5
          $0.objective = objective
        }
      ).encoded()
    }
    for objective in GradientBoostedTrees.Objective.allCases {
      #expect(try bytes(1, objective) == bytes(1, objective))
    }
    #expect(try bytes(1, .lambdaRank) != bytes(2, .lambdaRank))
  }

  @Test("A row's score does not depend on its query")
  func rows() throws {
    let data = FeatureFixture.data()
    let trees = try GradientBoostedTrees(training: data, options: options())
    let part = data.selecting([7, 2])
    let all = try trees.scores(data)
    #expect(try trees.scores(part) == data.groups[7].rows.map { all[$0] } + data.groups[2].rows.map { all[$0] })
  }

  @Test("Saved trees give the same scores to the bit, and the folder says what it is")
  func saving() throws {
    let data = FeatureFixture.data()
    let folder = try TestFolder()
    let trees = try GradientBoostedTrees(training: data, options: options())
    try FeatureModel(.trees(trees), manifest: .init(recipe: ["trees": "30"], seed: 1)).save(to: folder.path)
    let loaded = try FeatureModel(path: folder.path)
    #expect(loaded.manifest.kind == .trees && loaded.manifest.features == 5)
    #expect(try loaded.scores(data) == trees.scores(data))
    let other = FeatureData(
      groups: [.init(qid: "1", rows: 0..<1)], docnos: ["d"], grades: [0], width: 6, features: [0, 0, 0, 0, 0, 0])
    #expect(throws: XGBoostError.features(expected: 5, found: 6)) { try loaded.scores(other) }
  }

  @Test("The number of trees that is best on held-out queries is kept")
  func earlyStopping() throws {
    let data = FeatureFixture.data()
    var values: [Double] = []
    // Best after five trees, whatever they say.
    let trees = try GradientBoostedTrees(
      training: data, options: options(), heldOut: data.selecting([0]), patience: 4, value: { _ in
        values.append(0)
        return values.count == 5 ? 1 : 0
      })
    #expect(trees.trees == 5 && values.count == 9)
    let five = try GradientBoostedTrees(training: data, options: options { $0.trees = 5 })
    #expect(try trees.scores(data) == five.scores(data))
  }

  @Test("What cannot be meant is refused")
  func refused() throws {
    let data = FeatureFixture.data()
    func error(_ change: @escaping (inout GradientBoostedTrees.Options) -> Void) -> XGBoostError? {
      do {
        _ = try GradientBoostedTrees(training: data, options: options(change))
        return nil
      } catch {
        return error as? XGBoostError
      }
    }
    #expect(error { $0.trees = 0 } == .setting(name: "the number of trees", found: "0", expected: "1 to 100000"))
    #expect(error { $0.learningRate = .nan } != nil && error { $0.leaves = 1 } != nil && error { $0.rowShare = 0 } != nil)
    #expect(error { $0.leaves = 0 } != nil, "neither leaves nor depth end a tree")
    let flat = FeatureData(
      groups: [.init(qid: "1", rows: 0..<2)], docnos: ["a", "b"], grades: [1, 1], width: 1, features: [0, 1])
    #expect(throws: XGBoostError.nothingToLearn) { try GradientBoostedTrees(training: flat) }
    let high = FeatureData(
      groups: [.init(qid: "1", rows: 0..<2)], docnos: ["a", "b"], grades: [32, 1], width: 1, features: [0, 1])
    #expect(throws: XGBoostError.grade(qid: "1", docno: "a", grade: 32)) { try GradientBoostedTrees(training: high) }
    guard case XGBoostError.failed? = (#expect(throws: XGBoostError.self) {
      try GradientBoostedTrees(decoding: Array("{}".utf8), features: 5)
    }) else {
      Issue.record("expected XGBoost's own words")
      return
    }
  }
}

@Suite("Without XGBoost")
struct MissingLibraryTests {
  @Test("A missing library is said with the package that has it")
  func missing() {
    let error = #expect(throws: XGBoostError.self) { try XGBoostLibrary(["/nowhere/libxgboost.so"]) }
    guard case .libraryMissing? = error else {
      Issue.record("found \(String(describing: error))")
      return
    }
    #expect(error?.failureKind == .missingInput)
    #expect(error?.description.contains("apt-get install libxgboost-dev") == true)
    // A library that is another one.
    let other = #expect(throws: XGBoostError.self) { try XGBoostLibrary(["libz.so.1", "libz.dylib"]) }
    guard case .functionMissing("XGBGetLastError", _)? = other else {
      Issue.record("found \(String(describing: other))")
      return
    }
  }
}

@Suite("Networks on features")
struct FeatureRankerTests {
  @Test("Transforms by hand")
  func transforms() {
    let data = FeatureData(
      groups: [.init(qid: "1", rows: 0..<2)], docnos: ["a", "b"], grades: [1, 0], width: 3, features: [1, 5, -3, 3, 5, 7])
    let standard = FeatureTransform(.standardise, fittedOn: data)
    // Means 2, 5, 2; deviations 1, 0, 5.
    #expect(standard.means == [2, 5, 2] && standard.scales == [1, 0, 0.2])
    #expect(standard.applied(to: data) == [-1, 0, -1, 1, 0, 1])
    let logs = FeatureTransform(.log1p, fittedOn: data).applied(to: data)
    for (found, expected) in zip(logs, [0.693147, 1.791759, -1.386294, 1.386294, 1.791759, 2.079442]) {
      #expect(abs(Double(found) - expected) < 1e-6)
    }
    #expect(FeatureTransform(.none, fittedOn: data).applied(to: data) == data.features)
    let both = FeatureTransform(.logStandardise, fittedOn: data).applied(to: data)
    #expect(both.map { ($0 * 1000).rounded() } == [-1000, 0, -1000, 1000, 0, 1000])
  }

  @Test("A ranker scores rows by name as it scores them by place, and a saved one to the bit")
  func scores() throws {
    let data = FeatureFixture.data(queries: 4)
    let ranker = FeatureRanker(transform: FeatureTransform(.standardise, fittedOn: data), features: 5, seed: 2)
    let scorer = ranker.reading([data])
    let pairs = data.groups.flatMap { group in
      group.rows.map {
        ScoringPair(query: Query(qid: group.qid, text: ""), document: Document(docno: data.docnos[$0], text: ""))
      }
    }
    let all = try ranker.scores(data)
    #expect(try scorer.rankingScores(pairs.reversed()).map(\.score) == all.reversed())
    let stranger = ScoringPair(query: Query(qid: "q0", text: ""), document: Document(docno: "none", text: ""))
    #expect(throws: FeatureModelError.unknownRow(qid: "q0", docno: "none")) { try scorer.rankingScores([stranger]) }
    let folder = try TestFolder()
    let model = FeatureModel(.network(ranker), manifest: .init(recipe: ["loss": "listnet"], seed: 2))
    try model.save(to: folder.path)
    let loaded = try FeatureModel(path: folder.path)
    #expect(loaded.manifest == model.manifest)
    #expect(try loaded.scores(data) == all)
  }

  @Test("Folders that hold no model of features, or a damaged one")
  func damaged() throws {
    let folder = try TestFolder()
    #expect(throws: FeatureModelError.noModel(folder: folder.path)) { try FeatureModel(path: folder.path) }
    let data = FeatureFixture.data(queries: 2)
    let ranker = FeatureRanker(transform: FeatureTransform(.standardise, fittedOn: data), features: 5, seed: 2)
    try FeatureModel(.network(ranker), manifest: .init(recipe: [:], seed: 2)).save(to: folder.path)
    let file = folder.path + "/" + FeatureModel.manifestName
    let text = try String(contentsOfFile: file, encoding: .utf8)
    let changes = [
      ("\"format\" : 1", "\"format\" : 9"), ("\"features\" : 5", "\"features\" : 4"), ("\"dropout\" : 0.1", "\"dropout\" : 3"),
    ]
    for (old, new) in changes {
      try #require(text.contains(old))
      try text.replacingOccurrences(of: old, with: new).write(toFile: file, atomically: true, encoding: .utf8)
      let error = #expect(throws: FeatureModelError.self) { try FeatureModel(path: folder.path) }
      guard case .manifest? = error else {
        Issue.record("\(new): \(String(describing: error))")
        return
      }
    }
  }
}
