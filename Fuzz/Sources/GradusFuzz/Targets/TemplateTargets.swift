import GradusCore
import GradusText

extension FuzzTarget {
  /// Chat templates, within their limits, and tokenizer_config.json.
  static let template = FuzzTarget("template", maximumBytes: 4096, dictionary: "template") {
    try Workplace.fixtures("GradusTextTests/Fixtures/Chat/templates", suffix: ".jinja")
      + [
        Array(#"{"chat_template": [{"name": "default", "template": "{{ messages }}"}], "bos_token": {"content": "<s>"}}"#.utf8)
      ]
  } run: { input in
    // Small limits: what is bounded by them must end soon.
    var limits = TemplateLimits()
    limits.steps = 100_000
    limits.outputCharacters = 100_000
    let text = String(decoding: input, as: UTF8.self)
    attempt {
      let tokens = ["bos_token": "<s>", "eos_token": "</s>"]
      let template = try ChatTemplate(text, source: "input", specialTokens: tokens, limits: limits)
      let messages = [ChatMessage.system("Be brief."), .user("What is\n BM25? \u{e9}<|im_end|>"), .assistant("A function.")]
      let date = TemplateDate(year: 2026, month: 2, day: 28)
      attempt { _ = try template.render(messages, variables: ["enable_thinking": true], date: date) }
      attempt { _ = try template.render([.user("x")], addGenerationPrompt: false) }
    }
    Workplace.write(input, "tokenizer_config.json")
    attempt { _ = try ChatTemplate(folder: Workplace.folder, limits: limits).render([.user("x")]) }
  }
}
