import GradusCore

/// One segment of a late-interaction index, opened for reading.
final class TokenSegment: Sendable {
  let manifest: TokenIndexManifest.Segment
  /// Documents, deleted ones included.
  let count: Int
  /// Number in the index of the segment's first document.
  let firstDocument: Int
  let docnos: DocnoTable
  let deletedRows: BitSet?
  let views: Views
  private let configuration: TokenIndexConfiguration
  private let file: SectionFile
  private let files: [SectionFile]
  private let documents: DocumentStore?
  private let columns: ColumnStore?

  struct Views: @unchecked Sendable {
    // Unchecked: pointers into the read-only mapping, which the segment keeps.
    let numbers: UnsafeBufferPointer<UInt32>
    let residuals: UnsafeRawBufferPointer
    let ends: UnsafeBufferPointer<UInt32>
    let listOffsets: UnsafeBufferPointer<UInt64>
    let lists: UnsafeBufferPointer<UInt32>
  }

  /// - Parameter centroids: How many the index has.
  init(
    folder: String, _ manifest: TokenIndexManifest.Segment, _ configuration: TokenIndexConfiguration, centroids: Int,
    firstDocument: Int
  ) throws {
    self.manifest = manifest
    self.configuration = configuration
    self.firstDocument = firstDocument
    count = manifest.documents
    var files: [SectionFile] = []
    func open(_ file: TokenIndexManifest.File, _ kind: SectionFileLayout.Kind) throws -> SectionFile {
      let opened = try SectionFile(path: folder + "/" + file.name, kind: kind, expectedBytes: file.bytes)
      try opened.verify(where: \.isCheckedOnOpen)
      files.append(opened)
      return opened
    }
    let tokens = try open(manifest.file, .tokens)
    file = tokens
    docnos = try DocnoTable(tokens, count: manifest.documents)
    views = try Self.views(tokens, manifest, configuration, centroids: centroids)
    deletedRows = try manifest.deletionsFile.map {
      try BitSet(deletions: try open($0, .deletions), limit: manifest.documents, count: manifest.deleted ?? 0)
    }
    documents = try manifest.documentsFile.map { try DocumentStore(try open($0, .documents), documents: manifest.documents) }
    columns = try manifest.columnsFile.map { try ColumnStore(try open($0, .columns), documents: manifest.documents) }
    guard configuration.columns == columns?.columns else {
      throw IndexError.corrupted(path: folder + "/" + IndexManifest.name, section: "the list of columns")
    }
    self.files = files
  }

  private static func views(
    _ file: SectionFile, _ manifest: TokenIndexManifest.Segment, _ configuration: TokenIndexConfiguration, centroids: Int
  ) throws -> Views {
    let count = manifest.documents, tokens = manifest.tokens
    let ends = try file.numbers(.tokenEnds, as: UInt32.self, count: count + 1)
    let offsets = try file.numbers(.tokenListOffsets, as: UInt64.self, count: centroids + 1)
    let residuals = try file.bytes(.tokenResiduals)
    guard residuals.count == tokens * configuration.residualBytes, tokens == 0 || centroids > 0 else {
      throw IndexError.corrupted(path: file.path, section: Section.tokenResiduals.name)
    }
    guard ends[0] == 0, Int(ends[count]) == tokens, zip(ends, ends.dropFirst()).allSatisfy(<=) else {
      throw IndexError.corrupted(path: file.path, section: Section.tokenEnds.name)
    }
    let listed = try file.bytes(.tokenLists).count / 4
    guard offsets[0] == 0, offsets[centroids] == UInt64(listed), zip(offsets, offsets.dropFirst()).allSatisfy(<=) else {
      throw IndexError.corrupted(path: file.path, section: Section.tokenListOffsets.name)
    }
    return Views(
      numbers: try file.numbers(.tokenCentroidNumbers, as: UInt32.self, count: tokens), residuals: residuals, ends: ends,
      listOffsets: offsets, lists: try file.numbers(.tokenLists, as: UInt32.self, count: listed))
  }

