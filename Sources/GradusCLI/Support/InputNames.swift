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
import Gradus

/// What a CORPUS, TOPICS or QRELS argument may be: a collection by name, its folder, or a file.
enum InputNames {
  /// A catalogue of what lies here and of what `GRADUS_CATALOGUE` lists.
  static func collections(catalogue: String? = nil) throws -> CollectionCatalog {
    let listed = catalogue ?? ProcessInfo.processInfo.environment["GRADUS_CATALOGUE"].flatMap { $0.isEmpty ? nil : $0 }
    return CollectionCatalog(published: try listed.map { try PublishedCollection.catalogue($0) } ?? [])
  }

  /// The path that `CorpusReader` takes.
  static func corpus(_ name: String) throws -> String {
    if name == "-" { return name }
    if let collection = collection(name) { return collection.corpus }
    guard exists(name) else { throw try missing(name) }
    return name
  }

  /// Queries of a topics file or a collection; those of one split where it is named.
  static func queries(_ name: String, split: String?, field: TopicField = .title) throws -> [Query] {
    let collection = collection(name) ?? split.flatMap { _ in TestCollection(name: name, folder: folder(of: name)) }
    guard let collection else {
      if name != "-", !exists(name) { throw try missing(name) }
      guard split == nil else {
        throw UsageError("--split needs a collection: \(name) has no corpus and qrels folder beside it")
      }
      return try TopicsReader.read(name, field: field)
    }
    let file = isFile(name) ? name : collection.queries
    guard let file else { throw UsageError("\(collection.folder): the collection has no queries; give --topics a file") }
    let all = try TopicsReader.read(file, field: field)
    guard let split else { return all }
    let wanted = Set(try QrelsReader.read(try collection.qrels(split)).qids)
    return all.filter { wanted.contains($0.qid) }
  }

  /// Judgements of a qrels file, or of a collection's split (test where none is named).
  static func qrels(_ name: String, split: String?) throws -> Qrels {
    if let collection = collection(name) { return try QrelsReader.read(try collection.qrels(split ?? "test")) }
    guard split == nil else { throw UsageError("--split needs a collection; \(name) is a file of judgements") }
    guard name == "-" || exists(name) else { throw try missing(name) }
    return try name != "-" && isFeatureFile(name) ? LETORReader.read(name).qrels : QrelsReader.read(name)
  }

  /// Whether the first line of a file that says anything is `GRADE qid:ID ...`.
  static func isFeatureFile(_ path: String) throws -> Bool {
    let reader = try LineReader(path: path)
    while let line = try reader.next() {
      let fields = String(decoding: line, as: UTF8.self).split(maxSplits: 2, whereSeparator: \.isWhitespace)
      guard let first = fields.first, !first.hasPrefix("#") else { continue }
      return fields.count >= 2 && fields[1].hasPrefix("qid:")
    }
    return false
  }

  /// A collection by name or folder.
  static func collection(named name: String) throws -> TestCollection {
    if let collection = collection(name) { return collection }
    throw try missing(name)
  }

  /// A model folder by the catalogue's name or by path.
  static func model(_ name: String) throws -> InstalledModel {
    let catalog = ModelCatalog()
    if exists(name) || name.contains("/") {
      guard exists(name) else { throw FileError(.open, path: name, code: ENOENT) }
    } else {
      _ = try package(named: name, in: catalog)
    }
    return try catalog.locate(name)
  }

  /// A model of the catalogue.
  static func package(named name: String, in catalog: ModelCatalog) throws -> ModelPackage {
    let known = catalog.packages.map(\.name)
    if !known.contains(name), let nearest = Spelling.nearest(to: name, among: known) {
      throw UsageError("no model '\(name)'; did you mean '\(nearest)'? See: gradus models list")
    }
    return try catalog.package(named: name)
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  static func isFile(_ path: String) -> Bool { exists(path) && !Folder.isFolder(path) }

  private static func collection(_ name: String) -> TestCollection? {
    isFile(name) ? nil : try? CollectionCatalog().locate(name)
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func looksLikePath(_ name: String) -> Bool {
    name.contains(".") || name.hasPrefix("/") || name.hasPrefix("~")
  }

  /// The error for a name that is neither a file nor a collection.
  private static func missing(_ name: String) throws -> any GradusError {
    if looksLikePath(name) { return FileError(.open, path: name, code: ENOENT) }
    let catalog = try collections()
    if let nearest = Spelling.nearest(to: name, among: catalog.entries.map(\.name)), nearest != name {
      return MissingNameError(name: name, nearest: nearest)
    }
    do {
      _ = try catalog.locate(name)
      return FileError(.open, path: name, code: ENOENT)
    } catch let error as CollectionError {
      return error
    }
  }
}

/// A name that is close to one that exists: exit code 66.
struct MissingNameError: GradusError, Equatable {
  let name: String
  let nearest: String

  var failureKind: FailureKind { .missingInput }
  var description: String { "no file or collection '\(name)'; did you mean '\(nearest)'? See: gradus data list" }
}
