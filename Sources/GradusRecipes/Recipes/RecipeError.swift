import GradusFormats

/// A recipe or settings file that cannot be read, with the line.
public struct RecipeError: LineError {
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

  public var problem: String {
    switch reason {
    case .syntax(let problem): problem
    // Where settings are read, a recipe has this key first.
    case .unknownKey("slug", _): "no key 'slug': an experiment's recipe is run by 'gradus reproduce', not trained"
    case .unknownKey(let key, let nearest): "no key '\(key)'" + (nearest.map { "; did you mean '\($0)'?" } ?? "")
    case .missingKey(let key): "the key '\(key)' is missing"
    case .kind(let key, let expected): "'\(key)' must be \(expected)"
    case .value(let key, let found, let expected): "\(key): expected \(expected), found '\(found)'"
    case .setting(let error): error.description
    case .duplicateName(let name): "the name '\(name)' is used twice"
    case .reference(let key, let name, let known):
      "\(key): there is no '\(name)'; there is \(known.joined(separator: ", "))"
    }
  }
}
