import GradusCore
@testable import GradusIndex

extension FuzzTarget {
  /// A vector index: vectors, graph, documents, columns and deletions.
  static let vectors = FuzzTarget("vectors", maximumBytes: 1600, dictionary: "config") {
    originalVectors.seeds
  } run: { input in
    guard let path = originalVectors.write("vectors", changedBy: input) else { return }
    let index = try VectorIndex(path: path)
    let query = [Float](repeating: 0.5, count: index.dimension)
    for strategy in VectorSearchOptions.Strategy.allCases {
      attempt { _ = try index.search(query, k: 7, options: VectorSearchOptions(efSearch: 10, strategy: strategy)) }
    }
    attempt {
      let filter = try index.filter(matching: MetadataFilter(parsing: "n>=20 kind=even"))
      _ = try index.search(query, k: 3, filter: filter)
    }
    for docno in ["d0", "d5", "d59", "none"] {
      attempt { _ = try index.vector(docno: docno) }
      attempt { _ = try index.document(docno: docno) }
      attempt { _ = try index.score(query, docno: docno) }
    }
    attempt { try index.forEachVector { _, _ in } }
    attempt { try index.verify() }
  }

  /// 60 vectors, some of them equal, in a graph over int8; one is deleted.
  private static let originalVectors = ChangedIndex("vectors") { path in
    let writer = try VectorIndexWriter(
      creating: path,
      configuration: VectorIndexConfiguration(
        dimension: 8, encoding: .bfloat16, encoder: madeUp, graph: HNSWOptions(M: 4, efConstruction: 16),
        columns: FuzzMetadata.columns),
      storesDocuments: true, threads: 1)
    for number in 0..<60 { try writer.add(document(number), vector: vector(number - number % 7 / 6, 8)) }
    try writer.commit()
    let update = try VectorIndexWriter(updating: path, encoder: madeUp, threads: 1)
    try update.delete(docno: "d5")
    try update.commit()
  }

  /// A late-interaction index: two segments, documents, columns and deletions.
  static let tokens = FuzzTarget("tokens", maximumBytes: 1600, dictionary: "config") {
    originalTokens.seeds
  } run: { input in
    guard let path = originalTokens.write("tokens", changedBy: input) else { return }
    let index = try TokenIndex(path: path)
    let query = [Float](repeating: 0.5, count: 2 * index.configuration.dimension)
    attempt { _ = try index.search(query, k: 5, options: TokenSearchOptions(probes: 2, candidates: 6)) }
    attempt { _ = try index.exhaustive(query, k: 5) }
    attempt { _ = try index.search(query, k: 5, filter: index.documents(matching: MetadataFilter(parsing: "n>=9 kind=even"))) }
    for docno in ["d0", "d5", "d25", "none"] {
      attempt { _ = try index.tokens(docno: docno) }
      attempt { _ = try index.document(docno: docno) }
      attempt { _ = try index.scores(query, docnos: [docno, "d1"]) }
    }
    attempt { try index.verify() }
  }

  private static let originalTokens = ChangedIndex("tokens") { path in
    func tokens(_ number: Int) -> [Float] { (0..<1 + number % 4).flatMap { vector(11 * number + $0, 16) } }
    let builder = try TokenIndexBuilder(
      creating: path,
      configuration: TokenIndexConfiguration(dimension: 16, encoder: madeUp, centroids: 6, columns: FuzzMetadata.columns),
      storesDocuments: true)
    for number in 0..<24 { try builder.add(document(number), tokens: tokens(number)) }
    try builder.commit()
    let writer = try TokenIndexWriter(updating: path, encoder: madeUp)
    for number in 24..<30 { try writer.add(document(number), tokens: tokens(number)) }
    try writer.delete(docno: "d5")
    try writer.commit()
  }

  /// An impact index of two segments with a deletion, and columns.
  static let impacts = FuzzTarget("impacts", maximumBytes: 1600, dictionary: "config") {
    originalImpacts.seeds
  } run: { input in
    guard let path = originalImpacts.write("impacts", changedBy: input) else { return }
    let index = try ImpactIndex(path: path)
    for terms in [["t0", "t1", "t2"], ["t3"], ["t9", "none"]] {
      let query = terms.map { WeightedTerm($0, weight: 0.7) }
      for pruning in Pruning.allCases { attempt { _ = try index.search(query, k: 5, pruning: pruning) } }
      attempt { _ = try index.score(query, docnos: ["d0", "d199", "d210"]) }
      attempt { _ = try index.explain(query, docno: "d7") }
      attempt {
        _ = try index.search(query, k: 5, filter: index.documents(matching: MetadataFilter(parsing: "day>=2004 other=1")))
      }
    }
    for docno in ["d0", "d5", "none"] {
      attempt { _ = try index.document(docno: docno) }
      attempt { _ = try index.termCount(docno: docno) }
    }
    attempt { try index.verify() }
  }

  private static let originalImpacts = ChangedIndex("impacts") { path in
    var generator = SeededGenerator(seed: 6)
    func terms() -> [WeightedTerm] {
      (0..<12).filter { _ in generator.uniform() < 0.5 }.map { WeightedTerm("t\($0)", weight: generator.uniform() + 0.01) }
    }
    let builder = try ImpactIndexBuilder(creating: path, columns: FuzzMetadata.columns)
    for number in 0..<200 { try builder.add(document(number), terms: terms()) }
    _ = try builder.finish()
    let writer = try ImpactIndexWriter(updating: path, source: ImpactIndexConfiguration())
    for number in 200..<220 { try writer.add(document(number), terms: terms()) }
    try writer.delete(docno: "d5")
    try writer.commit()
  }

  private static let madeUp = EncoderFingerprint(name: "fuzz", digest: "0")

  private static func vector(_ number: Int, _ dimension: Int) -> [Float] {
    var generator = SeededGenerator(seed: 7).stream("vector", number)
    return (0..<dimension).map { _ in Float(generator.normal()) }
  }

  private static func document(_ number: Int) -> Document {
    Document(docno: "d\(number)", title: "t", text: "text \(number)", metadata: FuzzMetadata.of(number))
  }
}
