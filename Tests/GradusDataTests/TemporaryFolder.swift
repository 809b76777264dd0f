#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@testable import GradusData

/// Folders of this test run, removed when the process ends.
enum TemporaryFolder {
  /// One folder for the whole run.
  static let shared: String = {
    var template = Array("\(FileManager.default.temporaryDirectory.path)/gradus-data-tests-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { fatalError("cannot make a temporary folder") }
    let path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    atexit { StagedFolder.removeTree(TemporaryFolder.shared) }
    return path
  }()

  /// A fresh folder for one test.
  static func make() throws -> String {
    var template = Array("\(shared)/test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw CocoaError(.fileWriteUnknown) }
    return template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }
}
