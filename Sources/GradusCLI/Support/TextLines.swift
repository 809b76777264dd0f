import Gradus

/// Texts that a command takes from a file, one a line, as they stand; blank lines are left out.
struct TextLines {
  struct Line {
    /// From 1.
    let number: Int
    let text: String
  }

  let path: String
  let lines: [Line]

  /// - Throws: ``TextLineError`` where there is no text; what `LineReader` throws.
  init(path: String) throws {
    let reader = try LineReader(path: path)
    var lines: [Line] = []
    while let bytes = try reader.next() {
      let text = String(decoding: bytes, as: UTF8.self)
      if !text.allSatisfy(\.isWhitespace) { lines.append(Line(number: reader.lineNumber, text: text)) }
    }
    guard !lines.isEmpty else { throw TextLineError(file: path, line: 0, reason: .noText) }
    self.path = path
    self.lines = lines
  }
}

/// A line that a model cannot take as a text of its own.
struct TextLineError: LineError {
  enum Reason: Equatable {
    case noText
    /// More tokens than the model's context has left after the prompt.
    case context(tokens: Int, prompt: Int, limit: Int)
  }

  let file: String
  let line: Int
  let reason: Reason

  var problem: String {
    switch reason {
    case .noText: "holds no text; expected one a line"
    case .context(let tokens, let prompt, let limit):
      "\(tokens) tokens after the prompt's \(prompt) do not fit the model's context of \(limit); shorten one of them"
    }
  }
}
