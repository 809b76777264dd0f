import GradusCore

/// Adds to and deletes from an impact index that ``ImpactIndexBuilder`` made.
///
///     let update = try ImpactIndexWriter(updating: "faq.impacts", source: configuration)
///     try update.delete(docno: "d7")
///     try update.add(newDocument, terms: [WeightedTerm("heat", weight: 1.4), WeightedTerm("flow", weight: 0.7)])
///     try update.commit()
///
/// What changes becomes visible in one step at ``commit()``: until then, and when the process is killed or the disk is full, the
/// index stays as it was. New documents make a new segment; deleted ones are marked, and go when ``compact(progress:)`` writes
/// all live documents anew.
///
/// Scores have the bits, and after ``compact(progress:)`` the files the bytes (but for their names), of an index that was built
/// of the live documents at once with the same greatest weight. What weights are quantised in steps of is fixed when the index is
/// built, so that nothing that is there is touched: a greater weight that is added is cut to the greatest one, and counted in
/// ``clippedWeights``. Where many are cut, the index should be built anew, or with room (``ImpactIndexBuilder``'s
/// `greatestWeight`).
///
/// Not for use from several threads at once.
public final class ImpactIndexWriter: SessionWriter {
  public let directory: String
  public let configuration: ImpactIndexConfiguration
  /// Weights that were added, zeros left out, and those of them that were cut to ``greatestWeight``.
  public private(set) var addedWeights = 0
  public private(set) var clippedWeights = 0
  /// The weight of the greatest impact; nil for an index that was built of documents without weights, to which none can be added.
  public let greatestWeight: Float?

  let session: WriterSession
  private let columns: [MetadataColumn]
  private let scale: Float
  private let memoryBudget: Int
  /// Committed and closed segments.
  private var rows: RowSegments<ImpactSegment>
  private var current: ImpactSegmentWriter?

  /// - Parameters:
  ///   - source: Where the weights that will be added come from: as the index's own. Its quantization is not looked at.
  ///   - memoryBudgetBytes: For weights, which spill to temporary files in the folder beyond it.
  /// - Throws: ``ImpactIndexError/encoderMismatch(path:found:expected:)``, ``IndexError``, `FileError`.
  public convenience init(
    updating directory: String, source: ImpactIndexConfiguration, memoryBudgetBytes: Int = 512 << 20
  ) throws {
    try self.init(directory, source: source, memoryBudget: memoryBudgetBytes, calls: .posix)
  }

  init(_ directory: String, source: ImpactIndexConfiguration, memoryBudget: Int, calls: SystemCalls) throws {
    self.directory = directory
    self.memoryBudget = memoryBudget
    let (session, manifest) = try WriterSession.updating(directory, ImpactIndexManifest.self, calls: calls)
    configuration = manifest.configuration
    for part in [\ImpactIndexConfiguration.encoder, \.vocabulary] {
      let (found, expected) = (source[keyPath: part], configuration[keyPath: part])
      guard expected.map({ found?.isCompatible(with: $0) ?? false }) ?? (found == nil) else {
        throw ImpactIndexError.encoderMismatch(path: directory, found: found, expected: expected)
      }
    }
    let index = try ImpactIndex(path: directory)
    columns = index.columns
    greatestWeight = manifest.greatestWeight
    scale = manifest.statistics.scale
    rows = RowSegments(index.segments)
    self.session = session
  }

  deinit { abandon() }

  /// Adds a document under a new name. Terms of weight 0 are left out, ones above ``greatestWeight`` are cut to it.
  ///
  /// After an error of the disk the writer is closed; a refused document changes nothing.
  ///
  /// - Throws: As ``ImpactIndexBuilder/add(_:terms:)``; ``IndexError/documentExists(_:)``; ``ImpactIndexError/noScale(path:)``
  ///   for weights in an index that has no greatest one.
  public func add(_ document: Document, terms: [WeightedTerm]) throws {
    try session.openFolder()
    if try contains(docno: document.docno) { throw IndexError.documentExists(document.docno) }
    let weights = terms.map { Float($0.weight) }.filter { $0 > 0 }
    if greatestWeight == nil, !weights.isEmpty { throw ImpactIndexError.noScale(path: directory) }
    try closingOnError(butNot: [IndexError.self, ImpactIndexError.self]) { folder in
      let segment = try current ?? newSegment(folder)
      current = segment
      try segment.add(document, terms)
    }
    addedWeights += weights.count
    if let greatestWeight { clippedWeights += weights.count { $0 > greatestWeight } }
  }

