import GradusCore
import GradusTensor

/// A linear head on vectors at hand that gives queries and documents vectors of their own: what losses over vectors train in
/// seconds, where a frozen encoder has made the vectors once.
///
///     let head = VectorProjection(queries: table, documents: table, maps: .init(width: 128, isShared: true, seed: 7))
///     head.embeddings(queries: ..., documents: ..., context: .training)   // [queries, 128], [documents, 128]
///
/// Vectors are looked up by qid and docno; texts are not read. ``VectorRanker`` is the same for losses over scores.
public struct VectorProjection: EmbeddingScorer {
  /// How the maps start and what they have in common.
  public struct Maps: Sendable, Equatable {
    /// Length of the vectors that come out. Nil for that of the vectors at hand: the maps start as the identity, so that the
    /// untrained head ranks as the vectors do. Otherwise they start at random, with the length of vectors kept on average.
    public var width: Int?
    /// One map for queries and documents: for items that are compared with their like.
    public var isShared: Bool
    /// Whether the vectors that come out have unit length.
    public var isNormalized: Bool
    public var seed: UInt64

    public init(width: Int? = nil, isShared: Bool = false, isNormalized: Bool = true, seed: UInt64 = 0) {
      self.width = width
      self.isShared = isShared
      self.isNormalized = isNormalized
      self.seed = seed
    }
  }

  public let dimension: Int
  public let scoreScale: Double
  private let maps: Maps
  private let queries: VectorTable
  private let documents: VectorTable
  private let queryMap: Parameter
  private let documentMap: Parameter

  /// - Parameter scale: Scores are inner products times it: the inverse of a temperature.
  public init(queries: VectorTable, documents: VectorTable, scale: Double = 20, maps: Maps = Maps()) {
    precondition(queries.width == documents.width, "query and document vectors must have the same length")
    precondition(maps.width.map { $0 >= 1 } ?? true, "vectors need a length of at least 1")
    scoreScale = scale
    self.maps = maps
    self.queries = queries
    self.documents = documents
    let width = maps.width ?? queries.width
    dimension = width
    let generator = SeededGenerator(seed: maps.seed)
    func start(_ name: String) -> Tensor {
      if maps.width != nil {
        var stream = generator.stream(name)
        let bound = (3 / Double(width)).squareRoot()
        return .uniform([width, queries.width], low: -bound, high: bound, using: &stream)
      }
      var identity = [Float](repeating: 0, count: width * width)
      for position in 0..<width { identity[position * width + position] = 1 }
      return Tensor(identity, shape: [width, width])
    }
    let first = Parameter(maps.isShared ? "weight" : "query.weight", start("query"))
    queryMap = first
    documentMap = maps.isShared ? first : Parameter("document.weight", start("document"))
  }

  public var parameters: [Parameter] { maps.isShared ? [queryMap] : [queryMap, documentMap] }

  /// - Throws: ``VectorRankerError``.
  public func embeddings(
    queries: [Query], documents: [Document], context: ForwardContext
  ) throws -> (queries: Tensor, documents: Tensor) {
    (
      try vectors(of: queries.map(\.qid), in: self.queries, by: queryMap) { .unknownQuery($0) },
      try vectors(of: documents.map(\.docno), in: self.documents, by: documentMap) { .unknownDocument($0) }
    )
  }

  /// The vectors of documents, `[documents, dimension]`.
  ///
  /// - Throws: ``VectorRankerError/unknownDocument(_:)``.
  public func vectors(ofDocuments docnos: [String]) throws -> Tensor {
    try vectors(of: docnos, in: documents, by: documentMap) { .unknownDocument($0) }
  }

  /// The vectors of queries, `[queries, dimension]`.
  ///
  /// - Throws: ``VectorRankerError/unknownQuery(_:)``.
  public func vectors(ofQueries qids: [String]) throws -> Tensor {
    try vectors(of: qids, in: queries, by: queryMap) { .unknownQuery($0) }
  }

  private func vectors(
    of names: [String], in table: VectorTable, by map: Parameter, _ error: (String) -> VectorRankerError
  ) throws -> Tensor {
    let rows = try names.map { name in
      guard let row = table.rows[name] else { throw error(name) }
      return row
    }
    let found = linear(table.tensor.indexSelect(Tensor(indices: rows, shape: [rows.count])), weight: map.value, bias: nil)
    return maps.isNormalized ? found.normalized() : found
  }
}
