import GradusCore

/// Collections by name: which there are, where they lie, how to get those that are missing.
///
///     let catalog = CollectionCatalog()
///     let scifact = try catalog.locate("scifact")   // found in $GRADUS_DATA or $GRADUS_HOME/data
///     for entry in catalog.entries { print(entry.name, entry.collection?.folder ?? "not here") }
public struct CollectionCatalog: Sendable {
  /// One line of the catalogue.
  public struct Entry: Sendable, Equatable {
    public let name: String
    public let summary: String
    /// As the publisher states it; empty where the collection was only found on this machine.
    public let licence: String
    /// Bytes of all files where it lies here, of the download otherwise; nil where unknown.
    public let bytes: Int?
    /// Nil where it is not on this machine.
    public let collection: TestCollection?
    /// The command that makes or fetches it; nil where there is none.
    public let remedy: String?
  }

  public let home: DataHome
  /// Collections that can be pulled.
  public let published: [PublishedCollection]

  public init(home: DataHome = .current, published: [PublishedCollection] = []) {
    self.home = home
    self.published = published
  }

  /// What can be built or pulled and whatever else lies in the collection folders, by name.
  public var entries: [Entry] {
    let found = collectionsHere()
    var entries = [
      Entry(
        name: "faq", summary: "questions of software FAQs, their answers and the manuals beside them; built on this machine",
        licence: "free licences, listed per source in its README", bytes: found["faq"].map(Self.bytes),
        collection: found["faq"], remedy: "gradus data build faq")
    ]
    for item in published {
      let collection = found[item.name]
      entries.append(
        Entry(
          name: item.name, summary: item.summary, licence: item.licence, bytes: collection.map(Self.bytes) ?? item.bytes,
          collection: collection, remedy: "gradus data pull \(item.name)"))
    }
    let named = Set(entries.map(\.name))
    for (name, collection) in found where !named.contains(name) {
      entries.append(
        Entry(name: name, summary: "", licence: "", bytes: Self.bytes(of: collection), collection: collection, remedy: nil))
    }
    return entries.sorted { $0.name < $1.name }
  }

  /// Finds a collection by name, or takes a path to one (whatever begins with a dot or a slash, or is such a folder).
  ///
  /// A name may be a path below a collection folder, such as `xquad/de`.
  ///
  /// - Throws: ``CollectionError/missing(name:searched:remedy:)``, which says how to get it;
  ///   ``CollectionError/notACollection(path:)`` for a path.
  public func locate(_ nameOrPath: String) throws -> TestCollection {
    let isPath = nameOrPath.hasPrefix("/") || nameOrPath.hasPrefix(".") || nameOrPath.hasPrefix("~")
    if !isPath {
      for folder in home.collectionFolders {
        if let collection = TestCollection(name: nameOrPath, folder: folder + "/" + nameOrPath) { return collection }
      }
    }
    if let collection = TestCollection(name: nameOrPath.lastComponent, folder: nameOrPath) { return collection }
    if isPath || FileStatus.isFolder(nameOrPath) { throw CollectionError.notACollection(path: nameOrPath) }
    let remedy = entries.first { $0.name == nameOrPath }?.remedy.map { "get it with: \($0)" }
    throw CollectionError.missing(
      name: nameOrPath, searched: home.collectionFolders,
      remedy: remedy ?? "set GRADUS_DATA to the folder that holds it, or see: gradus data list")
  }

  /// By name; a folder that stands earlier in the list hides a later one of the same name. Two levels deep.
  private func collectionsHere() -> [String: TestCollection] {
    var found: [String: TestCollection] = [:]
    for root in home.collectionFolders {
      for name in FileStatus.names(in: root) where !name.hasPrefix(".") {
        if let collection = TestCollection(name: name, folder: root + "/" + name) {
          if found[name] == nil { found[name] = collection }
          continue
        }
        for inner in FileStatus.names(in: root + "/" + name) where !inner.hasPrefix(".") {
          let path = name + "/" + inner
          if found[path] == nil { found[path] = TestCollection(name: path, folder: root + "/" + path) }
        }
      }
    }
    return found
  }

  private static func bytes(of collection: TestCollection) -> Int {
    ([collection.corpus] + [collection.queries].compactMap { $0 } + collection.qrels.values)
      .reduce(0) { $0 + (FileStatus.size($1) ?? 0) }
  }
}
