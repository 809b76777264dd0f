import CGradusKernels
import GradusCore

/// A segment as one state of an index sees it: with the documents deleted by then, and its place among the others.
final class SegmentView: Sendable {
  let segment: LexicalSegment
  /// Among the segments of the index.
  let number: Int
  /// Nil where no document was deleted.
  let deletions: SegmentDeletions?
  let live: LiveDocuments
  /// Number in the index of the segment's first live document.
  let firstDocument: Int
  /// Of the live documents, in each field; empty where the index was built without fields.
  let fieldTokens: [Int]
  /// Bounds rest on the counts of the whole index, so they are of this state of it.
  let blockBounds = BlockBoundsCache()
  private let deletionsFile: SectionFile?

  init(_ segment: LexicalSegment, deletions file: IndexManifest.File?, folder: String, number: Int, firstDocument: Int) throws {
    self.segment = segment
    self.number = number
    self.firstDocument = firstDocument
    deletionsFile = try file.map {
      try SectionFile(path: folder + "/" + $0.name, kind: .documentDeletions, expectedBytes: $0.bytes)
    }
    deletions = try deletionsFile.map { try SegmentDeletions($0, of: segment) }
    live = deletions?.live ?? LiveDocuments(documents: segment.documentTable.count)
    fieldTokens = deletions.map { $0.liveFieldTokens(of: segment) } ?? segment.fields?.tokens ?? []
  }

  func verify() throws {
    try segment.verify()
    try deletionsFile?.verify { _ in true }
  }

  /// All files, for their checksums.
  var files: [SectionFile] { [segment.postingsFile, segment.documentsFile] + [deletionsFile].compactMap { $0 } }

  /// The number in the index of a live document.
  func docIndex(_ doc: Int) -> DocIndex { DocIndex(firstDocument + live.rank(doc)) }

  /// The live document with a docno, by its number in the segment.
  func document(named docno: String) throws -> Int? {
    guard let doc = try segment.document(named: docno), live.contains(doc) else { return nil }
    return doc
  }

  /// Live documents that hold a term of the segment, and its occurrences in them.
  func counts(ofTerm number: Int, _ entry: TermEntry) throws -> (documents: UInt32, occurrences: UInt64) {
    guard let deletions else { return (entry.documentFrequency, entry.collectionFrequency) }
    let removed = deletions.counts(ofTerm: number)
    guard removed.postings <= entry.documentFrequency, removed.occurrences <= entry.collectionFrequency else {
      throw segment.postingsDamage
    }
    return (entry.documentFrequency - removed.postings, entry.collectionFrequency - removed.occurrences)
  }

  /// The documents of the segment that may be retrieved; nil for all.
  ///
  /// - Parameters:
  ///   - filter: Of documents of the index.
  ///   - documents: Live documents of the index.
  func allowed(_ filter: DocumentSet?, documents: Int) -> DocumentSet? {
    live.allowed(filter, from: firstDocument, of: documents)
  }
}
