import GradusCore
import GradusText

/// What an index folder holds: the one file whose replacement makes a new index visible.
///
/// First line: `gradus-index VERSION CRC32C BYTES`, about the JSON that follows it. Version 2 is version 1 with files of
/// positions or columns, version 3 any of them with several segments, deleted documents or packed texts, version 4 any of them
/// with fields, version 5 any of them with compact blocks of postings, version 6 any of them with a packed dictionary and packed
/// skip data; the lowest version that can say what the index holds is written.
struct IndexManifest: Equatable, FolderManifest {
  struct File: Codable, Equatable {
    let name: String
    let bytes: Int
  }

  /// Immutable files with some of the documents; only the list of deleted ones is replaced.
  struct Segment: Codable, Equatable {
    let postings: File
    let documents: File
    /// Of all documents of the segment, deleted ones included.
    let statistics: IndexStatistics
    /// Where each word stands, if the index was built with positions.
    var positions: File?
    /// Metadata by column, if the index was built with columns.
    var columns: File?
    /// Frequencies and lengths by field, if the index was built with fields.
    var fields: File?
    /// Documents that were deleted since, and what they take from the counts of their terms; nil where there are none.
    var deletions: File?
    /// How stored documents are packed; nil where they are not.
    var compression: StoredFieldCompression?
    /// Of postings and frequencies by field; nil where all blocks are as wide as their widest number.
    var coding: PostingsCoding?

    var files: [File] { [postings, documents] + [positions, columns, fields, deletions].compactMap { $0 } }
  }

  static let versions = 1...6
  static let name = "manifest"
  static let temporaryName = "manifest.tmp"
  static let magic = "gradus-index"

  /// Grows with each commit into the folder; names of files hold it, so that no file is ever overwritten.
  let generation: Int
  let analyzer: AnalyzerConfiguration
  /// In the order in which their documents were added.
  let segments: [Segment]
  /// Of the documents of all segments that are not deleted: what scores are computed from.
  let statistics: IndexStatistics

  var fileNames: [String] { segments.flatMap(\.files).map(\.name) }

  /// Counts are compared with the segments where these are opened.
  var isSound: Bool { true }

  var version: Int {
    if segments.contains(where: { $0.coding == .packed }) { return 6 }
    if segments.contains(where: { $0.coding == .compact }) { return 5 }
    if segments.contains(where: { $0.fields != nil }) { return 4 }
    if segments.count != 1 || segments.contains(where: { $0.deletions != nil || $0.compression != nil }) { return 3 }
    return segments[0].files.count == 2 ? 1 : 2
  }

  /// - Throws: ``IndexError/otherKind(path:)`` where the folder holds an index of vectors, tokens or impacts.
  static func refuseOtherKinds(in folder: String) throws {
    if isOtherPresent(in: folder) { throw IndexError.otherKind(path: folder) }
  }
}

/// Counts of a collection.
public struct IndexStatistics: Sendable, Codable, Equatable {
  public let documents: Int
  /// Distinct terms.
  public let terms: Int
  /// Pairs of a term and a document that holds it.
  public let postings: Int
  /// Tokens after stopping: the sum of the document lengths.
  public let tokens: Int

  public init(documents: Int, terms: Int, postings: Int, tokens: Int) {
    self.documents = documents
    self.terms = terms
    self.postings = postings
    self.tokens = tokens
  }

  /// Tokens per document, empty documents included; 0 for an empty collection.
  public var averageLength: Double { documents == 0 ? 0 : Double(tokens) / Double(documents) }
}
