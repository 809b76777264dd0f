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
import GradusFormats

/// A directory that always holds one complete checkpoint, whatever happens while the next one is being written.
///
///     DIR/LATEST                     name of the checkpoint that counts, replaced in one step
///     DIR/checkpoint-000012/         its files, and manifest.json with their sizes and SHA-256
///
/// A new checkpoint is written beside the old one; only when all of it is on the disk does `LATEST` name it, and only then
/// is the old one removed. A process killed at any moment leaves a directory that resumes.
struct CheckpointDirectory {
  struct Manifest: Codable, Equatable {
    struct File: Codable, Equatable {
      let name: String
      let bytes: Int
      let sha256: String
    }

    static let currentVersion = 1
    let formatVersion: Int
    let files: [File]
  }

  let path: String

  private static let prefix = "checkpoint-"
  private var pointer: String { path + "/LATEST" }

  /// Whether a checkpoint lies in this folder.
  static func isPresent(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path + "/LATEST") }

  // MARK: - Writing

  /// Writes a checkpoint: `body` gets the folder to write into, and returns the names of its files.
  func write(_ body: (_ folder: String) throws -> [String]) throws {
    try makeDirectory(path)
    let number = (try entries().compactMap(Self.number).max() ?? 0) + 1
    let digits = String(number)
    let name = Self.prefix + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    let folder = path + "/" + name
    try makeDirectory(folder)
    let files = try body(folder).map { file in
      let digest = try Self.digest(of: folder + "/" + file)
      return Manifest.File(name: file, bytes: digest.bytes, sha256: digest.sha256)
    }
    let manifest = Manifest(formatVersion: Manifest.currentVersion, files: files)
    try Self.writeFile(folder + "/manifest.json", try CheckpointCoding.encoder().encode(manifest))
    try synchronise(path)
    try Self.writeFile(pointer, Data((name + "\n").utf8))
    // Older checkpoints, and what killed processes have left.
    for entry in try entries() where entry != name && (Self.number(entry) != nil || entry.hasPrefix(".LATEST.")) {
      try FileManager.default.removeItem(atPath: path + "/" + entry)
    }
  }

  static func writeFile(_ path: String, _ data: Data) throws {
    let file = try OutputFile(path: path)
    try file.write([UInt8](data))
    try file.commit()
  }

  private func makeDirectory(_ path: String) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  private func entries() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path) }

  private static func number(_ entry: String) -> Int? {
    entry.hasPrefix(prefix) ? Int(entry.dropFirst(prefix.count)) : nil
  }

  private func synchronise(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(.open, path: path, code: errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw FileError(.sync, path: path, code: errno) }
  }

  // MARK: - Reading

  /// The folder of the checkpoint that counts, with every file checked against the manifest.
  ///
  /// - Throws: ``CheckpointError/missing(directory:)``, ``CheckpointError/corrupt(file:problem:)``,
  ///   ``CheckpointError/formatVersion(file:found:known:)``.
  func verifiedFolder() throws -> String {
    guard let text = try? String(contentsOfFile: pointer, encoding: .utf8) else {
      throw CheckpointError.missing(directory: path)
    }
    let name = String(text.prefix { $0 != "\n" })
    guard Self.number(name) != nil else {
      throw CheckpointError.corrupt(file: pointer, problem: "it does not name a checkpoint")
    }
    let folder = path + "/" + name
    let manifestPath = folder + "/manifest.json"
    let manifest: Manifest = try Self.decode(manifestPath)
    guard manifest.formatVersion == Manifest.currentVersion else {
      throw CheckpointError.formatVersion(
        file: manifestPath, found: manifest.formatVersion, known: Manifest.currentVersion)
    }
    for file in manifest.files {
      let filePath = folder + "/" + file.name
      guard FileManager.default.fileExists(atPath: filePath) else {
        throw CheckpointError.corrupt(file: filePath, problem: "the file is missing")
      }
      let found = try Self.digest(of: filePath)
      guard found.bytes == file.bytes else {
        throw CheckpointError.corrupt(file: filePath, problem: "it has \(found.bytes) bytes instead of \(file.bytes)")
      }
      guard found.sha256 == file.sha256 else {
        throw CheckpointError.corrupt(file: filePath, problem: "its SHA-256 is not that of the manifest")
      }
    }
    return folder
  }

  /// A JSON file of a checkpoint.
  static func decode<Value: Decodable>(_ path: String) throws -> Value {
    let data = try contents(path)
    do {
      return try CheckpointCoding.decoder().decode(Value.self, from: data)
    } catch {
      throw CheckpointError.corrupt(file: path, problem: "it is not the JSON that was expected")
    }
  }

  static func contents(_ path: String) throws -> Data {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw CheckpointError.corrupt(file: path, problem: "it cannot be read")
    }
    return data
  }

  private static func digest(of path: String) throws -> (bytes: Int, sha256: String) {
    let file = try MappedFile(path: path)
    var digest = SHA256Digest()
    digest.update(file.bytes)
    return (file.count, digest.finish())
  }
}
