import GradusCore

/// A recipe or settings file that cannot be read, with the line.
public struct RecipeError: GradusError, Equatable {
  public enum Reason: Equatable, Sendable {
    /// Not YAML.
    case syntax(String)
    case unknownKey(String, nearest: String?)
    case missingKey(String)
    case kind(key: String, expected: String)
    case value(key: String, found: String, expected: String)
    /// A setting that a training refuses.
    case setting(SettingError)
    case duplicateName(String)
    /// A name that refers to nothing in the recipe.
    case reference(key: String, name: String, known: [String])
  }

  public let file: String
  /// From 1.
  public let line: Int
  public let reason: Reason

  public init(file: String, line: Int, reason: Reason) {
    self.file = file
    self.line = line
    self.reason = reason
  }

  public var failureKind: FailureKind { .badData }

  public var description: String {
    let place = "\(file):\(line): "
    switch reason {
    case .syntax(let problem): return place + problem
    case .unknownKey(let key, let nearest): return place + "no key '\(key)'" + (nearest.map { "; did you mean '\($0)'?" } ?? "")
    case .missingKey(let key): return place + "the key '\(key)' is missing"
    case .kind(let key, let expected): return place + "'\(key)' must be \(expected)"
    case .value(let key, let found, let expected): return place + "\(key): expected \(expected), found '\(found)'"
    case .setting(let error): return place + error.description
    case .duplicateName(let name): return place + "the name '\(name)' is used twice"
    case .reference(let key, let name, let known):
      return place + "\(key): there is no '\(name)'; there is \(known.joined(separator: ", "))"
    }
  }
}
