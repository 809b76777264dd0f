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

/// What the folder of an impact index holds. First line: `gradus-impacts VERSION CRC32C BYTES`, about the JSON that follows it.
struct ImpactIndexManifest: Codable, Equatable, FolderManifest {
  static let version = 1
  private static let magic = "gradus-impacts"

  let generation: Int
  let configuration: ImpactIndexConfiguration
  let impacts: IndexManifest.File
  let documents: IndexManifest.File
  let statistics: ImpactStatistics

  var fileNames: [String] { [impacts.name, documents.name] }

  /// Whether the folder's manifest is that of an impact index, of any version.
  static func isPresent(in folder: String) -> Bool {
    guard let file = try? MappedFile(path: folder + "/" + IndexManifest.name) else { return false }
    return withExtendedLifetime(file) { file.bytes.starts(with: (magic + " ").utf8) }
  }

  static func read(folder: String) throws -> ImpactIndexManifest {
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

  static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws -> ImpactIndexManifest {
    let body = try ManifestLine.body(of: bytes, magic: magic, version: version, path: path)
    guard let manifest = try? JSONDecoder().decode(ImpactIndexManifest.self, from: Data(body)),
      manifest.fileNames.allSatisfy(IndexFolder.isSegmentName),
      (0...Int(Int32.max)).contains(manifest.statistics.documents),
      (0..<Int(UInt32.max)).contains(manifest.statistics.terms), manifest.statistics.postings >= 0,
      manifest.statistics.scale.isFinite, manifest.statistics.scale > 0
    else { throw IndexError.corrupted(path: path, section: "the manifest") }
    return manifest
  }

  func encoded() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    return ManifestLine.encoded([UInt8](try encoder.encode(self)), magic: Self.magic, version: Self.version)
  }
}
