/// How a late-interaction index stores the vectors of tokens: the nearest of some centroids, and what is left in a few bits a
/// number (ColBERTv2: Santhanam et al., NAACL 2022).
public struct TokenIndexConfiguration: Sendable, Hashable, Codable {
  /// Numbers of a token's vector; a multiple of 16: a whole vector register.
  public var dimension: Int
  public var encoder: EncoderFingerprint
  /// Bits of a number of the residual: 1, 2 or 4.
  public var residualBits: Int
  /// Nil: the power of two below 16 times the root of the number of tokens, as PLAID has it.
  public var centroids: Int?
  /// Of the sample and the first centroids.
  public var seed: UInt64
  /// Rounds of k-means.
  public var iterations: Int
  /// Metadata that the index holds by column, for filters; nil for none. They need stored documents.
  public var columns: [MetadataColumn]?

  public init(
    dimension: Int, encoder: EncoderFingerprint, residualBits: Int = 2, centroids: Int? = nil, seed: UInt64 = 1,
    iterations: Int = 4, columns: [MetadataColumn] = []
  ) {
    self.dimension = dimension
    self.encoder = encoder
    self.residualBits = residualBits
    self.centroids = centroids
    self.seed = seed
    self.iterations = iterations
    self.columns = columns.isEmpty ? nil : columns
  }

  /// - Throws: ``VectorIndexError/invalidOption(_:)``; ``IndexError/invalidQuery(_:)`` for a column that is listed twice.
  func validate() throws {
    guard dimension >= 16, dimension % 16 == 0, dimension <= 4096 else {
      throw VectorIndexError.invalidOption("the dimension of tokens must be a multiple of 16 up to 4096, found \(dimension)")
    }
    guard [1, 2, 4].contains(residualBits) else {
      throw VectorIndexError.invalidOption("residualBits must be 1, 2 or 4, found \(residualBits)")
    }
    if let centroids, !(1...1 << 20).contains(centroids) {
      throw VectorIndexError.invalidOption("centroids must be between 1 and \(1 << 20), found \(centroids)")
    }
    guard (0...1000).contains(iterations) else {
      throw VectorIndexError.invalidOption("iterations must be between 0 and 1000, found \(iterations)")
    }
    _ = try ColumnsBuilder(columns ?? [])
  }

  /// Bytes of a token's residual.
  var residualBytes: Int { dimension * residualBits / 8 }

  static func standardCentroids(tokens: Int) -> Int {
    let wanted = 16 * Double(max(1, tokens)).squareRoot()
    var power = 1
    while Double(2 * power) <= wanted { power *= 2 }
    return max(1, min(power, tokens))
  }
}
