#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusFormats

/// What the folder of a late-interaction index holds. First line: `gradus-tokens VERSION CRC32C BYTES`.
struct TokenIndexManifest: Codable, Equatable, FolderManifest {
  static let version = 1
  private static let magic = "gradus-tokens"

  let generation: Int
  let configuration: TokenIndexConfiguration
  let file: IndexManifest.File
  let documents: Int
  let tokens: Int
  let centroids: Int
  /// Nil where texts are not stored.
  var documentsFile: IndexManifest.File?
  /// Metadata by column; nil where the index has no columns.
  var columnsFile: IndexManifest.File?

  var fileNames: [String] { [file.name] + [documentsFile, columnsFile].compactMap { $0?.name } }

  /// Whether the folder's manifest is that of a late-interaction index, of any version.
  static func isPresent(in folder: String) -> Bool {
    guard let file = try? MappedFile(path: folder + "/" + IndexManifest.name) else { return false }
    return withExtendedLifetime(file) { file.bytes.starts(with: (magic + " ").utf8) }
  }

  static func read(folder: String) throws -> TokenIndexManifest {
    let path = folder + "/" + IndexManifest.name
    let file = try MappedFile(path: path)
    return try withExtendedLifetime(file) { try decode(file.bytes, path: path) }
  }

  static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws -> TokenIndexManifest {
    let body = try ManifestLine.body(of: bytes, magic: magic, version: version, path: path)
    guard let manifest = try? JSONDecoder().decode(TokenIndexManifest.self, from: Data(body)),
      manifest.fileNames.allSatisfy(IndexFolder.isSegmentName), (0...Int(Int32.max)).contains(manifest.documents),
      (0...Int(UInt32.max)).contains(manifest.tokens), (0...1 << 20).contains(manifest.centroids),
      (try? manifest.configuration.validate()) != nil
    else { throw IndexError.corrupted(path: path, section: "the manifest") }
    return manifest
  }

  func encoded() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    return ManifestLine.encoded([UInt8](try encoder.encode(self)), magic: Self.magic, version: Self.version)
  }
}
