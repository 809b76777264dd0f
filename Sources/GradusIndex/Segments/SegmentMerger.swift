import GradusCore

/// Writes the live documents of neighbouring segments as one.
///
/// The new segment has the bytes that it would have, had the live documents been indexed at once in their order: postings come
/// from the segments, texts and columns from the stored documents. Segments are only read, so that searches and a writer go on
/// meanwhile.
struct SegmentMerger: Sendable {
  struct Source: Sendable {
    let segment: LexicalSegment
    let deletions: SegmentDeletions?

    var live: LiveDocuments { deletions?.live ?? LiveDocuments(documents: segment.documentTable.count) }
  }

  let sources: [Source]
  let settings: SegmentSettings
  let directory: String
  let calls: SystemCalls

  /// - Parameter number: Of the new segment.
  /// - Throws: `FileError`, ``IndexError/corrupted(path:section:)``.
  func merge(number: Int) throws -> IndexManifest.Segment {
    let builder = try SegmentBuilder(number: number, settings, analyzers: [], directory: directory, calls: calls)
    var runs: [SegmentRun] = []
    for source in sources {
      let segment = source.segment
      runs.append(try SegmentRun(segment, source.deletions, firstDocument: builder.count))
      let live = source.live
      var block = DocumentStore.UnpackedBlock()
      for doc in 0..<live.documents where live.contains(doc) {
        let document = try segment.store.document(doc, docno: try segment.documentTable.docnos.docno(doc), &block)
        try builder.add(
          document, length: segment.documentTable.lengths[doc], fieldLengths: segment.fields?.lengths(of: doc) ?? [])
      }
    }
    return try builder.finish(runs)
  }
}
