import Foundation
import GradusCore
@testable import GradusIndex

/// Vectors around some centres, as those of texts are, the same on every run.
enum RandomVectors {
  static let encoder = EncoderFingerprint(name: "random", digest: "0123456789abcdef", settings: "clusters")

  static func make(_ count: Int, dimension: Int, clusters: Int = 12, spread: Double = 0.5, seed: UInt64) -> [[Float]] {
    var generator = SeededGenerator(seed: 99)
    let centres = (0..<clusters).map { _ in (0..<dimension).map { _ in generator.normal() } }
    generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in
      let centre = centres[generator.integer(below: clusters)]
      return centre.map { Float($0 + spread * generator.normal()) }
    }
  }

  /// Names in another order than the vectors, so that ties show whether they go by name.
  static func docno(_ number: Int) -> String { "d\((number * 7919) % 1_000_003)" }

  @discardableResult
  static func build(
    _ vectors: [[Float]], in folder: String, _ configuration: VectorIndexConfiguration, memoryBudgetBytes: Int = 1 << 30,
    threads: Int = 2
  ) throws -> VectorIndex {
    let writer = try VectorIndexWriter(
      creating: folder, configuration: configuration, memoryBudgetBytes: memoryBudgetBytes, threads: threads)
    for (number, vector) in vectors.enumerated() { try writer.add(docno: docno(number), vector: vector) }
    try writer.commit()
    return try VectorIndex(path: folder)
  }

  /// The k best by the definition, in double precision over what the index stores.
  static func bruteForce(_ index: VectorIndex, _ query: [Float], k: Int, where isAllowed: (String) -> Bool = { _ in true }) throws
    -> [ScoredDocument] {
    let x = index.metric == .cosine ? query.unitLength : query
    var hits: [ScoredDocument] = []
    try index.forEachVector { docno, y in
      guard isAllowed(docno) else { return }
      let score =
        index.metric == .l2
        ? -zip(x, y).reduce(0) { $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) }
        : zip(x, y).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      hits.append(ScoredDocument(docno: docno, score: score))
    }
    return Array(hits.sorted(by: ScoredDocument.precedes).prefix(k))
  }

  /// Whether two rankings have the same scores up to rounding, and the same documents where scores differ by more.
  static func agree(_ found: [ScoredDocument], _ expected: [ScoredDocument], tolerance: Double) -> Bool {
    guard found.count == expected.count else { return false }
    for (left, right) in zip(found, expected) where abs(left.score - right.score) > tolerance { return false }
    guard let last = expected.last?.score else { return true }
    return Set(found.filter { $0.score > last + 2 * tolerance }.map(\.docno)).isSubset(of: Set(expected.map(\.docno)))
      && zip(found, found.dropFirst()).allSatisfy { ScoredDocument.precedes($0, $1) }
  }

  static func recall(_ found: [ScoredDocument], _ expected: [ScoredDocument]) -> Double {
    Double(Set(found.map(\.docno)).intersection(expected.map(\.docno)).count) / Double(max(1, expected.count))
  }
}
