import Gradus

/// The decoder of `gradus generate`, the prompt's tokens, and those that end an answer.
struct DecoderSetup {
  let decoder: LlamaDecoder
  let tokenizer: BytePairTokenizer
  let prompt: [Int32]
  let stopTokens: Set<Int32>
  /// Whether control tokens count that texts spell: where nobody but the user writes the text.
  private let isRaw: Bool

  init(_ command: GenerateCommand) throws {
    let path = try InputNames.decoder(command.model)
    decoder = try LlamaDecoder(path: path)
    tokenizer = try BytePairTokenizer(decoder: path)
    isRaw = command.raw
    if command.raw {
      prompt = tokenizer.encode(command.prompt)
      stopTokens = try tokenizer.endTokens(decoder: path)
      return
    }
    let template = try Self.template(command.chatTemplate, path)
    let messages = (command.system.map { [ChatMessage.system($0)] } ?? []) + [.user(command.prompt)]
    prompt = try template.encode(messages, with: tokenizer, date: command.date.flatMap { TemplateDate($0) })
    stopTokens = try template.stopTokens(decoder: path, tokenizer: tokenizer)
  }

  private static func template(_ name: String?, _ path: String) throws -> ChatTemplate {
    guard let name else { return try ChatTemplate(decoder: path) }
    let tokens = try ChatTemplate.specialTokens(decoder: path)
    if ChatTemplate.names.contains(name) { return try ChatTemplate.named(name, specialTokens: tokens) }
    guard InputNames.isFile(name) else {
      throw UsageError("--chat-template '\(name)' is neither a file nor one of: \(ChatTemplate.names.joined(separator: ", "))")
    }
    return try ChatTemplate(file: name, specialTokens: tokens)
  }

  /// The tokens of what follows the prompt.
  func encode(_ text: String) -> [Int32] {
    tokenizer.encode(text, special: isRaw ? .parse : .asText, addsSpecial: false)
  }

  /// - Throws: ``TextLineError`` for a line that does not fit the context.
  func encode(_ lines: TextLines) throws -> [[Int32]] {
    let limit = decoder.configuration.maximumPositions
    return try lines.lines.map { line in
      let tokens = encode(line.text)
      guard prompt.count + tokens.count <= limit else {
        throw TextLineError(
          file: lines.path, line: line.number,
          reason: .context(tokens: tokens.count, prompt: prompt.count, limit: limit))
      }
      return tokens
    }
  }
}
