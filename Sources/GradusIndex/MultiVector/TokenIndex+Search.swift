import CGradusKernels
import GradusCore

extension TokenIndex {
  /// The best `k` documents for a query's token vectors, `[tokens * dimension]`, which are brought to unit length.
  ///
  /// Documents near no query token cannot be found: what a search leaves out is up to `options`. ``exhaustive(_:k:)`` leaves
  /// out nothing.
  ///
  /// - Parameter filter: Documents that may be found, as ``documents(matching:)`` gives them; nil for all. Where it allows no
  ///   more than would be scored exactly, all that it allows are.
  /// - Throws: ``VectorIndexError`` for the query and the filter; ``IndexError`` for damage met on the way.
  public func search(
    _ query: [Float], k: Int, options: TokenSearchOptions = TokenSearchOptions(), filter: DocumentSet? = nil
  ) throws -> TokenSearchResult {
    try options.validate()
    try check(filter)
    let asked = MaxSimQuery(tokens: try prepared(query), dimension: configuration.dimension)
    guard k > 0, asked.tokens > 0, tokenCount > 0 else {
      return TokenSearchResult(documents: [], touchedDocuments: 0, scoredDocuments: 0)
    }
    let wanted = max(k, options.candidates)
    if let filter, filter.count <= wanted {
      let all = findable(filter.numbers())
      return TokenSearchResult(
        documents: try top(all, try exactScores(of: all, asked), k: k), touchedDocuments: all.count, scoredDocuments: all.count)
    }
    let near = CentroidScores(asked.panels, centroids: codebook.means.centroids, count: centroidCount)
    let documents = try touched(by: Set(near.best(options.probes).joined()), filter)
    let chosen = documents.count <= wanted
      ? documents : try bestByCentroids(documents, near, threshold: options.centroidThreshold, count: wanted)
    return TokenSearchResult(
      documents: try top(chosen, try exactScores(of: chosen, asked), k: k), touchedDocuments: documents.count,
      scoredDocuments: chosen.count)
  }

  /// Answers several queries, on several threads, with the bits of one at a time.
  public func search(
    _ queries: [[Float]], k: Int, options: TokenSearchOptions = TokenSearchOptions(), filter: DocumentSet? = nil
  ) throws -> [TokenSearchResult] {
    try each(queries) { try search($0, k: k, options: options, filter: filter) }
  }

  /// The best `k` of all documents, or of those that the filter allows, by exact MaxSim of the decompressed tokens: what
  /// ``search(_:k:options:filter:)`` is measured against.
  public func exhaustive(_ query: [Float], k: Int, filter: DocumentSet? = nil) throws -> [ScoredDocument] {
    try check(filter)
    let asked = MaxSimQuery(tokens: try prepared(query), dimension: configuration.dimension)
    guard k > 0, asked.tokens > 0 else { return [] }
    let all = findable(filter?.numbers() ?? (0..<UInt32(numberCount)).map { $0 })
    return try top(all, try exactScores(of: all, asked), k: k)
  }

  /// The same for several queries, on several threads.
  public func exhaustive(_ queries: [[Float]], k: Int, filter: DocumentSet? = nil) throws -> [[ScoredDocument]] {
    try each(queries) { try exhaustive($0, k: k, filter: filter) }
  }

  /// The exact MaxSim of a query with documents by name, nil for one that the index does not have: what a re-ranker needs.
  ///
  /// A document without tokens scores 0.
  ///
  /// - Throws: as ``search(_:k:options:filter:)``.
  public func scores(_ query: [Float], docnos names: [String]) throws -> [Double?] {
    let asked = MaxSimQuery(tokens: try prepared(query), dimension: configuration.dimension)
    let numbers = try names.map { try segments.place(of: $0).map { UInt32($0.segment.firstDocument + $0.row) } }
    let scores = try exactScores(of: numbers.compactMap { $0 }, asked)
    var next = 0
    return numbers.map { number in
      guard number != nil else { return nil }
      defer { next += 1 }
      return Double(scores[next])
    }
  }

  // MARK: - Steps

  private func check(_ filter: DocumentSet?) throws {
    guard filter == nil || filter?.documents == numberCount else { throw VectorIndexError.foreignFilter }
  }

  /// Those of some documents that can be found: not deleted, and with tokens.
  private func findable(_ documents: [UInt32]) -> [UInt32] {
    documents.filter { document in
      let (segment, row) = place(of: document)
      return segment.tokens(of: row) > 0 && segment.isLive(row)
    }
  }

  /// The documents with a token at one of some centroids, ascending.
  private func touched(by centroids: Set<Int>, _ filter: DocumentSet?) throws -> [UInt32] {
    var touched = DocumentSet(documents: numberCount)
    for segment in segments {
      for centroid in centroids {
        for row in segment.rows(at: centroid) {
          guard Int(row) < segment.count else { throw segment.damage(.tokenLists) }
          touched.insert(segment.firstDocument + Int(row))
        }
      }
      for row in segment.deletedRows?.numbers() ?? [] { touched.remove(segment.firstDocument + Int(row)) }
    }
    let documents = touched.numbers()
    guard let filter else { return documents }
    return documents.filter { filter.contains(DocIndex(rawValue: $0)) }
  }

