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

/// What the folder of a vector index holds. First line: `gradus-vectors VERSION CRC32C BYTES`, about the JSON that follows it.
struct VectorIndexManifest: Codable, Equatable, FolderManifest {
  typealias File = IndexManifest.File

  /// Immutable files with some of the vectors; only the list of deleted ones is replaced.
  struct Segment: Codable, Equatable {
    let vectors: File
    /// Nil for a flat index.
    let graph: File?
    /// Nil where nothing was deleted.
    var deletions: File?
    /// Nil where texts are not stored.
    let documents: File?
    let count: Int
    var deleted: Int
    /// Where walks begin.
    let entry: Int
    let entryLevel: Int
    /// Nodes of the graph, fewer than vectors where some are equal; nil where each vector is a node.
    var nodes: Int?
    /// Metadata by column; nil where the index has no columns.
    var columns: File?

    var nodeCount: Int { nodes ?? count }

    var files: [File] { [vectors] + [graph, deletions, documents, columns].compactMap { $0 } }
  }

  /// Since 2, equal vectors are one node of a graph. What has none is still written as version 1.
  static let version = 2
  private static let magic = "gradus-vectors"

  let generation: Int
  let configuration: VectorIndexConfiguration
  let segments: [Segment]

  var fileNames: [String] { segments.flatMap { $0.files.map(\.name) } }

  /// Whether the folder's manifest is that of a vector index, of any version.
  static func isPresent(in folder: String) -> Bool {
    guard let file = try? MappedFile(path: folder + "/" + IndexManifest.name) else { return false }
    return withExtendedLifetime(file) { file.bytes.starts(with: (magic + " ").utf8) }
  }

  static func read(folder: String) throws -> VectorIndexManifest {
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

  static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws -> VectorIndexManifest {
    let body = try ManifestLine.body(of: bytes, magic: magic, version: version, oldest: 1, path: path)
    guard let manifest = try? JSONDecoder().decode(VectorIndexManifest.self, from: Data(body)) else {
      throw IndexError.corrupted(path: path, section: "the manifest")
    }
    for name in manifest.fileNames where !IndexFolder.isSegmentName(name) {
      throw IndexError.corrupted(path: path, section: "the list of files")
    }
    for segment in manifest.segments {
      guard (0..<Int(Int32.max)).contains(segment.count), (0...segment.count).contains(segment.deleted),
        (0...segment.count).contains(segment.nodeCount), segment.nodes == nil || segment.graph != nil,
        segment.count == 0 || (0..<segment.nodeCount).contains(segment.entry), (0..<64).contains(segment.entryLevel)
      else { throw IndexError.corrupted(path: path, section: "the manifest") }
    }
    do {
      try manifest.configuration.validate()
    } catch {
      throw IndexError.corrupted(path: path, section: "the manifest")
    }
    return manifest
  }

  func encoded() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    let version = segments.contains { $0.nodes != nil } ? Self.version : 1
    return ManifestLine.encoded([UInt8](try encoder.encode(self)), magic: Self.magic, version: version)
  }
}

/// The first line of a manifest, `MAGIC VERSION CRC32C BYTES`, about what follows it.
enum ManifestLine {
  /// What follows the first line, checked.
  ///
  /// - Parameter oldest: The first version that can be read; nil for `version` alone.
  static func body(
    of bytes: UnsafeRawBufferPointer, magic: String, version: Int, oldest: Int? = nil, path: String
  ) throws -> UnsafeRawBufferPointer {
    guard let lineEnd = bytes.prefix(256).firstIndex(of: UInt8(ascii: "\n")) else { throw IndexError.notAnIndex(path: path) }
    let fields = String(decoding: bytes[..<lineEnd], as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
    guard fields.first == magic[...], fields.count >= 2, let found = Int(fields[1]) else {
      throw IndexError.notAnIndex(path: path)
    }
    guard ((oldest ?? version)...version).contains(found) else {
      throw IndexError.unsupportedVersion(path: path, found: found, supported: version)
    }
    guard fields.count == 4, let checksum = UInt32(fields[2], radix: 16), let count = Int(fields[3]) else {
      throw IndexError.corrupted(path: path, section: "the first line")
    }
    let body = UnsafeRawBufferPointer(rebasing: bytes[(lineEnd + 1)...])
    guard body.count == count else { throw IndexError.truncated(path: path, expectedBytes: count, foundBytes: body.count) }
    guard CRC32C.checksum(body) == checksum else { throw IndexError.checksumMismatch(path: path, section: "the manifest") }
    return body
  }

  static func encoded(_ json: [UInt8], magic: String, version: Int) -> [UInt8] {
    let body = json + [UInt8(ascii: "\n")]
    let checksum = String(body.withUnsafeBytes { CRC32C.checksum($0) }, radix: 16)
    return Array("\(magic) \(version) \(checksum) \(body.count)\n".utf8) + body
  }
}
