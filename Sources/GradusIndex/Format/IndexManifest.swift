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
import GradusText

/// What an index folder holds: the one file whose replacement makes a new index visible.
///
/// First line: `gradus-index VERSION CRC32C BYTES`, about the JSON that follows it. Version 2 is version 1 with files of
/// positions or columns, version 3 any of them with several segments, deleted documents or packed texts, version 4 any of them
/// with fields; the lowest version that can say what the index holds is written.
struct IndexManifest: Codable, Equatable, FolderManifest {
  struct File: Codable, Equatable {
    let name: String
    let bytes: Int
  }

  /// Immutable files with some of the documents; only the list of deleted ones is replaced.
  struct Segment: Codable, Equatable {
    let postings: File
    let documents: File
    /// Of all documents of the segment, deleted ones included.
    let statistics: IndexStatistics
    /// Where each word stands, if the index was built with positions.
    var positions: File?
    /// Metadata by column, if the index was built with columns.
    var columns: File?
    /// Frequencies and lengths by field, if the index was built with fields.
    var fields: File?
    /// Documents that were deleted since, and what they take from the counts of their terms; nil where there are none.
    var deletions: File?
    /// How stored documents are packed; nil where they are not.
    var compression: StoredFieldCompression?

    var files: [File] { [postings, documents] + [positions, columns, fields, deletions].compactMap { $0 } }
  }

  /// The latest.
  static let version = 4
  static let name = "manifest"
  static let temporaryName = "manifest.tmp"
  private static let magic = "gradus-index"

  /// Grows with each commit into the folder; names of files hold it, so that no file is ever overwritten.
  let generation: Int
  let analyzer: AnalyzerConfiguration
  /// In the order in which their documents were added.
  let segments: [Segment]
  /// Of the documents of all segments that are not deleted: what scores are computed from.
  let statistics: IndexStatistics

  var fileNames: [String] { segments.flatMap(\.files).map(\.name) }

  /// - Throws: ``IndexError/otherKind(path:)`` where the folder holds an index of vectors, tokens or impacts.
  static func refuseOtherKinds(in folder: String) throws {
    let isOther =
      VectorIndexManifest.isPresent(in: folder) || ImpactIndexManifest.isPresent(in: folder)
      || (try? TokenIndexManifest.read(folder: folder)) != nil
    if isOther { throw IndexError.otherKind(path: folder) }
  }

  /// Reads and checks the manifest of an index folder.
  static func read(folder: String) throws -> IndexManifest {
    let path = folder + "/" + name
    let file: MappedFile
    do {
      file = try MappedFile(path: path)
    } catch {
      let folderIsThere = access(folder, F_OK) == 0
      throw error.code == ENOTDIR || (error.code == ENOENT && folderIsThere) ? IndexError.notAnIndex(path: folder) : error
    }
    return try decode(file.bytes, path: path)
  }

  static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws -> IndexManifest {
    guard let lineEnd = bytes.prefix(256).firstIndex(of: UInt8(ascii: "\n")) else { throw IndexError.notAnIndex(path: path) }
    let line = String(decoding: bytes[..<lineEnd], as: UTF8.self)
    let fields = line.split(separator: " ", omittingEmptySubsequences: false)
    guard fields.first == magic[...], fields.count >= 2, let version = Int(fields[1]) else {
      throw IndexError.notAnIndex(path: path)
    }
    guard (1...Self.version).contains(version) else {
      throw IndexError.unsupportedVersion(path: path, found: version, supported: Self.version)
    }
    guard fields.count == 4, let checksum = UInt32(fields[2], radix: 16), let count = Int(fields[3]) else {
      throw IndexError.corrupted(path: path, section: "the first line")
    }
    let body = UnsafeRawBufferPointer(rebasing: bytes[(lineEnd + 1)...])
    guard body.count == count else { throw IndexError.truncated(path: path, expectedBytes: count, foundBytes: body.count) }
    guard CRC32C.checksum(body) == checksum else { throw IndexError.checksumMismatch(path: path, section: "the manifest") }
    let manifest: IndexManifest
    do {
      manifest = try JSONDecoder().decode(IndexManifest.self, from: Data(body))
    } catch {
      throw IndexError.corrupted(path: path, section: "the manifest")
    }
    for file in manifest.segments.flatMap(\.files) {
      guard IndexFolder.isSegmentName(file.name) else { throw IndexError.corrupted(path: path, section: "the list of files") }
    }
    return manifest
  }

  func encoded() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    let body = [UInt8](try encoder.encode(self)) + [UInt8(ascii: "\n")]
    let checksum = String(body.withUnsafeBytes { CRC32C.checksum($0) }, radix: 16)
    let version =
      if segments.contains(where: { $0.fields != nil }) {
        4
      } else if segments.count != 1 || segments.contains(where: { $0.deletions != nil || $0.compression != nil }) {
        3
      } else {
        segments[0].files.count == 2 ? 1 : 2
      }
    return Array("\(Self.magic) \(version) \(checksum) \(body.count)\n".utf8) + body
  }
}

/// Counts of a collection.
public struct IndexStatistics: Sendable, Codable, Equatable {
  public let documents: Int
  /// Distinct terms.
  public let terms: Int
  /// Pairs of a term and a document that holds it.
  public let postings: Int
  /// Tokens after stopping: the sum of the document lengths.
  public let tokens: Int

  public init(documents: Int, terms: Int, postings: Int, tokens: Int) {
    self.documents = documents
    self.terms = terms
    self.postings = postings
    self.tokens = tokens
  }

  /// Tokens per document, empty documents included; 0 for an empty collection.
  public var averageLength: Double { documents == 0 ? 0 : Double(tokens) / Double(documents) }
}
