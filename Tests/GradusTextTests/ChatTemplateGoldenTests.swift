import GradusCore
import Testing

@testable import GradusText

/// Templates rendered by transformers, and what they gave.
struct ChatGoldens {
  struct Case {
    let label: String
    let template: String
    let messages: [ChatMessage]
    let addGenerationPrompt: Bool
    /// Nil where jinja2 refuses.
    let text: String?
  }

  let cases: [Case]

  static func contents(_ name: String) throws -> String {
    String(decoding: try WordPieceTokenizer.contents(TestFiles.fixture("Chat/" + name)), as: UTF8.self)
  }

  static func load() throws -> ChatGoldens {
    var text = try contents("goldens.json")
    let node = try text.withUTF8 { bytes in
      var scanner = JSONScanner(bytes)
      return try JSONNode(&scanner)
    }
    func messages(_ name: String) throws -> [ChatMessage] {
      try #require(node["conversations"][name].array).map {
        ChatMessage(role: try #require($0["role"].string), content: try #require($0["content"].string))
      }
    }
    return ChatGoldens(
      cases: try #require(node["cases"].array).map { golden in
        if let source = golden["source"].string {
          return Case(
            label: source, template: source, messages: Array(try messages("dialogue").prefix(3)), addGenerationPrompt: false,
            text: golden["text"].string)
        }
        let (file, conversation) = (try #require(golden["template"].string), try #require(golden["conversation"].string))
        return Case(
          label: "\(file), \(conversation)", template: try contents("templates/" + file), messages: try messages(conversation),
          addGenerationPrompt: golden["prompt"].bool == true, text: golden["text"].string)
      })
  }

  static let date = TemplateDate(year: 2024, month: 7, day: 6, hour: 9, minute: 5, second: 3)
  static let tokens = ["bos_token": "<s>", "eos_token": "</s>"]
}

@Suite("Chat templates beside transformers")
struct ChatTemplateGoldenTests {
  private static func render(_ golden: ChatGoldens.Case) throws -> RenderedChat {
    try ChatTemplate(golden.template, source: "golden", specialTokens: ChatGoldens.tokens).render(
      golden.messages, addGenerationPrompt: golden.addGenerationPrompt, date: ChatGoldens.date)
  }

  @Test("Templates and expressions give the text that jinja2 gives, and fail where it fails")
  func goldens() throws {
    let goldens = try ChatGoldens.load()
    try #require(goldens.cases.count > 500)
    for golden in goldens.cases {
      guard let expected = golden.text else {
        #expect(throws: TemplateError.self, "\(golden.label)") { try Self.render(golden) }
        continue
      }
      do {
        let text = try Self.render(golden).text
        #expect(
          text.unicodeScalars.elementsEqual(expected.unicodeScalars),
          "\(golden.label): \(String(reflecting: text)) is not \(String(reflecting: expected))")
      } catch {
        Issue.record("\(golden.label): \(error)")
      }
    }
  }

  @Test("What came from messages is marked, and nothing else")
  func marks() throws {
    var counted = 0
    for golden in try ChatGoldens.load().cases {
      guard golden.text != nil, golden.label.contains(".jinja") else { continue }
      let chat = try Self.render(golden)
      // These cut contents into pieces.
      let isWhole = !["macros", "qwen3", "rules"].contains { golden.label.hasPrefix($0) }
      // Every message that is written as it is stands in one marked range.
      let bytes = Array(chat.text.utf8)
      let marked = chat.contentRanges.map { String(decoding: bytes[$0], as: UTF8.self) }
      for message in golden.messages where !message.content.isEmpty && chat.text.contains(message.content) {
        let trimmed = TemplateText(message.content).stripped().string
        guard !trimmed.isEmpty, isWhole else { continue }
        counted += 1
        #expect(marked.contains { $0.contains(trimmed) }, "\(golden.label): \(trimmed)")
      }
      // Template text between marks never contains the words of the conversations.
      var rest = bytes
      for range in chat.contentRanges { for index in range { rest[index] = 0x7F } }
      #expect(!String(decoding: rest, as: UTF8.self).contains("BM25"), "\(golden.label)")
    }
    #expect(counted > 200)
  }

  @Test("The built-in ChatML is the usual one")
  func builtIn() throws {
    let template = try ChatTemplate.named("chatml")
    for golden in try ChatGoldens.load().cases where golden.label.hasPrefix("chatml.jinja") {
      #expect(try template.render(golden.messages, addGenerationPrompt: golden.addGenerationPrompt).text == golden.text)
    }
    #expect(throws: ChatTemplateError.unknownName("alpaca", known: ["chatml"])) { try ChatTemplate.named("alpaca") }
  }

  @Test("Variables and the date change the text; without a date there is no clock")
  func variables() throws {
    func render(_ file: String, _ variables: [String: Bool] = [:], _ date: TemplateDate? = nil) throws -> String {
      try ChatTemplate(ChatGoldens.contents("templates/" + file), source: file, specialTokens: ChatGoldens.tokens)
        .render([.user("Q")], variables: variables, date: date).text
    }
    #expect(try render("qwen3.jinja").hasSuffix("<|im_start|>assistant\n"))
    #expect(try render("qwen3.jinja", ["enable_thinking": false]).hasSuffix("assistant\n<think>\n\n</think>\n\n"))
    #expect(try render("smollm3.jinja", ["enable_thinking": false]).contains("Reasoning Mode: /no_think\n"))
    #expect(try render("llama31.jinja").contains("Today Date: 26 Jul 2024\n"))
    #expect(try render("llama31.jinja", [:], TemplateDate("2025-02-03")).contains("Today Date: 03 Feb 2025\n"))
  }

  @Test("Days of the calendar have their weekday, and others are refused")
  func dates() throws {
    for (text, expected) in [
      ("2000-02-29", "Tuesday 060"), ("1900-03-01", "Thursday 060"), ("2024-12-31", "Tuesday 366"), ("2023-01-01", "Sunday 001"),
      ("0001-01-01", "Monday 001"), ("9999-12-31", "Friday 365"),
    ] {
      #expect(try #require(TemplateDate(text)).formatted("%A %j") == expected, "\(text)")
    }
    for text in [
      "2023-02-29", "1900-02-29", "2024-13-01", "2024-00-01", "2024-04-31", "2024-1-1", "20240101", "0000-01-01", "x", "",
    ] {
      #expect(TemplateDate(text) == nil, "\(text)")
    }
    let evening = try #require(TemplateDate(year: 2024, month: 1, day: 1, hour: 12))
    #expect(try evening.formatted("%I %p %-I") == "12 PM 12")
    #expect(throws: TemplateError.Reason.unsupported("date conversion '%c'")) { try evening.formatted("%c") }
    #expect(throws: TemplateError.Reason.unsupported("date conversion '%'")) { try evening.formatted("%") }
  }
}