  /// Whether a document of that name is in the index or was added since, and not deleted.
  public func contains(docno: String) throws -> Bool {
    if current?.contains(docno: docno) ?? false { return true }
    return try rows.contains(docno: docno)
  }

  /// Deletes a document; it is left out of results from the commit on.
  ///
  /// - Throws: ``IndexError/unknownDocno(_:)``; `FileError`, after which the writer is closed.
  public func delete(docno: String) throws {
    try session.openFolder()
    // What this writer added is marked as what was there before.
    if current?.contains(docno: docno) ?? false { try closingOnError { _ in try closeSegment() } }
    guard try rows.delete(docno: docno) else { throw IndexError.unknownDocno(docno) }
  }

  /// Makes all changes visible in one step, and closes the writer.
  ///
  /// - Returns: Counts of the documents that the index then has.
  /// - Throws: `FileError`; the index is then as it was.
  @discardableResult
  public func commit() throws -> ImpactStatistics {
    try closingOnError { _ in
      try closeSegment()
      return try finish(rows.writeDeletions(session))
    }
  }

  /// Writes all live documents anew as one segment, and closes the writer.
  ///
  /// - Parameter progress: Called with the number of documents that were written since the last call.
  /// - Returns: Counts of the documents that the index then has.
  /// - Throws: `FileError`, ``IndexError``; the index is then as it was.
  @discardableResult
  public func compact(progress: (Int) -> Void = { _ in }) throws -> ImpactStatistics {
    try closingOnError { folder in
      try closeSegment()
      let writer = try newSegment(folder)
      var runs: [any PostingsRun] = []
      for part in rows.parts {
        runs.append(try ImpactSegmentRun(part.segment, deleted: part.deleted, firstDocument: writer.count))
        for row in part.liveRows {
          try writer.list(part.segment.document(row))
          progress(1)
        }
      }
      return try finish([writer.finish(runs, scale: scale) { Int($0) }])
    }
  }

  /// Gives up: removes what was written. Without effect after ``commit()`` and ``compact(progress:)``.
  public func abandon() {
    current = nil
    session.end()
  }

  // MARK: - Steps

  private func newSegment(_ folder: IndexFolder) throws -> ImpactSegmentWriter {
    try ImpactSegmentWriter(number: session.takeNumber(), columns: columns, memoryBudget: memoryBudget, in: folder)
  }

  private func closeSegment() throws {
    guard let writer = current else { return }
    current = nil
    // Begun for a document that was refused: what it wrote goes with the commit.
    guard writer.count > 0 else { return }
    let segment = try writer.finish(configuration.quantization, greatest: greatestWeight ?? 0, scale: scale)
    rows.append(try ImpactSegment(folder: directory, segment, firstDocument: 0))
  }

  private func finish(_ segments: [ImpactIndexManifest.Segment]) throws -> ImpactStatistics {
    let opened = try segments.map { try ImpactSegment(folder: directory, $0, firstDocument: 0) }
    let statistics = try ImpactStatistics(of: opened, scale: scale)
    try session.commit(
      ImpactIndexManifest(
        generation: session.lastNumber(), configuration: configuration, statistics: statistics, segments: segments,
        greatestWeight: greatestWeight))
    session.end()
    return statistics
  }
}

extension ImpactStatistics {
  /// Counts of the live documents of some segments.
  fileprivate init(of segments: [ImpactSegment], scale: Float) throws {
    var terms = 0
    for (number, segment) in segments.enumerated() {
      for term in 0..<segment.terms.count where segment.documentFrequency(term) > 0 {
        let bytes = try segment.terms.bytes(of: segment.terms[term])
        // A term counts where it is met first.
        if try !segments[..<number].contains(where: { try $0.number(of: bytes) != nil }) { terms += 1 }
      }
    }
    self.init(
      documents: segments.reduce(0) { $0 + $1.liveCount }, terms: terms, postings: segments.reduce(0) { $0 + $1.livePostings },
      scale: scale)
  }
}
