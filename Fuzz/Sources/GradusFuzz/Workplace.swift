import Foundation

/// Where targets put their files, and where seeds come from.
enum Workplace {
  /// A folder of this process in memory, removed by the script.
  static let folder: String = {
    let base = ProcessInfo.processInfo.environment["GRADUS_FUZZ_FOLDER"] ?? "/dev/shm"
    let path = "\(base)/gradus-fuzz-\(ProcessInfo.processInfo.processIdentifier)"
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }()

  /// Writes a file, over what was there, and returns its path.
  @discardableResult
  static func write(_ bytes: some Sequence<UInt8>, _ name: String) -> String {
    let path = "\(folder)/\(name)"
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    precondition(descriptor >= 0, "cannot write \(path)")
    Array(bytes).withUnsafeBytes { precondition(Foundation.write(descriptor, $0.baseAddress, $0.count) == $0.count) }
    close(descriptor)
    return path
  }

  /// A copy of one of the tests' folders, made once.
  static func copy(ofFixture name: String, as copy: String) throws -> String {
    let path = "\(folder)/\(copy)"
    if !FileManager.default.fileExists(atPath: path) {
      try FileManager.default.copyItem(atPath: fixturePath(name), toPath: path)
    }
    return path
  }

  static func fixture(_ name: String) throws -> [UInt8] {
    try repository(fixturePath(name))
  }

  /// Files of a fixtures folder that end in `suffix`, in the order of their names.
  static func fixtures(_ folder: String, suffix: String) throws -> [[UInt8]] {
    try FileManager.default.contentsOfDirectory(atPath: fixturePath(folder)).filter { $0.hasSuffix(suffix) }.sorted()
      .map { try fixture("\(folder)/\($0)") }
  }

  /// A file of the repository.
  static func repository(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

  /// The script runs in the root of the repository.
  private static func fixturePath(_ name: String) -> String { "Tests/\(name)" }
}
