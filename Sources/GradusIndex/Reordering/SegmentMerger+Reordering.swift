import GradusCore

extension SegmentMerger {
  /// Writes the live documents as ``merge(number:)`` does, in the order that a bisection gives them.
  ///
  /// Every query finds the same documents with the same scores as without: these rest on counts and docnos, not on numbers of
  /// documents. The list of what was deleted while it ran cannot be carried over, so it has no part in merges in the background.
  ///
  /// - Parameters:
  ///   - number: Of the new segment.
  ///   - threads: Change the time, never the bytes.
  /// - Throws: As ``merge(number:)``.
  func merge(
    number: Int, by bisection: GraphBisection, threads: Int
  ) throws -> (segment: IndexManifest.Segment, report: ReorderingReport) {
    let clock = ContinuousClock()
    let start = clock.now
    let documents = sources.reduce(0) { $0 + $1.live.count }
    var before = GapBits(documents: documents)
    var isFirst = true
    let index = try ForwardIndex(
      documents: documents, largestBytes: bisection.largestForwardIndexBytes
    ) { body in
      var merger = PostingsMerger(try runs(areWhole: false))
      try merger.forEach { _, postings, _, _ in
        if isFirst { before.add(postings) }
        try body(postings)
      }
      isFirst = false
    }
    let order = bisection.order(of: index, threads: threads)
    let builder = try SegmentBuilder(number: number, settings, analyzers: [], directory: directory, calls: calls)
    try add(order, to: builder)
    var places = [UInt32](repeating: 0, count: documents)
    for (place, doc) in order.enumerated() { places[Int(doc)] = UInt32(place) }
    var after = GapBits(documents: documents)
    let segment = try builder.finish { writer in
      var merger = PostingsMerger(try runs(areWhole: true), numbers: places)
      try merger.forEach { term, postings, gaps, fields in
        after.add(postings)
        try writer.append(term, postings, gaps, fields)
      }
    }
    let report = ReorderingReport(
      bitsPerGapBefore: before.mean, bitsPerGapAfter: after.mean, seconds: (clock.now - start).inSeconds)
    return (segment, report)
  }

  /// The terms of all sources, live documents numbered one source after the other.
  private func runs(areWhole: Bool) throws -> [SegmentRun] {
    var first = 0
    return try sources.map { source in
      defer { first += source.live.count }
      return try SegmentRun(source.segment, source.deletions, firstDocument: first, isWhole: areWhole)
    }
  }

  /// Adds the live documents, given by such numbers.
  private func add(_ order: [UInt32], to builder: SegmentBuilder) throws {
    let lives = sources.map(\.live)
    var starts = [0]
    for live in lives { starts.append(starts[starts.count - 1] + live.count) }
    var blocks = sources.map { _ in DocumentStore.UnpackedBlock() }
    for number in order.map({ Int($0) }) {
      // Sources without live documents begin where the next one does: the last that begins there has the document.
      let source = (starts.firstIndex { $0 > number } ?? starts.count) - 1
      let segment = sources[source].segment
      let doc = lives[source].document(rank: number - starts[source])
      let document = try segment.store.document(doc, docno: try segment.documentTable.docnos.docno(doc), &blocks[source])
      try builder.add(
        document, length: segment.documentTable.lengths[doc], fieldLengths: segment.fields?.lengths(of: doc) ?? [])
    }
  }
}
