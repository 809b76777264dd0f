#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusData
import GradusFormats
import GradusIndex
import GradusText

/// The index behind the first stage: built when a corpus is first needed, then kept under `$GRADUS_HOME/cache`.
///
///     let index = try FirstStageIndex.open(corpus: collection.corpus, digest: digest, home: .current)
///
/// The folder's name follows from the bytes of the corpus, so a changed corpus gets a new index.
enum FirstStageIndex {
  private static let format = "1-english"

  static func open(corpus: String, digest: String, home: DataHome, showsProgress: Bool?) throws -> InvertedIndex {
    let folder = "\(home.cache)/first-stage/\(digest.prefix(24))-\(format)"
    if Folder.isFolder(folder) {
      do {
        return try InvertedIndex(path: folder)
      } catch is IndexError {
        // A damaged index in the cache is made again.
      } catch let error as FileError where error.failureKind == .missingInput {
        // A build was interrupted before the index appeared.
      }
    }
    try Folder.create(folder)
    let builder = try IndexBuilder(directory: folder, analyzer: .english)
    let progress = showsProgress.map { Progress("indexing", total: nil, unit: "documents", isEnabled: $0) }
      ?? Progress("indexing", total: nil, unit: "documents")
    defer { progress.finish() }
    try CorpusReader(path: corpus).forEach { document in
      try builder.add(document)
      progress.advance()
    }
    _ = try builder.finish()
    return try InvertedIndex(path: folder)
  }
}
