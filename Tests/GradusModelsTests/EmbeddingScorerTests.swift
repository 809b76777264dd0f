import Foundation
import GradusCore
import GradusFormats
import GradusTensor
import GradusText
import Testing

@testable import GradusModels

@Suite("Bi-encoders as scorers")
struct EmbeddingScorerTests {
  private static let pairs = [
    pair("the cat", "a dog sat", number: 0), pair("the cat", "the cat sat on the mat", number: 1),
    pair("dog", "a dog sat", number: 2),
  ]

  @Test("A pair's score is the scaled inner product of the vectors that encode gives, alone or among others")
  func scores() throws {
    let base = try TestFolder.tinyBert()
    var model = try BiEncoder(folder: base.folder)
    #expect(model.scoreScale == 20)
    let together = try model.scores(Self.pairs, context: .inference)
    for (place, pair) in Self.pairs.enumerated() {
      #expect(try model.scores([pair], context: .inference).floats() == [together.floats()[place]])
      let vectors = try model.encode([pair.query.text, pair.document.contents]).vectors
      let product = zip(vectors[0], vectors[1]).reduce(Float(0)) { $0 + $1.0 * $1.1 }
      #expect(abs(Double(product) * 20 - together.doubles()[place]) < 1e-4)
    }
    let inferred = try model.rankingScores(Self.pairs).map(\.score)
    for (a, b) in zip(inferred, together.doubles()) { #expect(abs(a - b) < 1e-4) }
    let fused = try model.prepared(for: .fp32).rankingScores(Self.pairs).map(\.score)
    for (a, b) in zip(inferred, fused) { #expect(abs(a - b) < 1e-3) }
    model.scoreScale = 3
    for (a, b) in zip(try model.rankingScores(Self.pairs), inferred) { #expect(abs(a.score / 3 - b / 20) < 1e-6) }
  }

  @Test("Vectors have gradients in every weight of the encoder, prompts are obeyed, and a prompt may be left out of the pool")
  func vectors() throws {
    let folder = try TestFolder.tinyBert()
    try Data(#"{"prompts": {"query": "cat: ", "document": "dog: "}, "default_prompt_name": null}"#.utf8)
      .write(to: URL(fileURLWithPath: folder.file("config_sentence_transformers.json")))
    let model = try BiEncoder(folder: folder.folder)
    let (queries, documents) = try model.embeddings(
      queries: [Query(qid: "1", text: "sat")], documents: [Document(docno: "1", text: "mat"), Document(docno: "2", text: "sat")],
      context: .inference)
    #expect(queries.shape == [1, model.dimension] && documents.shape == [2, model.dimension])
    let expected = try model.encode(["sat"], prompt: .query).vectors + model.encode(["mat", "sat"], prompt: .document).vectors
    for (a, b) in zip(queries.floats() + documents.floats(), expected.flatMap { $0 }) { #expect(abs(a - b) < 1e-5) }
    let loss = (queries * documents.slice(axis: 0, from: 0, to: 1)).sum()
    let weights = model.encoder.parameters.filter { $0.name.hasSuffix("query.weight") }
    for gradient in try gradients(of: loss, withRespectTo: weights.map(\.value)) {
      #expect(gradient.floats().contains { $0 != 0 })
    }
  }

  @Test("Saved with its dense layer, pooling and prompts, a bi-encoder loads to the bit")
  func saved() throws {
    let folder = try TestFolder.tinyBert()
    let width = try BertEncoder(folder: folder.folder).configuration.hiddenSize
    for name in ["1_Pooling", "2_Dense"] {
      try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
    }
    func write(_ name: String, _ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: folder.file(name))) }
    try write("modules.json", """
      [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
       {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
       {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}]
      """)
    try write("1_Pooling/config.json", """
      {"word_embedding_dimension": \(width), "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": false,
       "pooling_mode_weightedmean_tokens": true, "include_prompt": false}
      """)
    try write("2_Dense/config.json", """
      {"in_features": \(width), "out_features": 3, "bias": true, "activation_function": "torch.nn.modules.activation.Tanh"}
      """)
    try write("config_sentence_transformers.json", #"{"prompts": {"query": "cat: "}, "default_prompt_name": null}"#)
    try write("sentence_bert_config.json", #"{"max_seq_length": 20, "do_lower_case": true}"#)
    var generator = SeededGenerator(seed: 1)
    try SentenceDenseFile.write(folder.file("2_Dense/model.safetensors"), inputs: width, using: &generator)
    let model = try BiEncoder(folder: folder.folder)
    #expect(model.scoreScale == 1 && model.headParameters.count == 2 && model.dimension == 3)

    let out = try TestFolder()
    let manifest = ModelManifest(architecture: .biEncoder, base: "x", baseDigest: "", seed: 1)
    try RankingModel(scorer: model, manifest: manifest).save(to: out.path, tokenizerOf: folder.folder)
    let again = try RankingModel(folder: out.folder)
    let scorer = try #require(again.scorer as? BiEncoder)
    #expect(scorer.pooling == .weightedMean && scorer.limits.maximumTokens == 20 && scorer.prompts == model.prompts)
    #expect(try scorer.rankingScores(Self.pairs) == model.rankingScores(Self.pairs))
    for (a, b) in zip(scorer.parameters, model.parameters) { #expect(a.name == b.name && a.value.hasSameBits(as: b.value)) }

    var bad = try ModelManifest(folder: out.folder)
    bad.scoreScale = nil
    try bad.write(to: out.path)
    #expect(throws: ModelError.self) { try RankingModel(folder: out.folder) }
    bad.scoreScale = -1
    try bad.write(to: out.path)
    #expect(throws: ModelError.self) { try RankingModel(folder: out.folder) }
  }
}

private enum SentenceDenseFile {
  static func write(_ path: String, inputs: Int, using generator: inout SeededGenerator) throws {
    let writer = SafetensorsWriter(path: path)
    writer.add("linear.weight", shape: [3, inputs], floats: Tensor.normal([3, inputs], using: &generator).floats())
    writer.add("linear.bias", shape: [3], floats: Tensor.normal([3], using: &generator).floats())
    try writer.commit()
  }
}
