import Testing

@testable import GradusModels

@Suite("Bi-encoders obey sentence-transformers' files")
struct BiEncoderTests {
  private static let transformer = part("Transformer", ""), normalize = part("Normalize", "2_Normalize")
  private static let pooling = part("Pooling", "1_Pooling")

  private static func part(_ type: String, _ path: String) -> String {
    "{\"idx\":0,\"name\":\"0\",\"path\":\"\(path)\",\"type\":\"sentence_transformers.models.\(type)\"}"
  }

  private func folder(_ parts: [String], modes: [String] = []) throws -> TestFolder {
    let folder = try TestFolder.tinyBert()
    try folder.write("modules.json", "[" + parts.joined(separator: ",") + "]")
    let entries = ["cls_token", "mean_tokens", "max_tokens", "novel_tokens"].map { mode in
      "\"pooling_mode_\(mode)\":\(modes.contains(mode))"
    }
    try folder.write("1_Pooling/config.json", "{\"word_embedding_dimension\":24," + entries.joined(separator: ",") + "}")
    return folder
  }

  @Test(
    "Pooling and unit length", arguments: [("cls_token", Pooling.cls), ("mean_tokens", .mean), ("max_tokens", .max)],
    [false, true])
  func pooling(mode: (String, Pooling), isNormalized: Bool) throws {
    let goldens = try Goldens.load()
    let folder = try folder([Self.transformer, Self.pooling] + (isNormalized ? [Self.normalize] : []), modes: [mode.0])
    let model = try BiEncoder(folder: folder.folder)
    #expect(model.pooling == mode.1 && model.isNormalized == isNormalized)
    #expect(model.scoreKind == (isNormalized ? .cosine : .dotProduct))
    let vectors = try model.encode(goldens.texts).vectors
    for (vector, reference) in zip(vectors, try #require(goldens.pooled[mode.1.rawValue])) {
      let norm = isNormalized ? reference.reduce(0) { $0 + $1 * $1 }.squareRoot() : 1
      expectClose(vector, reference.map { $0 / norm })
    }
  }

  @Test("The longest text")
  func longestText() throws {
    let folder = try TestFolder.tinyBert()
    #expect(try BiEncoder(folder: folder.folder).limits.maximumTokens == 40)
    try folder.write("sentence_bert_config.json", "{\"max_seq_length\":5,\"do_lower_case\":false}")
    let model = try BiEncoder(folder: folder.folder)
    let encoded = try model.encode(["the cat sat how the cat", "the cat sat"])
    #expect(encoded.truncatedTokens == [3, 0])
    #expect(encoded.vectors[0] == encoded.vectors[1])
    #expect(try BiEncoder(folder: folder.folder, limits: .init(maximumTokens: 9)).limits.maximumTokens == 9)
    try folder.write("sentence_bert_config.json", "{\"max_seq_length\":0}")
    #expect(throws: ModelError.configuration(file: folder.file("sentence_bert_config.json"), reason: "max_seq_length is 0")) {
      try BiEncoder(folder: folder.folder)
    }
  }

  @Test(
    "No mode, an unknown mode and two modes are refused",
    arguments: [[], ["novel_tokens"], ["cls_token", "mean_tokens"]])
  func modes(modes: [String]) throws {
    let folder = try folder([Self.transformer, Self.pooling], modes: modes)
    expectConfigurationError(folder.file("1_Pooling/config.json")) { try BiEncoder(folder: folder.folder) }
  }

  @Test("Other parts, and no pooling at all")
  func parts() throws {
    let other = try folder([Self.transformer, Self.pooling, Self.part("LSTM", "2_LSTM")], modes: ["mean_tokens"])
    let error = ModelError.unsupportedModule(file: other.file("modules.json"), found: "sentence_transformers.models.LSTM")
    #expect(throws: error) { try BiEncoder(folder: other.folder) }
    let dense = try folder([Self.transformer, Self.pooling, Self.part("Dense", "2_Dense")], modes: ["mean_tokens"])
    #expect(throws: ModelError.missingFile(folder: dense.path, name: "2_Dense/config.json")) {
      try BiEncoder(folder: dense.folder)
    }
    for parts in [
      [], [Self.transformer], [Self.pooling, Self.transformer], [Self.transformer, Self.normalize],
      [Self.transformer, Self.pooling, Self.pooling],
    ] {
      let folder = try folder(parts, modes: ["mean_tokens"])
      expectConfigurationError(folder.file("modules.json")) { try BiEncoder(folder: folder.folder) }
    }
    let bare = try folder([Self.transformer, Self.pooling], modes: ["mean_tokens"])
    try bare.remove("1_Pooling")
    #expect(throws: ModelError.missingFile(folder: bare.path, name: "1_Pooling/config.json")) {
      try BiEncoder(folder: bare.folder)
    }
  }

  private func expectConfigurationError(
    _ expected: String, location: SourceLocation = #_sourceLocation, _ body: () throws -> BiEncoder
  ) {
    do {
      _ = try body()
      Issue.record("no error", sourceLocation: location)
    } catch ModelError.configuration(let file, _) {
      #expect(file == expected, sourceLocation: location)
    } catch {
      Issue.record("\(error)", sourceLocation: location)
    }
  }
}
