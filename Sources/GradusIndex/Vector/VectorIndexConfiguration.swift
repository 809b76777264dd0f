import CGradusKernels

/// What all vectors of an index have in common.
///
///     let configuration = VectorIndexConfiguration(dimension: 384, encoder: fingerprint)            // HNSW over int8, cosine
///     let flat = VectorIndexConfiguration(dimension: 384, encoder: fingerprint, graph: nil)          // exact search alone
public struct VectorIndexConfiguration: Sendable, Hashable, Codable {
  /// 1 ... 32768.
  public var dimension: Int
  public var metric: VectorMetric
  public var encoding: VectorEncoding
  public var encoder: EncoderFingerprint
  /// Nil for a flat index: every search is exact.
  public var graph: HNSWOptions?
  /// Metadata that the index holds by column, for filters; nil for none. They need stored documents.
  public var columns: [MetadataColumn]?

  public init(
    dimension: Int, metric: VectorMetric = .cosine, encoding: VectorEncoding = .float32, encoder: EncoderFingerprint,
    graph: HNSWOptions? = HNSWOptions(), columns: [MetadataColumn] = []
  ) {
    self.dimension = dimension
    self.metric = metric
    self.encoding = encoding
    self.encoder = encoder
    self.graph = graph
    self.columns = columns.isEmpty ? nil : columns
  }

  /// - Throws: ``VectorIndexError/invalidOption(_:)``; ``IndexError/invalidQuery(_:)`` for a column that is listed twice.
  func validate() throws {
    let limit = Int(GRD_VECTOR_MAX_DIMENSION)
    guard (1...limit).contains(dimension) else {
      throw VectorIndexError.invalidOption("the dimension must be between 1 and \(limit), found \(dimension)")
    }
    try graph?.validate()
    _ = try ColumnsBuilder(columns ?? [])
  }
}
