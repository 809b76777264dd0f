#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// Packages fetched with the system's package manager and not installed: no root is needed and the system does not change.
struct AptPackages {
  /// Where `.deb` files are kept between runs.
  let cache: String

  struct Candidate: Equatable {
    let package: String
    let version: String
  }

  /// The packages that apt would fetch for each pattern; nil where it knows none. Needs no network.
  ///
  /// - Parameter patterns: Package names, in which `*` may stand for a version; the newest name is taken.
  func candidates(_ patterns: [String]) throws -> [Candidate?] {
    let names = try patterns.map { pattern in
      pattern.contains("*") ? try knownNames(matching: pattern) : [pattern]
    }
    let policy = try apt("apt-cache", ["policy"] + names.flatMap { $0 })
    let versions = Self.candidateVersions(inPolicy: policy.output)
    return names.map { alternatives in
      alternatives.compactMap { name in versions[name].map { Candidate(package: name, version: $0) } }
        .max { DebianVersion.precedes(($0.package, $0.version), ($1.package, $1.version)) }
    }
  }

  /// Downloads what is not in the cache yet, in one call, and returns the archives in the candidates' order.
  func fetch(_ candidates: [Candidate]) throws -> [PackageFiles] {
    let missing = candidates.filter { cached($0) == nil }
    if !missing.isEmpty {
      try StagedFolder.makeFolder(cache)
      // apt writes under the final names as it goes, so it works in a folder of its own.
      let staging = "\(cache)/.\(getpid()).part"
      StagedFolder.removeTree(staging)
      try StagedFolder.makeFolder(staging)
      defer { StagedFolder.removeTree(staging) }
      var arguments = ["--quiet", "download"] + missing.map { $0.package + "=" + $0.version }
      // As root, apt would fetch as user `_apt`, who cannot write to this folder.
      if geteuid() == 0 { arguments = ["--option", "APT::Sandbox::User=root"] + arguments }
      _ = try apt("apt-get", arguments, in: staging)
      for name in FileStatus.names(in: staging) where name.hasSuffix(".deb") {
        guard rename(staging + "/" + name, cache + "/" + name) == 0 else {
          throw FileError(.rename, path: cache + "/" + name, code: errno)
        }
      }
    }
    return try candidates.map { candidate in
      guard let path = cached(candidate) else {
        throw DebianError.notDelivered(package: candidate.package, version: candidate.version)
      }
      return PackageFiles(package: candidate.package, version: candidate.version, location: .archive(path))
    }
  }

  private func cached(_ candidate: Candidate) -> String? {
    let prefix = candidate.package + "_" + candidate.version.replacing(":", with: "%3a") + "_"
    return FileStatus.names(in: cache).first { $0.hasPrefix(prefix) && $0.hasSuffix(".deb") }.map { cache + "/" + $0 }
  }

  private func knownNames(matching pattern: String) throws -> [String] {
    let prefix = String(pattern.prefix { $0 != "*" })
    let names = try apt("apt-cache", ["pkgnames", prefix]).output.split(separator: "\n").map(String.init)
    return names.filter { ShellPattern.matches($0, anyOf: [pattern]) }.sorted()
  }

  /// `name:` lines with the `Candidate:` lines that follow them.
  static func candidateVersions(inPolicy text: String) -> [String: String] {
    var versions: [String: String] = [:]
    var package: String?
    for line in text.split(separator: "\n") {
      if !line.hasPrefix(" "), line.hasSuffix(":") {
        package = String(line.dropLast())
      } else if let name = package, line.hasPrefix("  Candidate: ") {
        let version = line.dropFirst("  Candidate: ".count).trimmed
        if version != "(none)" { versions[name] = version }
      }
    }
    return versions
  }

  private func apt(_ program: String, _ arguments: [String], in folder: String? = nil) throws -> Subprocess.Result {
    do {
      // Messages are read, so they must not be translated.
      let result = try Subprocess.run("env", ["LC_ALL=C", program] + arguments, in: folder)
      if result.exitCode == 127 { throw DebianError.noPackageManager }
      guard result.exitCode == 0 else {
        let reason = result.errorOutput.split(separator: "\n").first { $0.hasPrefix("E: ") }.map { String($0.dropFirst(3)) }
        throw DebianError.fetchFailed(reason: reason ?? "\(program) ended with code \(result.exitCode)")
      }
      return result
    } catch SubprocessError.missing {
      throw DebianError.noPackageManager
    }
  }
}

/// Documentation packages that cannot be had.
public enum DebianError: GradusError, Equatable {
  case noPackageManager
  case fetchFailed(reason: String)
  case notDelivered(package: String, version: String)
  /// `place` is where was looked: the package manager or a folder.
  case packageMissing(package: String, place: String)

  public var failureKind: FailureKind {
    switch self {
    case .noPackageManager, .packageMissing: .missingInput
    case .fetchFailed, .notDelivered: .failed
    }
  }

  public var description: String {
    switch self {
    case .noPackageManager:
      "apt-get and apt-cache are not installed: this collection is made from Debian's documentation packages; "
        + "fetch the .deb files elsewhere and give their folder with --packages"
    case .fetchFailed(let reason):
      "apt-get cannot fetch the documentation packages: \(reason); check the network and run 'apt-get update', "
        + "then run the command again"
    case .notDelivered(let package, let version): "apt-get reported success but left no file for \(package) \(version)"
    case .packageMissing(let package, let place):
      "\(place): has no package \(package), which the collection cannot be built without; "
        + "run 'apt-get update' or add it to the folder"
    }
  }
}
