import CGradusKernels
import GradusCore
import GradusFormats

/// Builds a late-interaction index: all token vectors of all documents, compressed.
///
///     let builder = try TokenIndexBuilder(creating: "faq.tokens", configuration: configuration)
///     try builder.add(docno: "d1", tokens: vectors)        // [tokens * dimension]
///     try builder.commit()
///
/// Token vectors go to a temporary file as they come, 4 bytes a number; k-means sees a sample of them. The index appears in one
/// step at the end of ``commit(progress:)``; its bytes do not depend on the number of threads. Not for use from several threads
/// at once.
public final class TokenIndexBuilder {
  public let directory: String
  private let configuration: TokenIndexConfiguration
  private let calls: SystemCalls
  private var folder: IndexFolder?
  private var spool: AppendFile?
  private let docnos = ByteTable()
  private var ends: [UInt32] = [0]
  private let storesDocuments: Bool
  private var documentsFile: SectionFileWriter?
  private var storedOffsets: [UInt64] = [0]
  private var columns: ColumnsBuilder
  private var record: [UInt8] = []

  private static let spoolNumber = 1
  /// Tokens that k-means and the quantiles are computed from, at most.
  private static let sampleSize = 1 << 17

  /// - Parameter storesDocuments: Keep titles, texts and metadata beside the vectors; then only ``add(_:tokens:)`` adds. Columns
  ///   need it.
  /// - Throws: ``VectorIndexError/invalidOption(_:)``, ``VectorIndexError/otherIndex(path:)``,
  ///   ``IndexError/locked(path:pid:)``, `FileError`.
  public convenience init(
    creating directory: String, configuration: TokenIndexConfiguration, storesDocuments: Bool = false
  ) throws {
    try self.init(directory, configuration: configuration, storesDocuments: storesDocuments, calls: .posix)
  }

  init(
    _ directory: String, configuration: TokenIndexConfiguration, storesDocuments: Bool = false, calls: SystemCalls
  ) throws {
    try configuration.validate()
    guard configuration.columns == nil || storesDocuments else {
      throw VectorIndexError.invalidOption("\(directory): columns are made of stored documents; store the documents, too")
    }
    columns = try ColumnsBuilder(configuration.columns ?? [])
    self.directory = directory
    self.configuration = configuration
    self.calls = calls
    self.storesDocuments = storesDocuments
    if (try? IndexManifest.read(folder: directory)) != nil || VectorIndexManifest.isPresent(in: directory) {
      throw VectorIndexError.otherIndex(path: directory)
    }
    let folder = try IndexFolder(path: directory, calls: calls) { try TokenIndexManifest.read(folder: $0) }
    self.folder = folder
    do {
      spool = try AppendFile(path: folder.path(of: IndexFolder.runName(Self.spoolNumber)), calls: calls)
      if storesDocuments {
        let name = IndexFolder.segmentName(generation: folder.nextGeneration, kind: "documents")
        documentsFile = try SectionFileWriter(path: folder.path(of: name), kind: .documents, calls: calls)
        try documentsFile?.begin(.storedText)
      }
    } catch {
      folder.removeUnfinished()
      throw error
    }
  }

  deinit { abandon() }

  /// Adds a document's token vectors, which are brought to unit length. A document without tokens is never found.
  ///
  /// - Throws: ``VectorIndexError`` and ``IndexError/invalidColumnValue(docno:column:value:expected:)`` for what cannot be, which
  ///   changes nothing; `FileError`, after which the builder is closed.
  public func add(docno: String, tokens: [Float]) throws {
    guard !storesDocuments else {
      throw VectorIndexError.invalidOption("\(directory): the index stores documents; add the document with its vectors")
    }
    try add(docno: docno, tokens: tokens, document: nil)
  }

  /// Adds a document's token vectors, and the document itself where the index stores documents.
  public func add(_ document: Document, tokens: [Float]) throws {
    try add(docno: document.docno, tokens: tokens, document: storesDocuments ? document : nil)
  }

