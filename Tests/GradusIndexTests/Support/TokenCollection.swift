import GradusCore
@testable import GradusIndex

/// Documents as bags of token vectors around topics: a token is a topic's centre with some noise.
enum TokenCollection {
  static let dimension = 32
  static let encoder = EncoderFingerprint(name: "random tokens", digest: "abc")

  private static let topics = RandomVectors.make(40, dimension: dimension, clusters: 40, spread: 1, seed: 50)

  static func tokens(_ document: Int) -> [Float] {
    var generator = SeededGenerator(seed: 60).stream("document", document)
    let about = (0..<3).map { _ in generator.integer(below: topics.count) }
    return (0..<6 + generator.integer(below: 10)).flatMap { _ -> [Float] in
      topics[about[generator.integer(below: 3)]].map { $0 + Float(0.5 * generator.normal()) }.unitLength
    }
  }

  /// Some tokens of a document, disturbed.
  static func query(_ document: Int) -> [Float] {
    var generator = SeededGenerator(seed: 70).stream("query", document)
    return tokens(document).prefix(4 * dimension).map { $0 + Float(0.05 * generator.normal()) }
  }

  static func build(
    _ count: Int, in path: String, bits: Int = 2, centroids: Int? = nil
  ) throws -> TokenIndex {
    let builder = try TokenIndexBuilder(
      creating: path,
      configuration: TokenIndexConfiguration(dimension: dimension, encoder: encoder, residualBits: bits, centroids: centroids))
    for document in 0..<count { try builder.add(docno: RandomVectors.docno(document), tokens: tokens(document)) }
    try builder.commit()
    return try TokenIndex(path: path)
  }
}
