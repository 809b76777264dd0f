#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore

/// A collection that somebody publishes as an archive in BEIR's layout.
public struct PublishedCollection: Sendable, Equatable, Codable {
  public let name: String
  /// A zip or tar archive that holds `corpus.jsonl` or `corpus.jsonl.gz`, in a folder or not.
  public let url: String
  /// SHA-256 of the archive.
  public let sha256: String
  /// Size of the archive.
  public let bytes: Int
  public let licence: String
  public let summary: String

  public init(name: String, url: String, sha256: String, bytes: Int, licence: String, summary: String) {
    self.name = name
    self.url = url
    self.sha256 = sha256
    self.bytes = bytes
    self.licence = licence
    self.summary = summary
  }

  /// Reads a catalogue: `{"collections": [{"name", "url", "sha256", "bytes", "licence", "summary"}]}`.
  ///
  /// The toolkit ships no list of its own: a hash that nobody here has checked would only look like a promise.
  ///
  /// - Parameter pathOrURL: A file, or an `http` or `https` address.
  /// - Throws: ``CollectionError/unreadableCatalogue(path:)``, ``DownloadError``, `FileError`.
  public static func catalogue(_ pathOrURL: String, downloader: Downloader = Downloader()) throws -> [PublishedCollection] {
    let isAddress = pathOrURL.hasPrefix("http://") || pathOrURL.hasPrefix("https://")
    let bytes = isAddress ? try downloader.page(pathOrURL, accept: "application/json") : try WholeFile.bytes(pathOrURL)
    struct Catalogue: Decodable { let collections: [PublishedCollection] }
    guard let catalogue = try? JSONDecoder().decode(Catalogue.self, from: Data(bytes)),
      catalogue.collections.allSatisfy(\.isSound)
    else { throw CollectionError.unreadableCatalogue(path: pathOrURL.withoutCredentials) }
    return catalogue.collections
  }

  /// A name that stays inside the collection folder, and a hash that is one.
  private var isSound: Bool {
    ArchiveExtractor.isContained(name) && !name.hasPrefix(".") && sha256.utf8.count == 64
      && sha256.allSatisfy { "0123456789abcdef".contains($0) } && bytes >= 0
  }
}
