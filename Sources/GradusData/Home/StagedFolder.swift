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

/// A folder that appears under its final name only when it is complete.
///
/// Content is written to a hidden neighbour and renamed at the end, so that a reader sees the old folder, the new one or
/// none, never half of one. What an interrupted run left behind is removed by the next run for the same name.
///
///     let path = try StagedFolder.fill("/data/faq") { staging in try write(to: staging) }
enum StagedFolder {
  /// Calls `body` with an empty folder, then moves that folder to `path`, in the place of what stood there.
  static func fill<Result>(_ path: String, _ body: (String) throws -> Result) throws -> Result {
    let parent = path.parentFolder
    let name = path.lastComponent
    try makeFolder(parent)
    let staging = "\(parent)/.\(name).\(getpid()).part"
    for abandoned in abandonedStages(of: name, in: parent) { removeTree(abandoned) }
    removeTree(staging)
    try makeFolder(staging)
    do {
      let result = try body(staging)
      try replace(path, with: staging)
      return result
    } catch {
      removeTree(staging)
      throw error
    }
  }

  private static func replace(_ path: String, with staging: String) throws {
    var status = stat()
    guard stat(path, &status) == 0 else {
      guard rename(staging, path) == 0 else { throw FileError(.rename, path: path, code: errno) }
      return
    }
    let retired = staging + ".old"
    guard rename(path, retired) == 0 else { throw FileError(.rename, path: path, code: errno) }
    guard rename(staging, path) == 0 else {
      let code = errno
      _ = rename(retired, path)
      throw FileError(.rename, path: path, code: code)
    }
    removeTree(retired)
  }

  /// Stages of processes that no longer run.
  private static func abandonedStages(of name: String, in parent: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    return names.sorted().compactMap { entry in
      guard entry.hasPrefix(".\(name)."), entry.hasSuffix(".part") || entry.hasSuffix(".part.old") else { return nil }
      let middle = entry.dropFirst(name.utf8.count + 2).prefix { $0 != "." }
      guard let process = pid_t(middle), process != getpid(), kill(process, 0) != 0, errno == ESRCH else { return nil }
      return parent + "/" + entry
    }
  }

  /// Makes `path` and the folders above it.
  static func makeFolder(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw FileError(.create, path: path, code: errno == 0 ? EACCES : errno)
    }
  }

  /// Removes a file or a folder with all it holds; nothing happens where there is none.
  static func removeTree(_ path: String) {
    try? FileManager.default.removeItem(atPath: path)
  }
}
