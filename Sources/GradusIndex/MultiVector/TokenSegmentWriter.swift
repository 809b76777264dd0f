import GradusCore

/// Writes the files of one segment of a late-interaction index.
///
/// Documents are listed one by one, their tokens encoded in the same order, at any time before ``finish(_:isFirst:)``: later
/// where the centroids are not known yet.
final class TokenSegmentWriter {
  private let number: Int
  private let configuration: TokenIndexConfiguration
  private let folder: IndexFolder
  private let documents: SegmentDocumentsWriter
  private var ends: [UInt32] = [0]
  /// The centroid of each token that was encoded.
  private var numbers: [UInt32] = []
  private var tokensFile: SectionFileWriter?
  /// Numbers of residuals that were encoded, and those of them that lie beyond the outermost levels.
  private(set) var residualNumbers = 0
  private(set) var clippedNumbers = 0

  init(number: Int, configuration: TokenIndexConfiguration, storesDocuments: Bool, in folder: IndexFolder) throws {
    self.number = number
    self.configuration = configuration
    self.folder = folder
    documents = try SegmentDocumentsWriter(
      number: number, columns: configuration.columns, storesDocuments: storesDocuments, in: folder)
  }

  var count: Int { documents.count }
  var tokens: Int { Int(ends[ends.count - 1]) }

  /// The share of the numbers that were encoded beyond the outermost levels; nil where there were none.
  var clippedShare: Double? { residualNumbers > 0 ? Double(clippedNumbers) / Double(residualNumbers) : nil }

  func contains(docno: String) -> Bool { documents.position(of: docno) != nil }

  /// Throws for what ``list(docno:tokens:document:)`` cannot take; changes nothing.
  func check(docno: String, tokens vectors: [Float], document: Document?) throws {
    let dimension = configuration.dimension
    guard vectors.count % dimension == 0 else {
      throw VectorIndexError.wrongDimension(docno: docno, found: vectors.count % dimension, expected: dimension)
    }
    if let position = vectors.firstIndex(where: { !$0.isFinite }) {
      throw VectorIndexError.notFinite(docno: docno, position: position)
    }
    guard tokens + vectors.count / dimension <= Int(UInt32.max) else {
      throw IndexError.limitExceeded(path: folder.path, what: "tokens", limit: Int(UInt32.max))
    }
    try documents.check(docno: docno, document, position: count + 1)
    guard !contains(docno: docno) else { throw VectorIndexError.duplicateDocno(docno) }
  }

  /// Takes a document that has been checked.
  ///
  /// - Parameter document: What is stored, where documents are.
  func list(docno: String, tokens: Int, document: Document?) throws {
    ends.append(ends[ends.count - 1] + UInt32(tokens))
    _ = try documents.append(docno: docno, document)
  }

  /// Writes the next tokens in terms of a codebook, on several threads.
  ///
  /// - Parameter vectors: `[tokens][dimension]` of unit length.
  func encode(_ vectors: UnsafeBufferPointer<Float>, _ codebook: TokenCodebook) throws {
    let nearest = codebook.means.nearest(of: vectors)
    let dimension = codebook.dimension, width = configuration.residualBytes
    var clipped = [Int](repeating: 0, count: nearest.count)
    let codes = [UInt8](unsafeUninitializedCapacity: nearest.count * width) { codes, used in
      clipped.withUnsafeMutableBufferPointer { clipped in
        codebook.means.centroids.withUnsafeBufferPointer { centroids in
          guard let first = codes.baseAddress, let from = vectors.baseAddress, let base = centroids.baseAddress else { return }
          nonisolated(unsafe) let to = first
          nonisolated(unsafe) let rows = from
          nonisolated(unsafe) let means = base
          nonisolated(unsafe) let clipped = clipped
          WorkerPool.shared.forEachRange(count: nearest.count, grain: 256) { range in
            for token in range {
              clipped[token] = codebook.codec.encode(
                rows + token * dimension, centroid: means + Int(nearest[token]) * dimension, into: to + token * width)
            }
          }
        }
      }
      used = nearest.count * width
    }
    residualNumbers += vectors.count
    clippedNumbers += clipped.reduce(0, +)
    try codes.withUnsafeBytes { try residuals().append($0) }
    numbers += nearest
  }

  /// Takes the tokens of another segment's document as they are stored there.
  func copy(_ row: Int, of segment: TokenSegment) throws {
    try residuals().append(segment.residuals(of: row))
    numbers += segment.centroids(of: row)
  }

  /// The file whose first section is being written.
  private func residuals() throws -> SectionFileWriter {
    if let tokensFile { return tokensFile }
    let file = try folder.begin(.tokens, named: "tokens", ofSegment: number)
    try file.begin(.tokenResiduals)
    tokensFile = file
    return file
  }

  /// Writes the rest.
  ///
  /// - Parameter isFirst: Whether the segment holds the codebook, too.
  func finish(_ codebook: TokenCodebook, isFirst: Bool) throws -> TokenIndexManifest.Segment {
    let file = try residuals()
    if isFirst {
      try file.append(floats: codebook.means.centroids, as: .tokenCentroids)
      try file.append(floats: codebook.codec.levels, as: .tokenResidualLevels)
    }
    try file.begin(.tokenCentroidNumbers)
    try file.append(numbers)
    try file.begin(.tokenEnds)
    try file.append(ends)
    try writeLists(centroids: codebook.count, to: file)
    try DocnoTable.write(documents.docnos, order: (0..<UInt32(count)).map { $0 }, to: file)
    let written = try file.close()
    let stored = try documents.finish()
    return TokenIndexManifest.Segment(
      file: written, count: count, tokens: tokens, documentsFile: stored.documents, columnsFile: stored.columns)
  }

  /// For each centroid the documents with a token there, ascending, each once.
  private func writeLists(centroids: Int, to file: SectionFileWriter) throws {
    var lists = [[UInt32]](repeating: [], count: centroids)
    for document in 0..<count {
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
