import GradusCore

/// An analyzer that cannot be made.
public enum AnalyzerError: GradusError, Equatable {
  /// Neither `none` nor a Snowball algorithm.
  case unknownLanguage(String)

  public var failureKind: FailureKind { .usage }

  public var description: String {
    switch self {
    case .unknownLanguage(let name):
      "unknown language '\(name)'; known are none \(Stemmer.languages.joined(separator: " "))"
    }
  }
}
