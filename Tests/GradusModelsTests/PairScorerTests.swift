import GradusCore
import GradusTensor
import GradusText
import Testing

@testable import GradusModels

@Suite("Cross-encoders and Conv-KNRM at work")
struct PairScorerTests {
  private static let letters = "abcdefghijklmnopqrstuvwxyz".map(String.init)

  /// `count` words that are one token each, not two texts alike.
  private static func words(_ count: Int, from start: Int = 0) -> String {
    (start..<start + count).map { letters[($0 * 7 + $0 / 26) % 26] }.joined(separator: " ")
  }

  private static func crossEncoder(_ head: CrossEncoderHead = .similarity, _ limits: TokenLimits) throws -> CrossEncoder {
    let folder = try TestFolder.crossEncoder(head, limits: limits)
    return try folder.keepingFolder { try #require(try RankingModel(folder: $0).scorer as? CrossEncoder) }
  }

  private static let pairs = [0, 1, 5, 30, 17, 2, 60, 9, 9].enumerated().map { number, length in
    pair(words(1 + number % 4, from: number), words(length, from: 3 * number), number: number)
  }

  @Test(
    "Scores have the same bits alone, in any batch and on any number of threads",
    arguments: ["cls", "similarity", "conv-knrm"])
  func invariance(name: String) throws {
    let folder =
      name == "conv-knrm"
      ? try TestFolder.convKNRM() : try TestFolder.crossEncoder(try #require(CrossEncoderHead(rawValue: name)))
    let scorer = try folder.keepingFolder { try RankingModel(folder: $0).scorer }
    let together = try scorer.rankingScores(Self.pairs)
    #expect(Set(together.map(\.score)).count > Self.pairs.count - 2)
    for budget in [1, 50, 100] { #expect(try scorer.rankingScores(Self.pairs, maximumTokens: budget) == together) }
    #expect(try scorer.rankingScores(Self.pairs.reversed()) == together.reversed())
    let limit = WorkerPool.shared.threadLimit
    defer { WorkerPool.shared.threadLimit = limit }
    WorkerPool.shared.threadLimit = 1
    #expect(try scorer.rankingScores(Self.pairs) == together)
  }

  @Test("A head trains with its encoder: every weight has a finite gradient", arguments: CrossEncoderHead.fresh)
  func gradients(head: CrossEncoderHead) throws {
    let model = try Self.crossEncoder(head, TokenLimits(maximumTokens: 40))
    let parameters = model.trainableParameters
    let loss = try model.scores(Self.pairs, context: ForwardContext(training: SeededGenerator(seed: 1))).square().mean()
    let found = try GradusTensor.gradients(of: loss, withRespectTo: parameters.map(\.value))
    for (parameter, gradient) in zip(parameters, found) {
      let values = gradient.floats()
      #expect(values.allSatisfy { $0.isFinite } && values.contains { $0 != 0 }, "\(parameter.name)")
    }
    let scale = head == .cls ? [] : ["similarity.scale"]
    #expect(model.headParameters.map(\.name) == ["classifier.weight", "classifier.bias"] + scale)
  }

  @Test("What is cut is counted")
  func truncation() throws {
    let model = try Self.crossEncoder(.cls, TokenLimits(maximumTokens: 12, maximumQueryTokens: 3))
    let long = pair(Self.words(5), Self.words(8))
    #expect(try model.tokens(of: long) == (12, 4))
    let scores = try model.rankingScores([long, pair(Self.words(3), Self.words(6))])
    #expect(scores.map(\.truncatedTokens) == [4, 0])
    #expect(scores[0].score == scores[1].score)
  }

  @Test("The window policy gives the best window's score, and leaves nothing of a document unseen", arguments: [10, 6000])
  func windows(length: Int) throws {
    var limits = TokenLimits(maximumTokens: 12, maximumQueryTokens: 2, policy: .window, windowStride: 4)
    let windowed = try Self.crossEncoder(.similarity, limits)
    limits.policy = .truncate
    let cut = try Self.crossEncoder(.similarity, limits)
    // 12 tokens, less 3 special ones and 2 of the query, leave 7.
    var starts = Array(stride(from: 0, to: length - 7, by: 4))
    starts.append((starts.last ?? 0) + 4)
    let parts = starts.map { pair("cat sat", Self.words(min(7, length - $0), from: $0)) }
    let best = try #require(try cut.rankingScores(parts).map(\.score).max())
    let long = pair("cat sat how", Self.words(length)), short = pair("cat sat", Self.words(4))
    let scores = try windowed.rankingScores([short, long])
    #expect(scores[1] == CandidateScore(score: best, truncatedTokens: 1))
    #expect(try scores[0] == cut.rankingScores([short])[0])
    #expect(try windowed.tokens(of: short) == (9, 0))
  }

  @Test("The error policy refuses what does not fit, by docno")
  func errorPolicy() throws {
    let model = try Self.crossEncoder(.cls, TokenLimits(maximumTokens: 8, policy: .error))
    #expect(throws: ModelError.tooLong(docno: "d4", tokens: 14, limit: 8)) {
      try model.rankingScores([pair("cat", Self.words(10), number: 4)])
    }
    #expect(try model.rankingScores([pair("cat", Self.words(4))])[0].truncatedTokens == 0)
  }

  @Test("Odd inputs: nothing at all, empty texts, a text far too long, a query that leaves no room")
  func oddInputs() throws {
    let model = try Self.crossEncoder(.similarity, TokenLimits(maximumTokens: 40))
    #expect(try model.rankingScores([]).isEmpty)
    #expect(try model.scores([], context: .inference).shape == [0])
    let empty = try model.rankingScores([pair("", ""), pair("cat", ""), pair("", "cat")])
    #expect(Set(empty.map(\.score)).count == 3)
    #expect(try model.rankingScores([pair("cat", Self.words(100_000))])[0].truncatedTokens == 100_000 - 36)
    var narrow = model
    narrow.limits = TokenLimits(maximumTokens: 4)
    #expect(throws: TokenizerError.noRoom(maximum: 4, needed: 4)) { try narrow.rankingScores([pair("cat", "sat")]) }
  }

  @Test("Limits beyond the model's positions are refused")
  func positions() throws {
    var model = try Self.crossEncoder(.cls, TokenLimits(maximumTokens: 40))
    model.limits.maximumTokens = 41
    #expect(throws: ModelError.positions(asked: 41, limit: 40)) { try model.rankingScores([pair("cat", "sat")]) }
    var encoder = BiEncoder(encoder: model.encoder, tokenizer: model.tokenizer)
    encoder.limits.maximumTokens = 41
    #expect(throws: ModelError.positions(asked: 41, limit: 40)) { try encoder.encode(["cat"]) }
    encoder.limits = TokenLimits(maximumTokens: 40, policy: .window)
    #expect(throws: ModelError.windowsOfBiEncoder) { try encoder.encode(["cat"]) }
    encoder.limits = TokenLimits(maximumTokens: 4, policy: .error)
    #expect(throws: TokenizerError.tooLong(tokens: 5, maximum: 4)) { try encoder.encode(["cat sat cat"]) }
    encoder.limits.policy = .truncate
    #expect(try encoder.encode(["cat sat cat", ""]).truncatedTokens == [1, 0])
  }

  @Test("A score that is not finite is an error, not a rank")
  func notFinite() throws {
    let model = try Self.crossEncoder(.cls, TokenLimits(maximumTokens: 40))
    model.pairHead?.linear.weight.value = .full([1, 24], 3e38)
    #expect(throws: ModelError.scoreNotFinite(qid: "q7", docno: "d7")) {
      try model.rankingScores([pair("cat", "sat", number: 7)])
    }
  }
}
