import Foundation
import Testing

@testable import GradusModels

@Suite("Folders of sentence-transformers against the program itself")
struct SentenceFolderTests {
  private struct Expected: Decodable {
    struct Sentence: Decodable {
      let texts: [String]
      /// By "mode with prompt" or "mode without prompt", then by which prompt was asked for.
      let modes: [String: [String: [[Float]]]]
    }
    let sentence: Sentence

    static func load() throws -> Sentence {
      try JSONDecoder().decode(
        Expected.self, from: Data(contentsOf: URL(fileURLWithPath: fixture("encoders/expected.json")))).sentence
    }
  }

  private static let modes = ["cls", "mean", "max", "mean_sqrt_len_tokens", "lasttoken", "weightedmean"]

  @Test("Pooling, dense layer, unit length and prompts", arguments: modes, [true, false])
  func vectors(mode: String, includesPrompt: Bool) throws {
    let expected = try Expected.load(), folder = try TestFolder.copy("encoders/sentence")
    try folder.write("1_Pooling/config.json", """
      {"embedding_dimension": 16, "pooling_mode": "\(mode)", "include_prompt": \(includesPrompt)}
      """)
    let model = try BiEncoder(folder: folder.folder)
    #expect(model.limits.maximumTokens == 48 && model.dimension == 12 && model.scoreKind == .cosine)
    let reference = try #require(expected.modes["\(mode) \(includesPrompt ? "with" : "without") prompt"])
    let choices: [(String, PromptChoice)] = [
      ("standard", .standard), ("query", .query), ("document", .document), ("none", .none), ("standard", .named("other")),
    ]
    for (name, choice) in choices {
      let vectors = try #require(reference[name]).flatMap { $0 }
      expectClose(try model.encode(expected.texts, prompt: choice).vectors.flatMap { $0 }, vectors, 1e-5, "\(choice)")
      let fused = try model.prepared(for: .fp32).encode(expected.texts, prompt: choice).vectors
      expectClose(fused.flatMap { $0 }, vectors, 1e-5, "fused, \(choice)")
    }
    #expect(throws: ModelError.unknownPrompt(name: "novel", known: ["document", "other", "query"])) {
      try model.encode(["a"], prompt: .named("novel"))
    }
    #expect(try model.encode([]).vectors.isEmpty)
  }

  @Test("The older flags name the same modes")
  func flags() throws {
    for (flag, pooling) in [
      ("mean_sqrt_len_tokens", Pooling.meanSquareRootLength), ("lasttoken", .lastToken), ("weightedmean_tokens", .weightedMean),
    ] {
      let folder = try TestFolder.copy("encoders/sentence")
      try folder.write("1_Pooling/config.json", """
        {"word_embedding_dimension": 16, "pooling_mode_cls_token": false, "pooling_mode_\(flag)": true}
        """)
      #expect(try BiEncoder(folder: folder.folder).pooling == pooling)
    }
  }

  @Test("A dense layer that does not fit, an unknown activation and a default prompt that is not there are refused")
  func contradictions() throws {
    func reason(_ change: (TestFolder) throws -> Void) throws -> String {
      let folder = try TestFolder.copy("encoders/sentence")
      try change(folder)
      do {
        _ = try BiEncoder(folder: folder.folder)
        return ""
      } catch ModelError.configuration(_, let reason) { return reason }
    }
    #expect(try reason { try $0.set("2_Dense/config.json", "in_features", 17) }.contains("vectors of 16"))
    #expect(try reason { try $0.set("2_Dense/config.json", "activation_function", "torch.nn.Mish") }.contains("Mish"))
    #expect(try reason { try $0.set("config_sentence_transformers.json", "default_prompt_name", "novel") }.contains("novel"))
    #expect(try reason { try $0.set("1_Pooling/config.json", "embedding_dimension", 32) }.contains("32"))
    #expect(try reason { try $0.set("1_Pooling/config.json", "embedding_dimension", 1e300) }.contains("1e+300"))
    #expect(try reason { try $0.set("tokenizer_config.json", "model_max_length", 0) }.contains("model_max_length"))
    let folder = try TestFolder.copy("encoders/sentence")
    try folder.set("2_Dense/config.json", "out_features", 13)
    #expect(throws: ModelError.shape(
      file: folder.file("2_Dense/model.safetensors"), name: "linear.weight", expected: [13, 16], found: [12, 16])
    ) { try BiEncoder(folder: folder.folder) }
  }
}
