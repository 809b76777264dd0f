import Foundation
import GradusFormats
import GradusText
import Testing

@testable import GradusModels

@Suite("Chat templates of decoders")
struct ChatDecoderTests {
  private struct Golden: Decodable {
    struct Message: Decodable {
      let role: String
      let content: String
    }

    let name: String
    let prompt: Bool
    let messages: [Message]
    let text: String
    let ids: [Int32]
  }

  @Test(
    "SmolLM2's template and vocabulary give transformers' text and ids",
    .enabled(if: DecoderFixtures.smolLM != nil, Comment(rawValue: DecoderFixtures.smolLMNotice)))
  func smolLM() throws {
    let path = try #require(DecoderFixtures.smolLM)
    let template = try ChatTemplate(decoder: path)
    let tokenizer = try BytePairTokenizer(decoder: path)
    #expect(template.specialTokens["bos_token"] == "<|im_start|>" && template.specialTokens["eos_token"] == "<|im_end|>")
    let file = URL(fileURLWithPath: DecoderFixtures.folder + "smollm2-chat.json")
    let goldens = try JSONDecoder().decode([Golden].self, from: Data(contentsOf: file))
    try #require(goldens.count == 20)
    for golden in goldens {
      let messages = golden.messages.map { ChatMessage(role: $0.role, content: $0.content) }
      #expect(try template.render(messages, addGenerationPrompt: golden.prompt).text == golden.text, "\(golden.name)")
      let parsed = try template.encode(messages, with: tokenizer, markup: .parse, addGenerationPrompt: golden.prompt)
      #expect(parsed == golden.ids, "\(golden.name)")
      // Only the conversation that spells control tokens is read differently, and ends no turn that it did not begin.
      let ids = try template.encode(messages, with: tokenizer, addGenerationPrompt: golden.prompt)
      #expect((ids == golden.ids) == (golden.name != "markup"), "\(golden.name)")
      let turns = messages.count + (messages[0].role == "system" ? 0 : 1)
      #expect(
        ids.filter { $0 == 1 }.count == turns + (golden.prompt ? 1 : 0) && ids.filter { $0 == 2 }.count == turns, "\(golden.name)"
      )
    }
    #expect(try template.stopTokens(decoder: path, tokenizer: tokenizer) == [2])
  }

  /// A GGUF file with a vocabulary of six tokens and these further keys.
  private func gguf(_ keys: KeyValuePairs<String, GGUFValue>) throws -> String {
    let path = NSTemporaryDirectory() + "gradus-\(UUID().uuidString).gguf"
    let writer = GGUFWriter(path: path)
    try writer.set("tokenizer.ggml.model", .string("gpt2"))
    try writer.set("tokenizer.ggml.tokens", .array(.string(["a", "b", "<s>", "<e>", "<|im_end|>", "<|im_start|>"])))
    try writer.set("tokenizer.ggml.token_type", .array(.int32([1, 1, 3, 3, 3, 3])))
    for (key, value) in keys { try writer.set(key, value) }
    try writer.commit()
    return path
  }

  @Test("A GGUF file's templates, special tokens and ends of turns")
  func keys() throws {
    let path = try gguf([
      "tokenizer.chat_template": .string("{{ bos_token }}{{ messages[0].content }}{{ eos_token }}{{ unk_token }}"),
      "tokenizer.chat_template.tool_use": .string("tools"), "tokenizer.ggml.bos_token_id": .uint32(2),
      "tokenizer.ggml.eos_token_id": .uint32(3), "tokenizer.ggml.eot_token_id": .uint32(4),
    ])
    defer { try? FileManager.default.removeItem(atPath: path) }
    let tokenizer = try BytePairTokenizer(decoder: path)
    let template = try ChatTemplate(decoder: path)
    #expect(try template.render([.user("ab")]).text == "<s>ab<e>")
    #expect(try template.encode([.user("a<e>b")], with: tokenizer) == [2, 0, 1, 3], "what no token spells is left out")
    #expect(try template.encode([.user("a<e>b")], with: tokenizer, markup: .parse) == [2, 0, 3, 1, 3])
    #expect(try template.stopTokens(decoder: path, tokenizer: tokenizer) == [3, 4])
    #expect(try ChatTemplate(decoder: path, name: "tool_use").render([]).text == "tools")
    #expect(throws: ChatTemplateError.unknownName("rag", known: ["default", "tool_use"])) {
      try ChatTemplate(decoder: path, name: "rag")
    }
    let bare = try gguf(["tokenizer.ggml.eos_token_id": .uint32(3), "tokenizer.ggml.bos_token_id": .uint32(99)])
    defer { try? FileManager.default.removeItem(atPath: bare) }
    #expect(throws: ChatTemplateError.noTemplate(path: bare)) { try ChatTemplate(decoder: bare) }
    #expect(try ChatTemplate.specialTokens(decoder: bare) == ["eos_token": "<e>"])
    let broken = try gguf(["tokenizer.chat_template": .string("\n{{ x"), "tokenizer.ggml.bos_token_id": .uint32(2)])
    defer { try? FileManager.default.removeItem(atPath: broken) }
    let error = #expect(throws: TemplateError.self) { try ChatTemplate(decoder: broken) }
    #expect(error?.line == 2 && error?.source == broken + ": tokenizer.chat_template")
  }

  @Test("A folder's template, and every end that its files name")
  func folder() throws {
    let folder = NSTemporaryDirectory() + "gradus-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func write(_ text: String, _ name: String) throws {
      try text.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
    }
    let path = try gguf(["tokenizer.ggml.eos_token_id": .uint32(3)])
    defer { try? FileManager.default.removeItem(atPath: path) }
    let tokenizer = try BytePairTokenizer(decoder: path)
    #expect(throws: ChatTemplateError.noTemplate(path: folder)) { try ChatTemplate(decoder: folder) }
    try write(#"{"chat_template": "x{{ eos_token }}", "eos_token": {"content": "<s>"}}"#, "tokenizer_config.json")
    let template = try ChatTemplate(decoder: folder)
    #expect(try template.render([]).text == "x<s>")
    #expect(try ChatTemplate.specialTokens(decoder: folder) == ["eos_token": "<s>"])
    #expect(try template.stopTokens(decoder: folder, tokenizer: tokenizer) == [2, 3])
    for (ends, expected) in [("5", [2, 3, 5]), ("[0, 5]", [0, 2, 3, 5])] as [(String, Set<Int32>)] {
      try write(#"{"eos_token_id": \#(ends)}"#, "generation_config.json")
      #expect(try template.stopTokens(decoder: folder, tokenizer: tokenizer) == expected)
      #expect(try tokenizer.endTokens(decoder: folder) == expected)
    }
    #expect(try tokenizer.endTokens(decoder: path) == [3])
    let chatML = try ChatTemplate.named("chatml")
    #expect(try chatML.stopTokens(decoder: folder, tokenizer: tokenizer) == [0, 3, 4, 5])
    try write(#"{"eos_token_id": "x"}"#, "generation_config.json")
    #expect(throws: ModelError.self) { try template.stopTokens(decoder: folder, tokenizer: tokenizer) }
  }
}