  private func add(docno: String, tokens: [Float], document: Document?) throws {
    guard let spool else { throw IndexError.builderClosed(path: directory) }
    let dimension = configuration.dimension
    guard tokens.count % dimension == 0 else {
      throw VectorIndexError.wrongDimension(docno: docno, found: tokens.count % dimension, expected: dimension)
    }
    if let position = tokens.firstIndex(where: { !$0.isFinite }) {
      throw VectorIndexError.notFinite(docno: docno, position: position)
    }
    let total = Int(ends[ends.count - 1]) + tokens.count / dimension
    guard total <= Int(UInt32.max) else {
      throw IndexError.limitExceeded(path: directory, what: "tokens", limit: Int(UInt32.max))
    }
    guard !docno.isEmpty, !docno.utf8.contains(where: { $0 == 32 || (9...13).contains($0) }) else {
      throw IndexError.invalidDocno(docno, position: docnos.count + 1)
    }
    if let document { try columns.check(document) }
    var docno = docno
    guard docno.withUTF8({ docnos.insert($0).isNew }) else { throw VectorIndexError.duplicateDocno(docno) }
    do {
      if let document { try columns.append(document) }
      for start in stride(from: 0, to: tokens.count, by: dimension) {
        try Array(tokens[start..<start + dimension]).unitLength.withUnsafeBytes { try spool.append($0) }
      }
      if let documentsFile, let document {
        record.removeAll(keepingCapacity: true)
        DocumentStore.encode(document, into: &record)
        try documentsFile.append(record)
        storedOffsets.append(storedOffsets[storedOffsets.count - 1] + UInt64(record.count))
      }
    } catch {
      abandon()
      throw error
    }
    ends.append(UInt32(total))
  }

  /// Clusters, compresses and writes; closes the builder.
  ///
  /// - Parameter progress: Called with the number of tokens that were compressed since the last call.
  /// - Throws: `FileError`; what was in the folder is then as it was.
  public func commit(progress: (Int) -> Void = { _ in }) throws {
    guard let folder, let spool else { throw IndexError.builderClosed(path: directory) }
    do {
      try spool.finishTemporary()
      let spooled = try MappedFile(path: spool.path)
      let name = IndexFolder.segmentName(generation: folder.nextGeneration, kind: "tokens")
      let file = try SectionFileWriter(path: folder.path(of: name), kind: .tokens, calls: calls)
      let centroids = try withExtendedLifetime(spooled) { 
        try write(spooled.bytes.bindMemory(to: Float.self), to: file, progress)
      }
      let written = IndexManifest.File(name: name, bytes: try file.finish())
      var documents: IndexManifest.File?
      if let documentsFile {
        try documentsFile.begin(.storedOffsets)
        try documentsFile.append(storedOffsets)
        documents = IndexManifest.File(
          name: IndexFolder.segmentName(generation: folder.nextGeneration, kind: "documents"),
          bytes: try documentsFile.finish())
      }
      let writtenColumns = try columns.write(to: folder.path, number: folder.nextGeneration, calls: calls)
      try folder.commit(
        TokenIndexManifest(
          generation: folder.nextGeneration, configuration: configuration, file: written, documents: docnos.count,
          tokens: Int(ends[ends.count - 1]), centroids: centroids, documentsFile: documents, columnsFile: writtenColumns))
      self.spool = nil
      self.documentsFile = nil
      self.folder = nil
    } catch {
      abandon()
      throw error
    }
  }

  /// Gives up: removes what was written. Without effect after ``commit(progress:)``.
  public func abandon() {
    spool = nil
    documentsFile = nil
    folder?.removeUnfinished()
    folder = nil
  }

