#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// Downloads files through the `curl` program, so that proxies and certificates work as the system has them.
///
///     try Downloader().download("https://example.org/scifact.zip", to: path, sha256: "5f7d...")
///
/// A file appears under its name only when it is complete and its hash is right. What came before an interruption waits in
/// `path.part`, and the next call goes on from there.
public struct Downloader: Sendable {
  /// Seconds to wait for a connection.
  public var connectTimeoutSeconds = 20
  /// How often curl tries again after a failure that may pass (time-outs, HTTP 408, 429 and 5xx).
  public var retries = 2

  public init() {}

  /// Fetches `url` to `path`; does nothing where `path` exists already with the right hash.
  ///
  /// - Parameters:
  ///   - url: `http` or `https`.
  ///   - sha256: 64 lower-case hexadecimal digits; nil only where the publisher gives none.
  ///   - size: Bytes, for progress only.
  /// - Throws: ``DownloadError``, ``SubprocessError/missing(program:)`` without curl, `FileError`.
  public func download(_ url: String, to path: String, sha256: String?, size: Int? = nil) throws {
    if let sha256, FileStatus.isFile(path), try WholeFile.sha256(path) == sha256 { return }
    try StagedFolder.makeFolder(path.parentFolder)
    let part = path + ".part"
    let isResumed = (FileStatus.size(part) ?? 0) > 0
    do {
      // An earlier run may have been stopped between the last byte and the renaming.
      if isResumed, let sha256, try WholeFile.sha256(part) == sha256 { return try publish(part, as: path) }
      try transfer(url, to: part, size: size)
      try verify(part, url: url, sha256: sha256)
    } catch let error as DownloadError {
      guard isResumed, error.mayComeFromStalePart else { throw error }
      StagedFolder.removeTree(part)
      try transfer(url, to: part, size: size)
      try verify(part, url: url, sha256: sha256)
    }
    try publish(part, as: path)
  }

  /// Fetches a small page whole, such as a package index.
  ///
  /// - Parameter accept: Value of the `Accept` header.
  public func page(_ url: String, accept: String) throws -> [UInt8] {
    var template = Array("\(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")/gradus-page-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    let path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    guard descriptor >= 0 else { throw FileError(.create, path: path, code: errno) }
    close(descriptor)
    defer { unlink(path) }
    try curl(["--output", path, "--header", "Accept: " + accept], url: url, progress: nil)
    return try WholeFile.bytes(path)
  }

  private func transfer(_ url: String, to part: String, size: Int?) throws {
    let started = FileStatus.size(part) ?? 0
    let progress = Progress("downloading " + url.lastComponent, total: size.map { ($0 - started) >> 10 }, unit: "KiB")
    defer { progress.finish() }
    var reported = 0
    try curl(["--continue-at", "-", "--output", part], url: url) {
      let now = ((FileStatus.size(part) ?? 0) - started) >> 10
      progress.advance(by: max(0, now - reported))
      reported = max(reported, now)
    }
  }

  private func curl(_ arguments: [String], url: String, progress: (() -> Void)?) throws {
    let result = try Subprocess.run(
      "curl",
      [
        "--fail", "--location", "--silent", "--show-error", "--proto", "=http,https", "--proto-redir", "=http,https",
        "--connect-timeout", "\(connectTimeoutSeconds)", "--retry", "\(retries)", "--speed-time", "60", "--speed-limit", "1",
        "--write-out", "%{http_code}",
      ] + arguments + ["--", url], whileRunning: progress)
    guard result.exitCode != 0 else { return }
    let shown = url.withoutCredentials
    let reason = Self.lastLine(of: result.errorOutput).withoutCredentials
    switch result.exitCode {
    case 22: throw DownloadError.status(url: shown, code: Int(result.output.suffix(3)) ?? 0)
    case 33: throw DownloadError.status(url: shown, code: 416)
    case 16, 18, 52, 55, 56, 92: throw DownloadError.interrupted(url: shown, reason: reason)
    case 28 where !result.output.hasSuffix("000"): throw DownloadError.interrupted(url: shown, reason: reason)
    case 23: throw FileError(.write, path: arguments.last ?? shown, code: ENOSPC)
    default: throw DownloadError.unreachable(url: shown, reason: reason.isEmpty ? "curl exit code \(result.exitCode)" : reason)
    }
  }

  private func verify(_ part: String, url: String, sha256: String?) throws {
    guard let sha256 else { return }
    let found = try WholeFile.sha256(part)
    guard found == sha256 else {
      StagedFolder.removeTree(part)
      throw DownloadError.hashMismatch(url: url.withoutCredentials, expected: sha256, found: found)
    }
  }

  private func publish(_ part: String, as path: String) throws {
    guard rename(part, path) == 0 else { throw FileError(.rename, path: path, code: errno) }
  }

  private static func lastLine(of text: String) -> String {
    let line = text.split(separator: "\n").last.map(String.init) ?? ""
    return line.hasPrefix("curl: ") ? String(line.dropFirst(6)) : line
  }
}

extension DownloadError {
  /// True where an old `.part` that belongs to another version of the file would explain the failure.
  fileprivate var mayComeFromStalePart: Bool {
    switch self {
    case .status(_, 416), .hashMismatch: true
    default: false
    }
  }
}

extension String {
  /// The text with `user:password@` taken out of every address in it.
  var withoutCredentials: String {
    var result = ""
    var rest = self[...]
    while let scheme = rest.firstRange(of: "://") {
      result += rest[..<scheme.upperBound]
      rest = rest[scheme.upperBound...]
      let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != " " }
      if let at = authority.lastIndex(of: "@") { rest = rest[rest.index(after: at)...] }
    }
    return result + rest
  }
}
