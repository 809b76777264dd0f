import Foundation
import GradusCore
import GradusTensor
import GradusText
import Testing

@testable import GradusModels

@Suite("Masking of tokens")
struct TokenMaskingTests {
  private let words = (0..<200).map { [$0] }
  private let ids = (0..<200).map { Int32($0 + 1000) }

  private func draw(_ masking: TokenMasking, words: [[Int]]? = nil, seed: UInt64 = 1) -> TokenMasking.Masked {
    var generator = SeededGenerator(seed: seed)
    return masking.masked(ids, words: words ?? self.words, mask: 4, vocabulary: 500, using: &generator)
  }

  @Test("15 % are guessed; of them 80 % are hidden, 10 % are random, 10 % stay; the others are left alone")
  func shares() {
    var hidden = 0, random = 0, kept = 0
    for seed in 0..<200 {
      let found = draw(TokenMasking(), seed: UInt64(seed))
      #expect(found.positions.count == 30 && found.positions == found.positions.sorted())
      let open = Set(found.positions)
      for (position, id) in found.ids.enumerated() {
        guard open.contains(position) else {
          #expect(id == ids[position])
          continue
        }
        switch id {
        case 4: hidden += 1
        case ids[position]: kept += 1
        default: random += 1
        }
        #expect(id < 500 || id == ids[position])
      }
    }
    // 6000 draws: three deviations are under .016.
    #expect(abs(Double(hidden) / 6000 - 0.8) < 0.02)
    #expect(abs(Double(random) / 6000 - 0.1) < 0.02)
    #expect(abs(Double(kept) / 6000 - 0.1) < 0.02)
  }

  @Test("At least one token is guessed, and the same ones for the same seed")
  func edges() {
    #expect(draw(TokenMasking(), words: [[7]]).positions == [7])
    #expect(draw(TokenMasking()) == draw(TokenMasking()) && draw(TokenMasking()) != draw(TokenMasking(), seed: 2))
    var all = TokenMasking()
    all.rate = 1
    all.maskShare = 1
    all.randomShare = 0
    #expect(draw(all).ids.allSatisfy { $0 == 4 } && draw(all).positions.count == 200)
  }

  @Test("Words stay together, and do not go beyond what is wanted where others fit")
  func wholeWords() {
    // Fifty words of four pieces; 15 % of 200 are 30, so 7 words.
    let four = (0..<50).map { Array($0 * 4..<$0 * 4 + 4) }
    let found = draw(TokenMasking(), words: four)
    #expect(found.positions.count == 28)
    for word in four {
      let count = word.count { found.positions.contains($0) }
      #expect(count == 0 || count == 4)
    }
    // A word that is longer than what is wanted, and no other.
    #expect(draw(TokenMasking(), words: [[3, 4, 5]]).positions == [3, 4, 5])
  }

  @Test("Shares that cannot be meant")
  func refused() {
    var masking = TokenMasking()
    #expect(masking.contradiction == nil)
    masking.rate = 0
    #expect(masking.contradiction != nil)
    masking.rate = 0.15
    masking.randomShare = 0.3
    #expect(masking.contradiction != nil)
  }
}

@Suite("Masked language models")
struct MaskedLanguageTests {
  private static let everything: TokenMasking = {
    var masking = TokenMasking()
    masking.rate = 1
    masking.maskShare = 1
    masking.randomShare = 0
    return masking
  }()

  private let pairs = [pair("", "the cat sat."), pair("", "a b c d e f", number: 2), pair("", "ranking", number: 3)]

