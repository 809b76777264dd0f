import GradusCore

/// A test collection on this machine, in BEIR's layout.
///
///     let collection = try CollectionCatalog().locate("faq")
///     collection.corpus             // ".../faq/corpus.jsonl.gz"
///     collection.qrels["test"]      // ".../faq/qrels/test.tsv"
public struct TestCollection: Sendable, Equatable {
  /// The catalogue's name, or the folder's own where it was given by path.
  public let name: String
  public let folder: String
  /// `corpus.jsonl` or `corpus.jsonl.gz`.
  public let corpus: String
  /// `queries.jsonl` or `queries.jsonl.gz`; nil for a corpus without queries.
  public let queries: String?
  /// Judgements by split: `train`, `dev`, `test`, or what else the folder has.
  public let qrels: [String: String]

  /// Nil where the folder has no corpus.
  public init?(name: String, folder: String) {
    func first(_ names: [String]) -> String? { names.map { folder + "/" + $0 }.first(where: FileStatus.isFile) }
    guard let corpus = first(["corpus.jsonl", "corpus.jsonl.gz"]) else { return nil }
    self.name = name
    self.folder = folder
    self.corpus = corpus
    queries = first(["queries.jsonl", "queries.jsonl.gz"])
    var qrels: [String: String] = [:]
    for file in FileStatus.names(in: folder + "/qrels") where file.hasSuffix(".tsv") || file.hasSuffix(".tsv.gz") {
      qrels[String(file.prefix { $0 != "." })] = folder + "/qrels/" + file
    }
    self.qrels = qrels
  }

  /// Splits in a fixed order: train, dev, test, then the others by name.
  public var splits: [String] {
    let usual = ["train", "dev", "test"].filter { qrels[$0] != nil }
    return usual + qrels.keys.filter { !usual.contains($0) }.sorted()
  }

  /// The judgements of one split.
  ///
  /// - Throws: ``CollectionError/noSuchSplit(collection:split:has:)``.
  public func qrels(_ split: String) throws -> String {
    guard let path = qrels[split] else {
      throw CollectionError.noSuchSplit(collection: folder, split: split, has: splits)
    }
    return path
  }
}

/// A collection that cannot be found, fetched or read.
public enum CollectionError: GradusError, Equatable {
  /// `remedy` says how to get it.
  case missing(name: String, searched: [String], remedy: String)
  case notACollection(path: String)
  case noSuchSplit(collection: String, split: String, has: [String])
  case notOnCatalogue(name: String, known: [String])
  case unreadableCatalogue(path: String)
  case alreadyThere(path: String)

  public var failureKind: FailureKind {
    switch self {
    case .missing, .notACollection, .noSuchSplit: .missingInput
    case .notOnCatalogue, .alreadyThere: .usage
    case .unreadableCatalogue: .badData
    }
  }

  public var description: String {
    switch self {
    case .missing(let name, let searched, let remedy):
      "no collection '\(name)' in \(searched.joined(separator: ", ")); \(remedy)"
    case .notACollection(let path): "\(path): not a collection: expected a folder with corpus.jsonl or corpus.jsonl.gz"
    case .noSuchSplit(let collection, let split, let has):
      "\(collection): has no judgements for split '\(split)'; it has \(has.isEmpty ? "none" : has.joined(separator: ", "))"
    case .notOnCatalogue(let name, let known):
      known.isEmpty
        ? "'\(name)' cannot be pulled: no catalogue is set; give one with --catalogue FILE or GRADUS_CATALOGUE "
          + "(a JSON file or address)"
        : "'\(name)' is not in the catalogue; it has \(known.joined(separator: ", "))"
    case .unreadableCatalogue(let path):
      "\(path): not a catalogue: expected "
        + #"{"collections": [{"name", "url", "sha256", "bytes", "licence", "summary"}]}"#
    case .alreadyThere(let path): "\(path): exists already; remove it or choose another name"
    }
  }
}
