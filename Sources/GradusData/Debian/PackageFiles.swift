#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// The files of one Debian package that was not installed: a `.deb` archive, or a folder that one was unpacked to.
struct PackageFiles {
  enum Location: Equatable {
    case archive(String)
    case folder(String)
  }

  struct File {
    /// Relative to the package's root: `usr/share/doc/...`.
    let path: String
    let bytes: [UInt8]
  }

  let package: String
  let version: String
  let location: Location

  /// Reads the files that one of the shell patterns matches, ordered by path.
  func files(matching patterns: [String]) throws -> [File] {
    let files =
      switch location {
      case .archive(let path): try Self.archiveFiles(path, patterns)
      case .folder(let path): try Self.folderFiles(path, patterns)
      }
    return files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
  }

  /// SHA-256 of the archive, or of the paths and bytes of a folder's matching files.
  func contentHash(matching patterns: [String]) throws -> String {
    switch location {
    case .archive(let path): return try WholeFile.sha256(path)
    case .folder:
      var digest = SHA256Digest()
      for file in try files(matching: patterns) {
        Array((file.path + "\n\(file.bytes.count)\n").utf8).withUnsafeBytes { digest.update($0) }
        file.bytes.withUnsafeBytes { digest.update($0) }
      }
      return digest.finish()
    }
  }

  /// A `.deb` is an `ar` archive that holds a compressed tar of the files as `data.tar.*`.
  private static func archiveFiles(_ path: String, _ patterns: [String]) throws -> [File] {
    var files: [File] = []
    var hasData = false
    try ArchiveReader.forEachEntry(of: .file(path)) { member in
      guard member.path.hasPrefix("data.tar") else { return }
      hasData = true
      try ArchiveReader.forEachEntry(of: .memory(try member.bytes(), name: path)) { entry in
        if ShellPattern.matches(entry.path, anyOf: patterns) { files.append(File(path: entry.path, bytes: try entry.bytes())) }
      }
    }
    guard hasData else { throw ArchiveError.missingEntry(archive: path, entry: "data.tar") }
    return files
  }

  private static func folderFiles(_ root: String, _ patterns: [String]) throws -> [File] {
    var files: [File] = []
    func visit(_ relative: String) throws {
      for name in FileStatus.names(in: root + "/" + relative) {
        let path = relative.isEmpty ? name : relative + "/" + name
        var status = stat()
        guard lstat(root + "/" + path, &status) == 0 else { continue }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: try visit(path)
        case S_IFREG:
          if ShellPattern.matches(path, anyOf: patterns) {
            files.append(File(path: path, bytes: try WholeFile.bytes(root + "/" + path)))
          }
        default: break  // Links point at files that are visited under their own name.
        }
      }
    }
    try visit("")
    return files
  }
}

/// Shell patterns as in `fnmatch(3)`: `*` and `?` do not match a slash.
enum ShellPattern {
  static func matches(_ path: String, anyOf patterns: [String]) -> Bool {
    patterns.contains { fnmatch($0, path, FNM_PATHNAME) == 0 }
  }
}