  /// What the first segment of an index holds for all.
  func codebook(centroids: Int) throws -> TokenCodebook {
    let dimension = configuration.dimension, bits = configuration.residualBits
    let means = KMeans(
      centroids: Array(try file.floats(.tokenCentroids, count: centroids * dimension)), dimension: dimension)
    let levels = Array(try file.floats(.tokenResidualLevels, count: (2 << bits) - 1))
    guard let codec = ResidualCodec(bits: bits, dimension: dimension, levels: levels) else {
      throw IndexError.corrupted(path: file.path, section: Section.tokenResidualLevels.name)
    }
    return TokenCodebook(means: means, codec: codec)
  }

  /// Compares all checksums.
  func verify() throws {
    for file in files { try file.verify { _ in true } }
  }

  // MARK: - Documents

  /// Number in the index of the document after the segment's last.
  var end: Int { firstDocument + count }
  var liveCount: Int { count - (manifest.deleted ?? 0) }
  var storesDocuments: Bool { documents != nil }

  /// Tokens of documents that are not deleted.
  var liveTokens: Int { manifest.tokens - (deletedRows?.numbers().reduce(0) { $0 + tokens(of: Int($1)) } ?? 0) }

  func isLive(_ row: Int) -> Bool { !(deletedRows?.contains(row) ?? false) }

  /// The live row of a docno.
  func row(docno: String) throws -> Int? { try docnos.find(docno).flatMap { isLive($0) ? $0 : nil } }

  func tokens(of row: Int) -> Int { Int(views.ends[row + 1] - views.ends[row]) }

  func document(_ row: Int) throws -> Document? {
    try documents.map { try $0.document(row, docno: try docnos.docno(row)) }
  }

  /// The live rows whose documents fit a filter.
  func rows(matching filter: MetadataFilter) throws -> [UInt32] {
    try filter.documents(count: count, columns: columns) { row in
      try documents?.document(row, docno: "").metadata ?? [:]
    }.numbers().filter { isLive(Int($0)) }
  }

  // MARK: - Tokens

  /// The centroid of each token of a document.
  func centroids(of row: Int) -> UnsafeBufferPointer<UInt32> {
    UnsafeBufferPointer(rebasing: views.numbers[Int(views.ends[row])..<Int(views.ends[row + 1])])
  }

  /// What the centroids leave of a document's tokens.
  func residuals(of row: Int) -> UnsafeRawBufferPointer {
    let bytes = configuration.residualBytes
    return UnsafeRawBufferPointer(
      rebasing: views.residuals[Int(views.ends[row]) * bytes..<Int(views.ends[row + 1]) * bytes])
  }

  /// The documents with a token at a centroid, deleted ones included.
  func rows(at centroid: Int) -> UnsafeBufferPointer<UInt32> {
    UnsafeBufferPointer(rebasing: views.lists[Int(views.listOffsets[centroid])..<Int(views.listOffsets[centroid + 1])])
  }

  /// Writes a document's token vectors, as many as it has.
  func decompress(_ row: Int, _ codebook: TokenCodebook, into out: UnsafeMutableBufferPointer<Float>) throws {
    let dimension = configuration.dimension, bytes = configuration.residualBytes
    let first = Int(views.ends[row])
    try codebook.means.centroids.withUnsafeBufferPointer { centroids in
      guard let codes = views.residuals.bindMemory(to: UInt8.self).baseAddress, let base = centroids.baseAddress,
        let out = out.baseAddress
      else { return }
      for token in 0..<tokens(of: row) {
        let centroid = Int(views.numbers[first + token])
        guard centroid < codebook.count else { throw damage(.tokenCentroidNumbers) }
        codebook.codec.decode(
          codes + (first + token) * bytes, centroid: base + centroid * dimension, into: out + token * dimension)
      }
    }
  }

  func damage(_ section: Section) -> IndexError { .corrupted(path: file.path, section: section.name) }
}
