import Foundation

/// A folder for one test, removed with everything in it when the value goes.
///
///     let folder = try TemporaryFolder()
///     let path = try folder.write("q1\tlaminar flow\n", "topics.tsv")
///
/// Swift lets a value go after its last use: where only `path` is used to the end, take ``make()``.
public final class TemporaryFolder: Sendable {
  public let path: String
  private let outer: String

  public init() throws {
    outer = Self.root + "/" + UUID().uuidString
    path = outer + "/work"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: outer) }

  public func path(_ name: String) -> String { path + "/" + name }

  /// A path beside the folder, which is removed with it: for what a test needs and ``names(_:)`` is not to list.
  public func hidden(_ name: String) -> String { outer + "/" + name }

  /// Writes a file, with the folders that its name asks for, and returns its path.
  @discardableResult
  public func write(_ text: String, _ name: String) throws -> String { try write(text.utf8, name) }

  @discardableResult
  public func write(_ bytes: some Sequence<UInt8>, _ name: String) throws -> String {
    if let slash = name.lastIndex(of: "/") { try makeFolder(String(name[..<slash])) }
    try Self.write(Array(bytes), path(name))
    return path(name)
  }

  /// Makes a folder, with those that its name asks for, and returns its path.
  @discardableResult
  public func makeFolder(_ name: String) throws -> String {
    try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
    return path(name)
  }

  public func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

  public func bytes(_ name: String) throws -> [UInt8] { try Self.read(path(name)) }

  /// Of files and folders, hidden ones too, sorted.
  public func names(_ folder: String = "") throws -> [String] { try Self.names(in: path(folder)) }
}

extension TemporaryFolder {
  /// The path of a new folder that stays until the process ends.
  public static func make() throws -> String {
    let path = root + "/" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  /// The path of a new file, in a folder of its own, that stays until the process ends.
  public static func makeFile(_ text: String, _ name: String) throws -> String {
    let path = try make() + "/" + name
    try write(Array(text.utf8), path)
    return path
  }

  public static func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  public static func read(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

  public static func write(_ bytes: [UInt8], _ path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

  /// What all folders of this process lie in.
  private static let root: String = {
    atexit { try? FileManager.default.removeItem(atPath: TemporaryFolder.root) }
    return FileManager.default.temporaryDirectory.appendingPathComponent("gradus-tests-" + UUID().uuidString).path
  }()
}
