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

/// What an index folder holds, whatever the kind of the index: the file whose replacement makes a new index visible.
///
/// First line: `MAGIC VERSION CRC32C BYTES`, about the JSON that follows it.
protocol FolderManifest: Codable {
  /// The word that the file begins with.
  static var magic: String { get }
  /// Versions of the format that can be read.
  static var versions: ClosedRange<Int> { get }
  /// The lowest version that can say what the index holds: the one that is written.
  var version: Int { get }
  /// Grows with each commit into the folder; names of files hold it, so that no file is ever overwritten.
  var generation: Int { get }
  /// Of all files that belong to the index.
  var fileNames: [String] { get }
  /// Whether counts and settings are possible ones.
  var isSound: Bool { get }
}

extension FolderManifest {
  static var versions: ClosedRange<Int> { 1...1 }
  var version: Int { Self.versions.upperBound }

  /// Whether the folder's manifest is of this kind, of any version.
  static func isPresent(in folder: String) -> Bool {
    guard let file = try? MappedFile(path: folder + "/" + IndexManifest.name) else { return false }
    return withExtendedLifetime(file) { file.bytes.starts(with: (magic + " ").utf8) }
  }

  /// Whether the folder holds an index of another kind, of any version: a writer of this kind must not replace it.
  static func isOtherPresent(in folder: String) -> Bool {
    let kinds: [any FolderManifest.Type] = [
      IndexManifest.self, VectorIndexManifest.self, TokenIndexManifest.self, ImpactIndexManifest.self,
    ]
    return kinds.contains { $0.magic != magic && $0.isPresent(in: folder) }
  }

  /// Reads and checks the manifest of an index folder.
  ///
  /// - Throws: ``IndexError``; `FileError` where the folder is missing or cannot be read.
  static func read(folder: String) throws -> Self {
    let path = folder + "/" + IndexManifest.name
    let file: MappedFile
    do {
      file = try MappedFile(path: path)
    } catch {
      let folderIsThere = access(folder, F_OK) == 0
      throw error.code == ENOTDIR || (error.code == ENOENT && folderIsThere) ? IndexError.notAnIndex(path: folder) : error
    }
    return try withExtendedLifetime(file) { try decode(file.bytes, path: path) }
  }

  /// Opens what the manifest of a folder lists.
  ///
  /// - Parameter open: May be called again: a writer may replace the index between the manifest and the files that it lists.
  static func open<Contents>(folder: String, _ open: (Self) throws -> Contents) throws -> (manifest: Self, contents: Contents) {
    var manifest = try read(folder: folder)
    while true {
      do {
        return (manifest, try open(manifest))
      } catch let error as FileError where error.code == ENOENT {
        let current = try read(folder: folder)
        guard current.generation > manifest.generation else { throw error }
        manifest = current
      }
    }
  }

  static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws -> Self {
    let body = try body(of: bytes, path: path)
    guard let manifest = try? JSONDecoder().decode(Self.self, from: Data(body)) else {
      throw IndexError.corrupted(path: path, section: "the manifest")
    }
    guard manifest.fileNames.allSatisfy(IndexFolder.isSegmentName) else {
      throw IndexError.corrupted(path: path, section: "the list of files")
    }
    guard manifest.isSound else { throw IndexError.corrupted(path: path, section: "the manifest") }
    return manifest
  }

  /// What follows the first line, checked against it.
  private static func body(of bytes: UnsafeRawBufferPointer, path: String) throws -> UnsafeRawBufferPointer {
    guard let lineEnd = bytes.prefix(256).firstIndex(of: UInt8(ascii: "\n")) else { throw IndexError.notAnIndex(path: path) }
    let fields = String(decoding: bytes[..<lineEnd], as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
    guard fields.first == magic[...], fields.count >= 2, let found = Int(fields[1]) else {
      throw IndexError.notAnIndex(path: path)
    }
    guard versions.contains(found) else {
      throw IndexError.unsupportedVersion(path: path, found: found, supported: versions.upperBound)
    }
    guard fields.count == 4, let checksum = UInt32(fields[2], radix: 16), let count = Int(fields[3]) else {
      throw IndexError.corrupted(path: path, section: "the first line")
    }
    let body = UnsafeRawBufferPointer(rebasing: bytes[(lineEnd + 1)...])
    guard body.count == count else { throw IndexError.truncated(path: path, expectedBytes: count, foundBytes: body.count) }
    guard CRC32C.checksum(body) == checksum else { throw IndexError.checksumMismatch(path: path, section: "the manifest") }
    return body
  }

  func encoded() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    let body = [UInt8](try encoder.encode(self)) + [UInt8(ascii: "\n")]
    let checksum = String(body.withUnsafeBytes { CRC32C.checksum($0) }, radix: 16)
    return Array("\(Self.magic) \(version) \(checksum) \(body.count)\n".utf8) + body
  }
}
