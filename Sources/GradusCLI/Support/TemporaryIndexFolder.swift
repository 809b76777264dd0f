#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A folder for an index that is only measured; removed with everything in it.
final class TemporaryIndexFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/gradus-bench-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { remove(path) }

  func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }
}
