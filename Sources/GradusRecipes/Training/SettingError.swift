import GradusCore

/// A setting of a training or recipe that does not exist or cannot have that value.
public enum SettingError: GradusError, Equatable {
  case unknown(String, nearest: String?)
  case value(setting: String, found: String, expected: String)
  /// Two settings that cannot go together.
  case contradiction(String)

  public var failureKind: FailureKind { .usage }

  public var description: String {
    switch self {
    case .unknown(let name, let nearest):
      "no setting '\(name)'" + (nearest.map { "; did you mean '\($0)'?" } ?? "; see: gradus train --help")
    case .value(let setting, let found, let expected): "\(setting): '\(found)' is not allowed; expected \(expected)"
    case .contradiction(let text): text
    }
  }

  /// A name in the text that is not among `known`; the whole text where `name` is nil. The nearest comes first where there are
  /// too many to read.
  static func choice(_ setting: String, found: String, name: String? = nil, known: [String]) -> SettingError {
    let nearest = Spelling.nearest(to: name ?? found, among: known), all = known.joined(separator: ", ")
    let meant = nearest.map { " (did you mean '\($0)'?)" } ?? ""
    return .value(
      setting: setting, found: found,
      expected: known.count > 10 ? "a name that is known\(meant): \(all)" : "one of \(all)\(meant)")
  }
}
