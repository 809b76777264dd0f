#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Files for one test, in a folder of their own.
enum TemporaryFiles {
  static func folder() -> String {
    let path = FileManager.default.temporaryDirectory.path + "/gradus-train-\(UInt64.random(in: .min ... .max))"
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  static func make(_ name: String, _ text: String) -> String {
    let path = folder() + "/" + name
    _ = FileManager.default.createFile(atPath: path, contents: Data(text.utf8))
    return path
  }

  static func remove(_ path: String) {
    try? FileManager.default.removeItem(atPath: path)
  }
}
