import Foundation
import GradusCore
import GradusTensor
import GradusText
import Testing

@testable import GradusModels

/// A masked-language model on the fixtures' tiny BERT, with a random head of some size.
enum TinyLanguageModel {
  static func make(_ folder: ModelFolder, seed: UInt64 = 5) throws -> MaskedLanguageModel {
    var generator = SeededGenerator(seed: seed)
    let model = try MaskedLanguageModel(encoder: try BertEncoder(folder: folder), using: &generator)
    for parameter in model.headParameters {
      let shape = parameter.value.shape
      let centre: Float = parameter.name.hasSuffix("LayerNorm.weight") ? 1 : 0
      parameter.value = Tensor((0..<parameter.value.count).map { _ in centre + 0.5 * Float(generator.normal()) }, shape: shape)
    }
    return model
  }

  static let texts = ["the cat sat", "a", "", "the dog ran over the lazy cat and the mat and the dog again"]
}

@Suite("SPLADE")
struct SpladeTests {
  private struct Golden: Decodable {
    let text: String
    let tokens: Int
    let count: Int
    let sum: Double
    let best: [Entry]

    struct Entry: Decodable {
      let term: String
      let weight: Double

      init(from decoder: any Decoder) throws {
        var values = try decoder.unkeyedContainer()
        term = try values.decode(String.self)
        weight = try values.decode(Double.self)
      }
    }
  }

  @Test(
    "Weights of the reference code on splade-tiny",
    .enabled(if: ReferenceModels.folder("splade-tiny") != nil, Comment(rawValue: ReferenceModels.notice)))
  func golden() throws {
    let goldens = try JSONDecoder().decode(
      [Golden].self, from: Data(contentsOf: URL(fileURLWithPath: fixture("splade-tiny.json"))))
    let encoder = try SpladeEncoder(folder: try #require(ReferenceModels.folder("splade-tiny")))
    let (weights, truncated) = try encoder.encode(goldens.map(\.text))
    #expect(goldens.count == 5)
    for (golden, found) in zip(goldens, weights) {
      #expect(found.weights.filter { $0 > 1e-4 }.count == golden.count, "\(golden.text.prefix(30))")
      #expect(abs(found.weights.reduce(0) { $0 + Double($1) } - golden.sum) < 1e-3)
      let known = golden.best.filter { $0.weight > 1e-4 }
      let best = zip(found.ids, found.weights).sorted { $0.1 > $1.1 }.prefix(known.count)
      #expect(best.map { encoder.tokenizer.piece($0.0) } == known.map(\.term))
      for (own, expected) in zip(best, known) { #expect(abs(Double(own.1) - expected.weight) < 1e-4) }
    }
    #expect(truncated[0] == 0 && truncated[4] > 0)
    let read = try goldens.map { try encoder.tokenizer.inputs($0.text, limits: encoder.limits)[0].ids.count }
    #expect(read == goldens.map(\.tokens))
  }

  @Test("Weights are max over tokens of log(1 + relu(logit)), by the path that trains")
  func definition() throws {
    let folder = try TestFolder.tinyBert()
    let model = try TinyLanguageModel.make(folder.folder)
    let tokenizer = try folder.folder.tokenizer()
    let encoder = try SpladeEncoder(model: model, tokenizer: tokenizer, maximumTokens: 12)
    let (found, _) = try encoder.encode(TinyLanguageModel.texts)
    for (text, weights) in zip(TinyLanguageModel.texts, found) {
      var tokens = TokenBatch()
      tokens.append(try tokenizer.inputs(text, limits: TokenLimits(maximumTokens: 12))[0])
      let logits = model.logits(model.encoder(tokens, .inference))
      let width = model.vocabularySize
      let values = logits.floats()
      var count = 0
      for id in 0..<width {
        let largest = (0..<tokens.tokenCount).map { values[$0 * width + id] }.max() ?? 0
        let expected = max(0, log1p(largest))
        #expect(abs(weights[Int32(id)] - (largest > 0 ? expected : 0)) < 1e-4)
        count += largest > 1e-3 ? 1 : 0
      }
      #expect(weights.count >= count && count > 0)
      #expect(zip(weights.ids, weights.ids.dropFirst()).allSatisfy { $0 < $1 } && weights.weights.allSatisfy { $0 > 0 })
    }
  }

  @Test("Batches change no bit")
  func batches() throws {
    let folder = try TestFolder.tinyBert()
    let encoder = try SpladeEncoder(
      model: try TinyLanguageModel.make(folder.folder), tokenizer: try folder.folder.tokenizer(), maximumTokens: 20)
    let together = try encoder.encode(TinyLanguageModel.texts).weights
    #expect(try encoder.encode(TinyLanguageModel.texts, batchTokens: 1).weights == together)
    #expect(try encoder.encode(TinyLanguageModel.texts.reversed()).weights.reversed() == together)
    #expect(try encoder.encode([]).weights.isEmpty)
  }

  @Test("A saved head comes back, and what has none is refused")
  func folders() throws {
    let folder = try TestFolder.tinyBert()
    let model = try TinyLanguageModel.make(folder.folder)
    let saved = try TestFolder()
    try model.save(to: saved.path, tokenizerOf: folder.folder)
    let again = try MaskedLanguageModel(folder: saved.folder)
    #expect(again.parameters.map(\.name).suffix(5) == model.parameters.map(\.name).suffix(5))
    let tokenizer = try saved.folder.tokenizer()
    let first = try SpladeEncoder(model: model, tokenizer: tokenizer, maximumTokens: 20).encode(TinyLanguageModel.texts)
    #expect(try SpladeEncoder(folder: saved.folder, maximumTokens: 20).encode(TinyLanguageModel.texts).weights == first.weights)
    let file = folder.file("model.safetensors")
    #expect(throws: MaskedLanguageModelError.noHead(file: file, tensor: "cls.predictions.transform.dense.weight")) {
      try MaskedLanguageModel(folder: folder.folder)
    }
    #expect(throws: ModelError.self) { try SpladeEncoder(folder: saved.folder, maximumTokens: 100_000) }
  }
}
