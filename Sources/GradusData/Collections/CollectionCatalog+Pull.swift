import GradusCore

extension CollectionCatalog {
  /// Downloads a published collection, checks its SHA-256 and unpacks it to `$GRADUS_HOME/data/NAME`.
  ///
  /// Returns at once, without a network, where the collection is on this machine already. The folder appears whole or not at
  /// all; an interrupted download is taken up again by the next call.
  ///
  /// - Throws: ``CollectionError/notOnCatalogue(name:known:)``, ``DownloadError``, ``ArchiveError``.
  @discardableResult
  public func pull(_ name: String, downloader: Downloader = Downloader()) throws -> TestCollection {
    if let here = try? locate(name) { return here }
    guard let item = published.first(where: { $0.name == name }) else {
      throw CollectionError.notOnCatalogue(name: name, known: published.map(\.name))
    }
    let archive = "\(home.cache)/downloads/\(item.sha256)"
    try downloader.download(item.url, to: archive, sha256: item.sha256, size: item.bytes)
    let folder = home.ownCollections + "/" + name
    try StagedFolder.fill(folder) { staging in
      let root = try Self.root(of: archive)
      _ = try ArchiveExtractor.extract(.file(archive), to: staging) { entry in
        entry.hasPrefix(root) ? String(entry.dropFirst(root.count)) : nil
      }
    }
    StagedFolder.removeTree(archive)
    guard let collection = TestCollection(name: name, folder: folder) else { throw CollectionError.notACollection(path: folder) }
    return collection
  }

  /// The folder of the archive that holds the corpus, with a slash at its end; empty where the corpus lies at the top.
  private static func root(of archive: String) throws -> String {
    var roots: [String] = []
    try ArchiveReader.forEachEntry(of: .file(archive)) { entry in
      for name in ["corpus.jsonl", "corpus.jsonl.gz"] where entry.path == name || entry.path.hasSuffix("/" + name) {
        roots.append(String(entry.path.dropLast(name.count)))
      }
    }
    guard let root = roots.min(by: { $0.utf8.count < $1.utf8.count }) else {
      throw ArchiveError.missingEntry(archive: archive, entry: "corpus.jsonl")
    }
    return root
  }
}