  private func write(
    _ vectors: UnsafeBufferPointer<Float>, to file: SectionFileWriter, _ progress: (Int) -> Void
  ) throws -> Int {
    let dimension = configuration.dimension
    let tokens = vectors.count / dimension
    let sample = self.sample(vectors, tokens: tokens)
    let means = sample.withUnsafeBufferPointer {
      KMeans(
        of: $0, dimension: dimension,
        count: configuration.centroids ?? TokenIndexConfiguration.standardCentroids(tokens: tokens),
        iterations: configuration.iterations, seed: configuration.seed)
    }
    let codec = self.codec(means, sample)
    var numbers: [UInt32] = []
    numbers.reserveCapacity(tokens)
    let piece = 1 << 14
    try file.begin(.tokenResiduals)
    var bytes: [UInt8] = []
    for start in stride(from: 0, to: tokens, by: piece) {
      let part = UnsafeBufferPointer(rebasing: vectors[start * dimension..<min(tokens, start + piece) * dimension])
      let nearest = means.nearest(of: part)
      bytes.removeAll(keepingCapacity: true)
      for (token, centroid) in nearest.enumerated() {
        codec.encode(Self.residual(part, token, means.centroid(Int(centroid))), into: &bytes)
      }
      try bytes.withUnsafeBytes { try file.append($0) }
      numbers += nearest
      progress(nearest.count)
    }
    try file.append(floats: (0..<means.count).flatMap { means.centroid($0) }, as: .tokenCentroids)
    try file.append(floats: codec.levels, as: .tokenResidualLevels)
    try file.begin(.tokenCentroidNumbers)
    try file.append(numbers)
    try file.begin(.tokenEnds)
    try file.append(ends)
    try writeLists(numbers, centroids: means.count, to: file)
    try DocnoTable.write(docnos, order: (0..<UInt32(docnos.count)).map { $0 }, to: file)
    return means.count
  }

  /// Token vectors at even distances.
  private func sample(_ vectors: UnsafeBufferPointer<Float>, tokens: Int) -> [Float] {
    let dimension = configuration.dimension
    let count = min(tokens, Self.sampleSize)
    var result: [Float] = []
    result.reserveCapacity(count * dimension)
    for number in 0..<count {
      let token = number * tokens / count
      result += vectors[token * dimension..<(token + 1) * dimension]
    }
    return result
  }

  private func codec(_ means: KMeans, _ sample: [Float]) -> ResidualCodec {
    let dimension = configuration.dimension
    // Some million numbers fix the quantiles.
    let count = min(sample.count / dimension, max(1, (4 << 20) / dimension))
    guard count > 0, means.count > 0 else {
      return ResidualCodec(bits: configuration.residualBits, dimension: dimension, residuals: [0])
    }
    let residuals = sample.withUnsafeBufferPointer { sample in
      let part = UnsafeBufferPointer(rebasing: sample[..<(count * dimension)])
      return means.nearest(of: part).enumerated().flatMap { Self.residual(part, $0, means.centroid(Int($1))) }
    }
    return ResidualCodec(bits: configuration.residualBits, dimension: dimension, residuals: residuals)
  }

  private static func residual(_ vectors: UnsafeBufferPointer<Float>, _ token: Int, _ centroid: ArraySlice<Float>) -> [Float] {
    centroid.enumerated().map { vectors[token * centroid.count + $0] - $1 }
  }

  /// For each centroid the documents with a token there, ascending, each once.
  private func writeLists(_ numbers: [UInt32], centroids: Int, to file: SectionFileWriter) throws {
    var lists = [[UInt32]](repeating: [], count: centroids)
    for document in 0..<docnos.count {
      for token in ends[document]..<ends[document + 1] {
        let centroid = Int(numbers[Int(token)])
        if lists[centroid].last != UInt32(document) { lists[centroid].append(UInt32(document)) }
      }
    }
    var offsets: [UInt64] = [0]
    for list in lists { offsets.append(offsets[offsets.count - 1] + UInt64(list.count)) }
    try file.begin(.tokenListOffsets)
    try file.append(offsets)
    try file.begin(.tokenLists)
    for list in lists { try file.append(list) }
  }
}
