import ArgumentParser
import Gradus

/// How a late-interaction index stores the vectors of tokens, under the names of ColBERTv2.
struct TokenStorageOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Bits of a number of what a centroid leaves of a token: 1, 2 or 4. Default: 2.", valueName: "n"))
  var nbits: Int?

  @Option(
    help: ArgumentHelp(
      "Centroids; default: the power of two below 16 times the root of the number of tokens.", valueName: "n"))
  var centroids: Int?

  @Option(help: ArgumentHelp("Rounds of k-means that place the centroids. Default: 4.", valueName: "n"))
  var kmeansIterations: Int?

  var isGiven: Bool { nbits != nil || centroids != nil || kmeansIterations != nil }

  func validate() throws {
    if let nbits, ![1, 2, 4].contains(nbits) { throw ValidationError("--nbits must be 1, 2 or 4, found \(nbits)") }
    if let centroids, !(1...1 << 20).contains(centroids) {
      throw ValidationError("--centroids must be between 1 and \(1 << 20), found \(centroids)")
    }
    if let kmeansIterations, !(0...1000).contains(kmeansIterations) {
      throw ValidationError("--kmeans-iterations must be between 0 and 1000, found \(kmeansIterations)")
    }
  }

  func configuration(
    dimension: Int, encoder: EncoderFingerprint, seed: UInt64, columns: [MetadataColumn]
  ) -> TokenIndexConfiguration {
    var configuration = TokenIndexConfiguration(
      dimension: dimension, encoder: encoder, centroids: centroids, seed: seed, columns: columns)
    if let nbits { configuration.residualBits = nbits }
    if let kmeansIterations { configuration.iterations = kmeansIterations }
    return configuration
  }
}
