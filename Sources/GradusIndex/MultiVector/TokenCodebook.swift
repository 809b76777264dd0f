/// What the tokens of an index are stored in terms of: centroids, and levels of what is left when these are taken off.
///
/// Fixed once: documents that are added later are stored in the same terms, so nothing that is there is touched.
struct TokenCodebook: Sendable {
  let means: KMeans
  let codec: ResidualCodec

  /// Tokens that k-means and the quantiles are computed from, at most.
  private static let sampleSize = 1 << 17

  init(means: KMeans, codec: ResidualCodec) {
    self.means = means
    self.codec = codec
  }

  /// Places the centroids and levels for some vectors.
  ///
  /// - Parameter vectors: `[tokens][dimension]` of unit length, of which a sample is looked at.
  init(_ vectors: UnsafeBufferPointer<Float>, _ configuration: TokenIndexConfiguration) {
    let dimension = configuration.dimension
    let tokens = vectors.count / dimension
    let sample = Self.sample(vectors, tokens: tokens, dimension: dimension)
    means = sample.withUnsafeBufferPointer {
      KMeans(
        of: $0, dimension: dimension,
        count: configuration.centroids ?? TokenIndexConfiguration.standardCentroids(tokens: tokens),
        iterations: configuration.iterations, seed: configuration.seed)
    }
    codec = Self.codec(means, sample, bits: configuration.residualBits)
  }

  /// The levels of the residuals are quantiles of so many tokens at most: some million numbers fix them.
  static func levelTokens(dimension: Int) -> Int { min(sampleSize, max(1, (4 << 20) / dimension)) }

  var dimension: Int { means.dimension }
  /// Centroids.
  var count: Int { means.count }

  /// Token vectors at even distances.
  private static func sample(_ vectors: UnsafeBufferPointer<Float>, tokens: Int, dimension: Int) -> [Float] {
    let count = min(tokens, sampleSize)
    var result: [Float] = []
    result.reserveCapacity(count * dimension)
    for number in 0..<count {
      let token = number * tokens / count
      result += vectors[token * dimension..<(token + 1) * dimension]
    }
    return result
  }

  private static func codec(_ means: KMeans, _ sample: [Float], bits: Int) -> ResidualCodec {
    let dimension = means.dimension
    let count = min(sample.count / dimension, levelTokens(dimension: dimension))
    guard count > 0, means.count > 0 else { return ResidualCodec(bits: bits, dimension: dimension, residuals: [0]) }
    let residuals = sample.withUnsafeBufferPointer { sample in
      let part = UnsafeBufferPointer(rebasing: sample[..<(count * dimension)])
      return means.nearest(of: part).enumerated().flatMap { residual(part, $0, means.centroid(Int($1))) }
    }
    return ResidualCodec(bits: bits, dimension: dimension, residuals: residuals)
  }

  private static func residual(_ vectors: UnsafeBufferPointer<Float>, _ token: Int, _ centroid: ArraySlice<Float>) -> [Float] {
    centroid.enumerated().map { vectors[token * centroid.count + $0] - $1 }
  }
}