  private func each<Result>(_ queries: [[Float]], _ body: ([Float]) throws -> Result) throws -> [Result] {
    var results = [Swift.Result<Result, any Error>?](repeating: nil, count: queries.count)
    results.withUnsafeMutableBufferPointer { slots in
      nonisolated(unsafe) let slots = slots
      WorkerPool.shared.forEach(count: queries.count) { number in
        slots[number] = Swift.Result { try body(queries[number]) }
      }
    }
    return try results.map { try $0!.get() }
  }

  private func prepared(_ query: [Float]) throws -> [Float] {
    guard query.count % configuration.dimension == 0 else {
      throw VectorIndexError.wrongQueryDimension(found: query.count % configuration.dimension, expected: configuration.dimension)
    }
    if let position = query.firstIndex(where: { !$0.isFinite }) { throw VectorIndexError.queryNotFinite(position: position) }
    return stride(from: 0, to: query.count, by: configuration.dimension).flatMap {
      Array(query[$0..<$0 + configuration.dimension]).unitLength
    }
  }

  /// The documents with the largest MaxSim when every token stands where its centroid is, ascending.
  private func bestByCentroids(
    _ documents: [UInt32], _ near: CentroidScores, threshold: Double?, count wanted: Int
  ) throws -> [UInt32] {
    let isNear = near.isAbove(threshold)
    var keys: [(score: Float, document: UInt32)] = []
    keys.reserveCapacity(documents.count)
    var best = [Float](repeating: 0, count: near.lanes)
    try forEachRow(documents) { segment, row in
      for lane in 0..<near.lanes { best[lane] = -.infinity }
      for number in segment.centroids(of: row) {
        let centroid = Int(number)
        guard centroid < isNear.count else { throw segment.damage(.tokenCentroidNumbers) }
        if isNear[centroid] { near.raise(&best, by: centroid) }
      }
      // Where no token of the document is near enough, nothing is known: the least that unit vectors can have.
      keys.append((best.prefix(near.tokens).reduce(0) { $0 + max(-1, $1) }, UInt32(segment.firstDocument + row)))
    }
    try keys.sort { $0.score != $1.score ? $0.score > $1.score : try precedes($0.document, $1.document) }
    return keys.prefix(wanted).map(\.document).sorted()
  }

  private func exactScores(of documents: [UInt32], _ query: MaxSimQuery) throws -> [Float] {
    let dimension = configuration.dimension
    var longest = 0
    forEachRow(documents) { segment, row in longest = max(longest, segment.tokens(of: row)) }
    // One document at a time: its vectors are still in the cache when the query meets them.
    return try withUnsafeTemporaryAllocation(of: Float.self, capacity: max(1, longest * dimension)) { vectors in
      try query.panels.withQuery { kernel in
        var scores: [Float] = []
        scores.reserveCapacity(documents.count)
        try forEachRow(documents) { segment, row in
          let count = segment.tokens(of: row)
          try segment.decompress(row, codebook, into: UnsafeMutableBufferPointer(rebasing: vectors[..<(count * dimension)]))
          let ends: [UInt32] = [0, UInt32(count)]
          var score: Float = 0
          grd_maxsim(&kernel, vectors.baseAddress, ends, 1, &score)
          scores.append(score)
        }
        return scores
      }
    }
  }

  /// Documents by number, in any order, as rows of their segments.
  private func forEachRow(_ documents: [UInt32], _ body: (TokenSegment, Int) throws -> Void) rethrows {
    for document in documents {
      let (segment, row) = place(of: document)
      try body(segment, row)
    }
  }

  /// Whether a document comes before another of its score: docnos descend.
  private func precedes(_ first: UInt32, _ second: UInt32) throws -> Bool {
    let (one, other) = (place(of: first), place(of: second))
    // A segment knows the order of its own.
    guard one.segment !== other.segment else {
      return one.segment.docnos.ranks[one.row] > other.segment.docnos.ranks[other.row]
    }
    return compareBytes(try one.segment.docnos.bytes(one.row), try other.segment.docnos.bytes(other.row)) > 0
  }

  private func top(_ documents: [UInt32], _ scores: [Float], k: Int) throws -> [ScoredDocument] {
    let order = try documents.indices.sorted {
      scores[$0] != scores[$1] ? scores[$0] > scores[$1] : try precedes(documents[$0], documents[$1])
    }
    return try order.prefix(k).map { number in
      let (segment, row) = place(of: documents[number])
      return ScoredDocument(docno: try segment.docnos.docno(row), score: Double(scores[number]))
    }
  }
}
