import Foundation
import GradusCore
import GradusData
import GradusFormats
@testable import GradusRecipes
import GradusTensor
import GradusTrain
import Testing

@Suite("Studies of losses")
struct LossStudyTests {
  /// Six pages of twenty passages; a page's passages are made of its own words and of words that all pages have.
  private func withPages<Result>(_ body: (DataHome) throws -> Result) throws -> Result {
    let folder = NSTemporaryDirectory() + "pages-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let writer = try BEIRWriter(folder: folder + "/manuals")
    var generator = SeededGenerator(seed: 4)
    var documents: [Document] = []
    for page in 0..<6 {
      for number in 0..<20 {
        let words = (0..<30).map { place in
          place % 3 == 0 ? "Common\(generator.integer(below: 5))" : "page\(page)word\(generator.integer(below: 4))"
        }
        documents.append(Document(docno: "manual-page\(page)-\(number)", text: words.joined(separator: " ")))
      }
    }
    try writer.writeCorpus(documents)
    try writer.writeQueries([Query(qid: "q", text: "common1")])
    return try body(DataHome(folder: folder + "/home", collectionFolders: [folder]))
  }

  @Test("Pages: equally many passages each, parts that share none, too small ones refused")
  func pages() throws {
    try withPages { home in
      let pages = try PassagePages(collection: "manuals", pages: 3, perPage: 10, study: "x", home: home)
      // Taken evenly from six.
      #expect(pages.pages == ["manual-page0", "manual-page2", "manual-page4"])
      #expect(pages.training.count == 15 && pages.development.count == 6 && pages.test.count == 9)
      #expect(Set(pages.all.map(\.docno)).count == 30)
      for passage in pages.all { #expect(passage.docno.hasPrefix(pages.pages[passage.page] + "-")) }
      #expect(throws: StudyError.self) {
        try PassagePages(collection: "manuals", pages: 7, perPage: 10, study: "x", home: home)
      }
      #expect(throws: StudyError.self) {
        try PassagePages(collection: "manuals", pages: 3, perPage: 21, study: "x", home: home)
      }
    }
  }

  @Test("Words: runs of letters, digits and underscores, in lower case")
  func words() {
    #expect(WordSequences.words(of: "Sort_by 2 keys: `Foo-bar`é x") == ["sort_by", "2", "keys", "foo", "bar", "x"])
    #expect(WordSequences.words(of: " .").isEmpty)
  }

  @Test("Sequences: numbers by frequency, contexts padded with 0, unknown words never predicted, passages apart")
  func sequences() throws {
    try withPages { home in
      let data = try WordSequences(collection: "manuals", passages: 120, vocabulary: 12, context: 2, home: home)
      #expect(data.test.count == 12 && data.development.count == 12)
      #expect(Set(data.test.map(\.docno)).isDisjoint(with: data.development.map(\.docno)))
      let all = data.training + (data.test + data.development).flatMap(\.positions)
      #expect(all.allSatisfy { (1..<12).contains($0.word) && $0.context.count == 2 })
      #expect(all.contains { $0.context == [0, 0] })
      // The five common words make a third of the text, every other word less than a hundredth.
      let common = all.count { $0.word <= 5 }
      #expect(common > all.count / 2)
      #expect(throws: StudyError.self) {
        try WordSequences(collection: "manuals", passages: 120, vocabulary: 1000, context: 2, home: home)
      }
    }
  }

  private func words(_ changes: [(String, String)], seed: UInt64 = 1, home: DataHome) throws -> StudyOutcome {
    let small = [
      ("data", "manuals"), ("passages", "120"), ("vocabulary", "25"), ("vectors", "6"), ("width", "8"), ("budget", "10"),
    ]
    return try WordPredictionStudy.run(
      try StudySettings(WordPredictionStudy.self, (small + changes).map { (name: $0.0, value: $0.1) }), seed: seed,
      context: StudyContext(home: home))
  }

  @Test("Next word: every loss learns, a seed gives its bits, and a factored layer trains as a dense one does")
  func nextWord() throws {
    try withPages { home in
      for loss in ["softmax-cross-entropy", "z-loss(b=2)", "taylor-softmax"] {
        let outcome = try words([("loss", loss)], home: home)
        #expect(try words([("loss", loss)], home: home) == outcome)
        #expect(outcome.values["right word first"]?.allSatisfy { $0 >= 0 && $0 <= 1 } == true)
        let losses = try #require(outcome.curves.first { $0.name == "training loss" }).y
        #expect(losses[losses.count - 1] < losses[0], "\(loss)")
        // One word in 24 is first by chance.
        #expect((outcome.values["right word first"] ?? []).mean > 0.1, "\(loss)")
      }
      #expect(throws: SettingError.self) { try words([("loss", "ldr-kl")], home: home) }
    }
  }

  @Test("With a budget in multiplications the factored layer gets through more words")
  func budgets() throws {
    try withPages { home in
      func seen(_ loss: String) throws -> Double {
        let changes = [("loss", loss), ("budget-unit", "multiplications"), ("budget", "1"), ("width", "3"), ("vectors", "2")]
        let outcome = try words(changes, home: home)
        return try #require(outcome.curves.first { $0.name == "words trained on, thousands" }).y[0]
      }
      // Hidden layer 3 x 8 x 2; dense 3 x 25 x 3 more, factored 16 x 9 more.
      let dense = try seen("softmax-cross-entropy"), factored = try seen("z-loss")
      #expect(abs(dense - 1000 / (48 + 225)) < 0.01 && factored > dense)
    }
  }

  @Test("Dense softmax: loss and both gradients by finite differences")
  func denseSoftmax() {
    var generator = SeededGenerator(seed: 3)
    let weights = (0..<12).map { _ in generator.normal() }, h = [0.3, -1.2, 0.7]
    func loss(_ weights: [Double], _ h: [Double]) -> Double {
      var layer = DenseSoftmaxOutput(weights: weights, width: 3)
      return layer.step(h, target: 2, rate: 0).loss
    }
    var layer = DenseSoftmaxOutput(weights: weights, width: 3)
    let step = layer.step(h, target: 2, rate: 1)
    for j in 0..<3 {
      var (up, down) = (h, h)
      up[j] += 1e-6
      down[j] -= 1e-6
      #expect(abs((loss(weights, up) - loss(weights, down)) / 2e-6 - step.inputGradient[j]) < 1e-7)
    }
    // At rate 1 the weights have moved by minus their gradient: seen through the scores of unit vectors.
    for j in 0..<3 {
      let moved = layer.scores((0..<3).map { $0 == j ? 1 : 0 })
      for row in 0..<4 {
        var (up, down) = (weights, weights)
        up[row * 3 + j] += 1e-6
        down[row * 3 + j] -= 1e-6
        #expect(abs(weights[row * 3 + j] - moved[row] - (loss(up, h) - loss(down, h)) / 2e-6) < 1e-7)
      }
    }
  }

  /// Two hundred points around five centres.
  private func clouds(_ count: Int, seed: UInt64) -> ClassifiedVectors {
    var stream = SeededGenerator(seed: seed)
    let labels = (0..<count).map { $0 % 5 }
    return ClassifiedVectors(
      names: labels.indices.map { "\(seed)-\($0)" }, labels: labels,
      vectors: labels.map { label in (0..<8).map { Float(($0 == label ? 0.8 : 0) + 0.1 * stream.normal()) } })
  }

  @Test("Noisy labels: classes are learnt, wrong labels come at their rate, temperatures are kept for an adaptive loss")
  func noisyLabels() throws {
    func run(_ changes: [(String, String)]) throws -> StudyOutcome {
      let small = [("hidden", "16"), ("epochs", "8"), ("batch", "20"), ("learning-rate", "0.01")]
      return try NoisyLabelsStudy.train(
        try StudySettings(NoisyLabelsStudy.self, (small + changes).map { (name: $0.0, value: $0.1) }), seed: 1,
        classes: ["a", "b", "c", "d", "e"], training: clouds(200, seed: 1), development: clouds(50, seed: 2),
        test: clouds(100, seed: 3))
    }
    for loss in ["softmax-cross-entropy", "ldr-kl(lambda=1,margin=1)", "aldr-kl(lambda0=10)", "z-loss(b=1)"] {
      let outcome = try run([("loss", loss)])
      #expect((outcome.values["accuracy"] ?? []).mean > 0.95, "\(loss)")
      #expect(try run([("loss", loss)]) == outcome)
      #expect(outcome.curves.contains { $0.name == "mean temperature of right labels" } == loss.hasPrefix("aldr"))
    }
    let noisy = try run([("loss", "aldr-kl"), ("wrong-share", "0.4")])
    let temperatures = noisy.curves.filter { $0.name.hasPrefix("mean temperature") }
    #expect(temperatures.count == 2 && temperatures.allSatisfy { $0.y.allSatisfy { $0 > 0.5 - 1e-9 && $0 <= 1 } })

    let labels = (0..<2000).map { $0 % 5 }
    func share(_ noise: String) throws -> Double {
      let settings = try StudySettings(NoisyLabelsStudy.self, [("noise", noise), ("wrong-share", "0.5")])
      let drawn = NoisyLabelsStudy.noisy(labels, settings, classes: 5, generator: SeededGenerator(seed: 1))
      if noise == "next" { #expect(zip(labels, drawn).allSatisfy { $1 == $0 || $1 == ($0 + 1) % 5 }) }
      return Double(zip(labels, drawn).count { $0 != $1 }) / 2000
    }
    // A label drawn from all five is right by chance in a fifth of the cases.
    let uniform = try share("uniform"), next = try share("next")
    #expect(abs(uniform - 0.4) < 0.04 && abs(next - 0.5) < 0.04)
  }

  @Test("Two views: neighbours by hand, and both methods bring a sample's views together")
  func twoViews() throws {
    let known = TwoViews(
      names: ["a", "b", "c"], labels: [0, 1, 1], first: Tensor([Float(1), 0, 0, 1, 0, 1], shape: [3, 2]),
      second: Tensor([Float(1), 0, 0, 1, 0, 1], shape: [3, 2]))
    let asked = TwoViews(
      names: ["x"], labels: [1], first: Tensor([Float(0.1), 1], shape: [1, 2]), second: Tensor([Float(0.1), 1], shape: [1, 2]))
    let identity = Tensor([Float(1), 0, 0, 1], shape: [2, 2])
    let found = TwoViewsStudy.neighbours(identity, of: asked, among: known)
    #expect(found.right == [1] && abs(found.shares[0] - 2.0 / 3) < 1e-12)

    // The halves share their second four parts and nothing else; the first four are louder.
    func views(_ count: Int, seed: UInt64) -> TwoViews {
      var stream = SeededGenerator(seed: seed)
      var first: [Float] = [], second: [Float] = []
      let labels = (0..<count).map { $0 % 4 }
      for label in labels {
        let own = (0..<4).map { Float(($0 == label ? 0.5 : 0) + 0.1 * stream.normal()) }
        first += (0..<4).map { _ in Float(2.5 * stream.normal()) } + own
        second += (0..<4).map { _ in Float(2.5 * stream.normal()) } + own
      }
      return TwoViews(
        names: labels.indices.map { "\(seed)-\($0)" }, labels: labels, first: Tensor(first, shape: [count, 8]),
        second: Tensor(second, shape: [count, 8]))
    }
    var accuracy: [String: Double] = [:]
    for method in ["frozen", "infonce", "groco"] {
      let changes = [("method", method), ("width", "8"), ("batch", "32"), ("steps", "150"), ("learning-rate", "0.01")]
      let outcome = try TwoViewsStudy.train(
        try StudySettings(TwoViewsStudy.self, changes.map { (name: $0.0, value: $0.1) }), seed: 1,
        training: views(200, seed: 1), development: views(40, seed: 2), test: views(80, seed: 3))
      accuracy[method] = (outcome.values["accuracy of 20 nearest neighbours"] ?? []).mean
    }
    let frozen = accuracy["frozen"] ?? 1
    #expect((accuracy["infonce"] ?? 0) > frozen + 0.15 && (accuracy["groco"] ?? 0) > frozen + 0.15, "\(accuracy)")
  }

  @Test("Wrong labels of lists: the queries at the rate that is asked for, as many labels as before, never a right one")
  func wrongLists() {
    var qrels = Qrels()
    var run = Run(name: "candidates")
    for query in 0..<400 {
      let qid = "q\(query)"
      run.append(Ranking(qid: qid, documents: (0..<6).map { ScoredDocument(docno: "\(qid)d\($0)", score: Double(-$0)) }))
      qrels.judge(qid: qid, docno: "\(qid)d1", grade: 2)
      qrels.judge(qid: qid, docno: "\(qid)d4", grade: 1)
      qrels.judge(qid: qid, docno: "elsewhere", grade: 1)
    }
    let (labels, wrong) = ListRankingStudy.noisy(qrels, candidates: run, share: 0.3, generator: SeededGenerator(seed: 1))
    #expect(abs(Double(wrong.count) / 400 - 0.3) < 0.08)
    for qid in qrels.qids {
      if wrong.contains(qid) {
        #expect(labels[qid].values.sorted() == [1, 2] && labels[qid].keys.allSatisfy { qrels[qid][$0] == nil })
      } else {
        #expect(labels[qid] == qrels[qid])
      }
    }
    #expect(ListRankingStudy.noisy(qrels, candidates: run, share: 0, generator: SeededGenerator(seed: 1)).wrong.isEmpty)
  }
}
