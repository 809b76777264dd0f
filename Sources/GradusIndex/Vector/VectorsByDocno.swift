import GradusCore

/// Stored vectors by docno: what dense re-rankers and vector-space feedback share, wherever the vectors lie.
///
///     let vector = try vectors.vector(docno: "perlfaq4-12")
public protocol VectorsByDocno: Sendable {
  var dimension: Int { get }
  var metric: VectorMetric { get }
  /// What made the vectors; nil where that is not known.
  var encoder: EncoderFingerprint? { get }
  /// The vector of a document as it is stored, or nil where there is none.
  func vector(docno: String) throws -> [Float]?
}

/// Vectors in memory, by name.
///
///     let vectors = InMemoryVectors(names: ["d1", "d2"], vectors: encoded)
public struct InMemoryVectors: VectorsByDocno {
  public let names: [String]
  public let dimension: Int
  public let metric: VectorMetric
  public let encoder: EncoderFingerprint?
  /// `[names * dimension]`, one after the other.
  private let values: [Float]
  private let rows: [String: Int]

  /// - Parameter names: Distinct; a later vector of the same name is not found by it.
  public init(names: [String], vectors: [[Float]], metric: VectorMetric = .dot, encoder: EncoderFingerprint? = nil) {
    self.names = names
    self.metric = metric
    self.encoder = encoder
    dimension = vectors.first?.count ?? 0
    values = vectors.flatMap { $0 }
    rows = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
  }

  public var count: Int { names.count }

  public func vector(docno: String) -> [Float]? {
    rows[docno].map { Array(values[$0 * dimension..<($0 + 1) * dimension]) }
  }

  /// The inner product of a query with the vector of a row.
  public func innerProduct(_ query: [Float], row: Int) -> Double { GradusIndex.innerProduct(query, values, row * dimension) }
}

/// Sum of products in eight fixed lanes, so that the bits do not depend on how the loop is compiled.
///
/// - Parameter start: Where in `vectors` the second factor begins.
public func innerProduct(_ query: [Float], _ vectors: [Float], _ start: Int = 0) -> Double {
  query.withUnsafeBufferPointer { query in
    vectors.withUnsafeBufferPointer { vectors in
      var lanes = SIMD8<Float>(repeating: 0)
      let whole = query.count / 8 * 8
      for base in stride(from: 0, to: whole, by: 8) {
        var left = SIMD8<Float>()
        var right = SIMD8<Float>()
        for lane in 0..<8 {
          left[lane] = query[base + lane]
          right[lane] = vectors[start + base + lane]
        }
        lanes += left * right
      }
      var sum = Double(lanes.sum())
      for position in whole..<query.count { sum += Double(query[position] * vectors[start + position]) }
      return sum
    }
  }
}
