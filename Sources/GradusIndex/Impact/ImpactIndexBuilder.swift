import GradusCore

/// Builds an impact index: an inverted index of documents whose terms have learned weights, in bounded memory.
///
///     let builder = try ImpactIndexBuilder(creating: "faq.impacts")
///     try builder.add(document, terms: [WeightedTerm("heat", weight: 1.4), WeightedTerm("flow", weight: 0.7)])
///     let statistics = try builder.finish()
///
/// Weights are kept in 32 bits until all documents are known, and then quantised in steps of the greatest
/// (``ImpactQuantization``), or of one that is given. The new index appears in one step at the end of ``finish()``; until then an
/// index that was in the folder stays readable. Its bytes depend on the documents, their order and the configuration, not on
/// `memoryBudgetBytes`. What is built can be changed by ``ImpactIndexWriter``.
///
/// Memory: `memoryBudgetBytes` for weights, which spill to temporary files in the folder beyond it, and, outside the budget, some
/// 50 bytes per document, its docno, 50 bytes per distinct term, and 16 bytes per posting of the commonest term while it is
/// merged.
///
/// Not for use from several threads at once.
public final class ImpactIndexBuilder: SessionWriter {
  public let directory: String
  /// Weights so far that are above the `greatestWeight` that was given, and will be cut to it.
  public private(set) var clippedWeights = 0
  private let configuration: ImpactIndexConfiguration
  private let greatestWeight: Float?
  let session: WriterSession
  private var segment: ImpactSegmentWriter?

  /// Locks the folder, making it where it is missing.
  ///
  /// - Parameters:
  ///   - columns: Metadata to filter by. Without, filters read the stored documents.
  ///   - greatestWeight: The weight of the greatest impact, to which greater ones are cut; nil for the greatest of the documents.
  ///     Room for the weights of documents that ``ImpactIndexWriter`` will add, in exchange for coarser steps.
  /// - Throws: ``ImpactIndexError/otherIndex(path:)``, ``ImpactIndexError/invalidGreatestWeight(_:)``,
  ///   ``IndexError/locked(path:pid:)``, ``IndexError/invalidQuery(_:)`` for a column that is listed twice, `FileError`.
  public convenience init(
    creating directory: String, configuration: ImpactIndexConfiguration = ImpactIndexConfiguration(),
    columns: [MetadataColumn] = [], greatestWeight: Float? = nil, memoryBudgetBytes: Int = 512 << 20
  ) throws {
    try self.init(
      directory, configuration: configuration, columns: columns, greatestWeight: greatestWeight,
      memoryBudgetBytes: memoryBudgetBytes, calls: .posix)
  }

  init(
    _ directory: String, configuration: ImpactIndexConfiguration, columns: [MetadataColumn] = [], greatestWeight: Float? = nil,
    memoryBudgetBytes: Int, calls: SystemCalls
  ) throws {
    self.directory = directory
    self.configuration = configuration
    self.greatestWeight = greatestWeight
    if let greatestWeight, !(greatestWeight > 0 && greatestWeight.isFinite) {
      throw ImpactIndexError.invalidGreatestWeight(greatestWeight)
    }
    _ = try ColumnsBuilder(columns)
    if ImpactIndexManifest.isOtherPresent(in: directory) { throw ImpactIndexError.otherIndex(path: directory) }
    session = try WriterSession(directory, ImpactIndexManifest.self, calls: calls)
    try closingOnError { folder in
      segment = try ImpactSegmentWriter(
        number: session.takeNumber(), columns: columns, memoryBudget: memoryBudgetBytes, in: folder)
    }
  }

  deinit { abandon() }

  /// Adds a document after those before it. Terms of weight 0 are left out; a document without others is never found.
  ///
  /// After an error the builder is closed, and the folder is as it was.
  ///
  /// - Throws: ``ImpactIndexError``, ``IndexError/duplicateDocno(_:firstPosition:position:)``,
  ///   ``IndexError/invalidDocno(_:position:)``, ``IndexError/invalidColumnValue(docno:column:value:expected:)``, `FileError`.
  public func add(_ document: Document, terms: [WeightedTerm]) throws {
    guard let segment else { throw IndexError.builderClosed(path: directory) }
    try closingOnError { _ in try segment.add(document, terms) }
    if let greatestWeight { clippedWeights += terms.count { Float($0.weight) > greatestWeight } }
  }

  /// Merges, quantises, writes, and puts the new index in the place of the one before.
  ///
  /// - Throws: `FileError`, ``IndexError/limitExceeded(path:what:limit:)``; the folder is then as it was.
  public func finish() throws -> ImpactStatistics {
    guard let segment else { throw IndexError.builderClosed(path: directory) }
    let statistics = try closingOnError { _ in
      let greatest = greatestWeight ?? segment.greatestWeight
      let written = try segment.finish(
        configuration.quantization, greatest: greatest, scale: ImpactQuantization.scale(greatest: greatest))
      try session.commit(
        ImpactIndexManifest(
          generation: session.lastNumber(), configuration: configuration, statistics: written.statistics, segments: [written],
          greatestWeight: greatest > 0 ? greatest : nil))
      return written.statistics
    }
    abandon()
    return statistics
  }

  /// Gives up: removes what was written and lets others write into the folder. Without effect after ``finish()``.
  public func abandon() {
    segment = nil
    session.end()
  }
}
