import GradusCore

/// Why a download did not succeed. Addresses never show user names or passwords.
public enum DownloadError: GradusError, Equatable {
  /// No connection: no network, unknown host, refused, TLS failure. `reason` is the client's own line.
  case unreachable(url: String, reason: String)
  /// The server answered with an error, such as 404.
  case status(url: String, code: Int)
  /// The connection broke; the part that came is kept and the next run goes on from there.
  case interrupted(url: String, reason: String)
  /// The bytes are not those that were promised; they were removed.
  case hashMismatch(url: String, expected: String, found: String)

  public var failureKind: FailureKind {
    switch self {
    case .unreachable, .interrupted: .failed
    case .status(_, let code): code == 404 || code == 410 ? .missingInput : .failed
    case .hashMismatch: .badData
    }
  }

  public var description: String {
    switch self {
    case .unreachable(let url, let reason):
      "\(url): no connection (\(reason)); check the network and the proxy settings (https_proxy), then run the command again"
    case .status(let url, let code):
      code == 404 || code == 410
        ? "\(url): the server does not have this file (HTTP \(code)); check the address"
        : "\(url): the server answered HTTP \(code)"
    case .interrupted(let url, let reason):
      "\(url): the download was interrupted (\(reason)); run the command again to go on where it stopped"
    case .hashMismatch(let url, let expected, let found):
      "\(url): SHA-256 is \(found), expected \(expected); the file was removed, run the command again or ask the publisher"
    }
  }
}
