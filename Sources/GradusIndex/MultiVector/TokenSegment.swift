import GradusCore

/// One segment of a late-interaction index, opened for reading.
final class TokenSegment: RowSegment {
  let manifest: TokenIndexManifest.Segment
  /// Number in the index of the segment's first document.
  let firstDocument: Int
  let documents: SegmentDocuments
  let files: [SectionFile]
  let views: Views
  private let configuration: TokenIndexConfiguration
  private let file: SectionFile

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
    var files = SegmentFiles(folder: folder)
    file = try files.open(manifest.file, .tokens)
    views = try Self.views(file, manifest, configuration, centroids: centroids)
    documents = try SegmentDocuments(manifest, docnos: file, &files)
    try documents.requireColumns(configuration.columns, folder: folder)
    self.files = files.opened
  }

  private static func views(
    _ file: SectionFile, _ manifest: TokenIndexManifest.Segment, _ configuration: TokenIndexConfiguration, centroids: Int
  ) throws -> Views {
    let count = manifest.count, tokens = manifest.tokens
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

  // MARK: - Documents

  /// Number in the index of the document after the segment's last.
  var end: Int { firstDocument + count }

  /// Tokens of documents that are not deleted.
  var liveTokens: Int { manifest.tokens - (deletedRows?.numbers().reduce(0) { $0 + tokens(of: Int($1)) } ?? 0) }

  func tokens(of row: Int) -> Int { Int(views.ends[row + 1] - views.ends[row]) }

  func document(_ row: Int) throws -> Document? { try documents.document(at: row, row: row) }

  /// The live rows whose documents fit a filter.
  func rows(matching filter: MetadataFilter) throws -> [UInt32] {
    try documents.positions(matching: filter).numbers().filter { isLive(Int($0)) }
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
