import GradusCore
@testable import GradusIndex

/// Documents with weighted terms, the same on every run, and what an index must make of them.
struct WeightedCollection {
  let documents: [(document: Document, terms: [WeightedTerm])]

  init(_ count: Int, terms: Int, vocabulary: Int, seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    documents = (0..<count).map { number in
      var weights: [String: Double] = [:]
      for _ in 0..<generator.integer(below: 2 * terms + 1) {
        let u = generator.uniform()
        weights["t\(Int(Double(vocabulary) * u * u * u))"] = 3 * generator.uniform() * generator.uniform()
      }
      // Names in another order than the documents, so that ties show whether they go by name.
      let document = Document(docno: "d\((number * 7919) % 1_000_003)", text: "text \(number)")
      return (document, weights.sorted { $0.key < $1.key }.map { WeightedTerm($0.key, weight: $0.value) })
    }
  }

  static func queries(_ count: Int, terms: Int, vocabulary: Int, seed: UInt64) -> [[WeightedTerm]] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in
      (0..<1 + generator.integer(below: terms)).map { _ in
        let u = generator.uniform()
        return WeightedTerm("t\(Int(Double(vocabulary) * u * u * u))", weight: 0.1 + 2 * generator.uniform())
      }
    }
  }

  @discardableResult
  func build(
    in folder: String, configuration: ImpactIndexConfiguration = ImpactIndexConfiguration(), memoryBudgetBytes: Int = 64 << 20
  ) throws -> ImpactIndex {
    let builder = try ImpactIndexBuilder(
      creating: folder, configuration: configuration, memoryBudgetBytes: memoryBudgetBytes)
    for (document, terms) in documents { try builder.add(document, terms: terms) }
    _ = try builder.finish()
    return try ImpactIndex(path: folder)
  }

  /// The k best by adding up quantised weights in double precision, in any order.
  func bruteForce(_ query: [WeightedTerm], k: Int, quantization: ImpactQuantization = .nearest) -> [ScoredDocument] {
    let greatest = documents.flatMap { $0.terms.map { Float($0.weight) } }.max() ?? 0
    let scale = Double(ImpactQuantization.scale(greatest: greatest))
    let hits = documents.compactMap { document, terms -> ScoredDocument? in
      let impacts = Dictionary(
        uniqueKeysWithValues: terms.map { ($0.term, quantization.impact(of: Float($0.weight), greatest: greatest)) })
      let score = query.reduce(0.0) { $0 + $1.weight * scale * Double(impacts[$1.term] ?? 0) }
      return score > 0 ? ScoredDocument(docno: document.docno, score: score) : nil
    }
    return Array(hits.sorted(by: ScoredDocument.precedes).prefix(k))
  }
}
