import GradusCore

/// A part of a training as command lines and recipes name it: `name` or `name(key=value,key=value)`.
struct NamedSettings {
  let text: String
  let name: String
  private var values: [String: String]

  init(_ text: String) throws(NameError) {
    self.text = text
    values = [:]
    guard let open = text.firstIndex(of: "(") else {
      name = text
      return
    }
    guard text.last == ")" else { throw .syntax(text) }
    name = String(text[..<open])
    for setting in text[text.index(after: open)...].dropLast().split(separator: ",") {
      let parts = setting.split(separator: "=", omittingEmptySubsequences: false).map { $0.filter { $0 != " " } }
      guard parts.count == 2, values.updateValue(parts[1], forKey: parts[0]) == nil else { throw .syntax(text) }
    }
  }

  /// Takes out a setting; nil where it is not given.
  mutating func take(_ key: String) -> String? { values.removeValue(forKey: key) }

  mutating func take<Number: LosslessStringConvertible>(_ key: String, as type: Number.Type) throws(NameError) -> Number? {
    guard let value = take(key) else { return nil }
    guard let number = Number(value) else { throw .value(text: text, key: key, found: value) }
    return number
  }

  /// - Throws: ``NameError/unknownSetting(text:key:)`` for what nobody took.
  func finish() throws(NameError) {
    if let key = values.keys.min() { throw .unknownSetting(text: text, key: key) }
  }
}

/// A name of a loss, heuristic or granularity that means nothing.
public enum NameError: GradusError, Equatable {
  /// Neither `name` nor `name(key=value,...)`.
  case syntax(String)
  case unknown(String, known: [String])
  case unknownSetting(text: String, key: String)
  case value(text: String, key: String, found: String)

  public var failureKind: FailureKind { .usage }

  public var description: String {
    switch self {
    case .syntax(let text): "'\(text)' is neither a name nor name(key=value,...)"
    case .unknown(let name, let known): "'\(name)' is not known; choose one of \(known.joined(separator: ", "))"
    case .unknownSetting(let text, let key): "'\(text)' has no setting '\(key)'"
    case .value(let text, let key, let found): "'\(text)': '\(found)' is no value for \(key)"
    }
  }
}
