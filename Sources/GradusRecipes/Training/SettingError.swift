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
    case .value(let setting, let found, let expected): "\(setting): expected \(expected), found '\(found)'"
    case .contradiction(let text): text
    }
  }
}