  @Test("The head by hand: dense, GELU, layer norm, inner products with the word embeddings, a bias")
  func head() throws {
    let base = try TestFolder.tinyBert()
    let model = try MaskedTokenScorer(folder: base.folder, masking: Self.everything, maximumTokens: 16, seed: 3)
    var generator = SeededGenerator(seed: 4)
    for parameter in model.model.headParameters {
      parameter.value = .normal(parameter.shape, standardDeviation: 0.5, using: &generator)
    }
    let tokenizer = try base.folder.tokenizer()
    let target = tokenizer.encode("the cat sat.")
    let mask = try #require((0..<Int32(tokenizer.vocabularySize)).first { tokenizer.piece($0) == "[MASK]" })
    let input = try tokenizer.inputs("the cat sat.", limits: TokenLimits(maximumTokens: 16))[0]
    var batch = TokenBatch()
    batch.append([input.ids[0]] + target.map { _ in mask } + [input.ids[input.ids.count - 1]])
    let hidden = model.model.encoder(batch, .inference).doubles(), width = model.model.encoder.configuration.hiddenSize
    func values(_ name: String) throws -> [Double] { try #require(model.parameter(named: name)).value.doubles() }
    let dense = try values("cls.predictions.transform.dense.weight")
    let denseBias = try values("cls.predictions.transform.dense.bias")
    let gain = try values("cls.predictions.transform.LayerNorm.weight")
    let shift = try values("cls.predictions.transform.LayerNorm.bias")
    let bias = try values("cls.predictions.bias")
    let table = model.model.encoder.wordEmbeddings.weight.value.doubles()
    var sum = 0.0
    for (place, id) in target.enumerated() {
      let x = Array(hidden[(place + 1) * width..<(place + 2) * width])
      var h = (0..<width).map { row -> Double in
        let z = (0..<width).reduce(denseBias[row]) { $0 + dense[row * width + $1] * x[$1] }
        return 0.5 * z * (1 + erf(z / 2.0.squareRoot()))
      }
      let mean = h.reduce(0, +) / Double(width)
      let variance = h.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
      let deviation = (variance + model.model.encoder.configuration.layerNormEpsilon).squareRoot()
      h = h.indices.map { (h[$0] - mean) / deviation * gain[$0] + shift[$0] }
      let logits = bias.indices.map { word in (0..<width).reduce(bias[word]) { $0 + table[word * width + $1] * h[$1] } }
      let top = logits.max() ?? 0
      sum += logits[Int(id)] - top - log(logits.reduce(0) { $0 + exp($1 - top) })
    }
    let found = try model.rankingScores([pairs[0]])[0].score
    #expect(abs(found - sum / Double(target.count)) < 1e-4)
  }

  @Test("A fresh model wavers among all tokens; a text's score depends neither on its batch nor on the order")
  func fresh() throws {
    let base = try TestFolder.tinyBert()
    let model = try MaskedTokenScorer(scratch: base.folder, layers: 1, width: 16, heads: 2, maximumTokens: 16, seed: 3)
    let scores = try model.rankingScores(pairs).map(\.score)
    let vocabulary = Double(model.model.encoder.configuration.vocabularySize)
    // Of single tokens, so that each may be some way off.
    #expect(scores.allSatisfy { abs(-$0 - log(vocabulary)) < 2.5 })
    #expect(try model.rankingScores(pairs.reversed()).map(\.score) == scores.reversed())
    #expect(try model.rankingScores([pairs[1]]).map(\.score) == [scores[1]])
    #expect(try model.rankingScores([pair("", "")])[0].score == 0)
    #expect(try model.canLearn(from: pairs[0].document) && !model.canLearn(from: pair("", "").document))
    // Training draws other gaps each time.
    var generator = SeededGenerator(seed: 1)
    func drawn() throws -> [Double] {
      try model.scores(pairs, context: ForwardContext(training: generator.stream("a"), dropout: false)).doubles()
    }
    let first = try drawn()
    #expect(try drawn() == first)
    generator = SeededGenerator(seed: 2)
    #expect(try drawn() != first)
  }

  @Test("The gradient reaches the tied table from both ends, and every part of the head")
  func gradients() throws {
    let base = try TestFolder.tinyBert()
    let model = try MaskedTokenScorer(scratch: base.folder, layers: 1, width: 16, heads: 2, maximumTokens: 16, seed: 3)
    let loss = -(try model.scores(pairs, context: .inference).mean())
    let found = try GradusTensor.gradients(of: loss, withRespectTo: model.parameters.map(\.value))
    for (parameter, gradient) in zip(model.parameters, found) {
      let largest = gradient.doubles().map(abs).max() ?? 0
      // A key's bias moves all scores of a query alike, and there is one kind of segment.
      #expect(largest > 0, "\(parameter.name)")
    }
    // Words that no text holds are outputs all the same.
    let table = found[0].doubles(), width = 16
    #expect((0..<model.model.encoder.configuration.vocabularySize).allSatisfy { word in
      table[word * width..<(word + 1) * width].contains { $0 != 0 }
    })
  }

  @Test("A saved model is transformers' ...ForMaskedLM, gives the same scores to the bit, and is an encoder to start from")
  func saving() throws {
    let base = try TestFolder.tinyBert(), target = try TestFolder()
    let model = try MaskedTokenScorer(folder: base.folder, maximumTokens: 16, seed: 3)
    try model.model.save(to: target.path, tokenizerOf: base.folder)
    let text = try String(contentsOfFile: target.path + "/config.json", encoding: .utf8)
    #expect(text.contains("BertForMaskedLM"))
    let again = try MaskedTokenScorer(folder: target.folder, maximumTokens: 16, seed: 99)
    #expect(try again.rankingScores(pairs) == model.rankingScores(pairs))
    var batch = TokenBatch()
    batch.append([2, 10, 3])
    #expect(try BertEncoder(folder: target.folder)(batch, .inference).hasSameBits(as: model.model.encoder(batch, .inference)))
  }

  @Test("Lengths beyond the encoder's, and sizes that do not go together")
  func refused() throws {
    let base = try TestFolder.tinyBert()
    let limit = try base.folder.bertConfiguration().maximumPositions
    #expect(throws: ModelError.positions(asked: limit + 1, limit: limit)) {
      try MaskedTokenScorer(folder: base.folder, maximumTokens: limit + 1, seed: 1)
    }
    #expect(throws: ModelError.self) {
      try MaskedTokenScorer(scratch: base.folder, layers: 1, width: 15, heads: 2, maximumTokens: 8, seed: 1)
    }
  }
}
