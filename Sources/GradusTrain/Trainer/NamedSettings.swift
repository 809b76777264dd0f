import GradusCore

/// A part of a training as command lines and recipes name it: `name` or `name(key=value,key=value)`.
struct NamedSettings {
  let text: String
  let name: String
  private var values: [String: String]
  /// The settings that somebody wanted, given or not: those that there are.
  private var asked: [String] = []

  init(_ text: String) throws(NameError) {
    self.text = text
    values = [:]
    guard let open = text.firstIndex(of: "(") else {
      name = text
      return
    }
    guard text.last == ")" else { throw .syntax(text) }
    name = String(text[..<open])
    for setting in try Self.parts(text[text.index(after: open)...].dropLast(), of: text) {
      let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { $0.filter { $0 != " " } }
      // A value with an equals sign is a name with settings of its own.
      guard parts.count == 2, parts[1].contains("(") || !parts[1].contains("="),
        values.updateValue(parts[1], forKey: parts[0]) == nil
      else { throw .syntax(text) }
    }
  }

  /// Between commas, but for those within parentheses: `loss=infonce(temperature=0.05,both=true),dims=64` has two parts.
  private static func parts(_ settings: Substring, of text: String) throws(NameError) -> [Substring] {
    var parts: [Substring] = []
    var start = settings.startIndex
    var depth = 0
    for place in settings.indices {
      switch settings[place] {
      case "(": depth += 1
      case ")": depth -= 1
      case "," where depth == 0:
        parts.append(settings[start..<place])
        start = settings.index(after: place)
      default: break
      }
      if depth < 0 { throw .syntax(text) }
    }
    guard depth == 0 else { throw .syntax(text) }
    return (parts + [settings[start...]]).filter { !$0.isEmpty }
  }

  /// Takes out a setting; nil where it is not given.
  mutating func take(_ key: String) -> String? {
    asked.append(key)
    return values.removeValue(forKey: key)
  }

  mutating func take<Number: LosslessStringConvertible>(_ key: String, as type: Number.Type) throws(NameError) -> Number? {
    guard let value = take(key) else { return nil }
    guard let number = Number(value) else { throw .value(text: text, key: key, found: value) }
    return number
  }

  /// Takes out a choice by its raw value.
  mutating func take<Choice: RawRepresentable<String> & CaseIterable>(
    _ key: String, among type: Choice.Type
  ) throws(NameError) -> Choice? {
    guard let value = take(key) else { return nil }
    guard let choice = Choice(rawValue: value) else {
      throw .choice(text: text, key: key, found: value, known: Choice.allCases.map(\.rawValue))
    }
    return choice
  }

  /// - Throws: ``NameError/unknownSetting(text:key:known:)`` for what nobody took.
  func finish() throws(NameError) {
    if let key = values.keys.min() { throw .unknownSetting(text: text, key: key, known: asked) }
  }
}

/// A name of a loss, heuristic or granularity that means nothing.
public enum NameError: GradusError, Equatable {
  /// Neither `name` nor `name(key=value,...)`.
  case syntax(String)
  case unknown(String, known: [String])
  case unknownSetting(text: String, key: String, known: [String])
  case value(text: String, key: String, found: String)
  case choice(text: String, key: String, found: String, known: [String])
  /// A loss over vectors, or of two models, where one over scores was asked for.
  case notOverScores(String)

  public var failureKind: FailureKind { .usage }

  public var description: String {
    switch self {
    case .syntax(let text): "'\(text)' is neither a name nor name(key=value,...)"
    case .unknown(let name, let known):
      "'\(name)' is not known; "
        + (Spelling.nearest(to: name, among: known).map { "did you mean '\($0)'? " } ?? "")
        + "choose one of \(known.joined(separator: ", "))"
    case .unknownSetting(let text, let key, let known):
      "'\(text)' has no setting '\(key)'"
        + (Spelling.nearest(to: key, among: known).map { "; did you mean '\($0)'?" }
          ?? (known.isEmpty ? "; it has none" : "; it has \(known.joined(separator: ", "))"))
    case .value(let text, let key, let found): "'\(text)': '\(found)' is no value for \(key)"
    case .notOverScores(let text): "'\(text)' is no loss over the scores of one model; train a bi-encoder with it"
    case .choice(let text, let key, let found, let known):
      "'\(text)': '\(found)' is no value for \(key); choose one of \(known.joined(separator: ", "))"
    }
  }
}
