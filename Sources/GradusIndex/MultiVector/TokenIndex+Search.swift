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
      let all = withTokens(filter.numbers())
      return TokenSearchResult(
        documents: try top(all, try exactScores(of: all, asked), k: k), touchedDocuments: all.count, scoredDocuments: all.count)
    }
    let near = CentroidScores(asked.panels, centroids: centroids, count: centroidCount)
    var touched = BitSet(limit: count)
    for centroid in Set(near.best(options.probes).joined()) {
      for document in views.lists[Int(views.listOffsets[centroid])..<Int(views.listOffsets[centroid + 1])] {
        guard Int(document) < count else { throw damage(.tokenLists) }
        touched.insert(Int(document))
      }
    }
    let documents = touched.numbers().filter { filter?.contains(DocIndex(rawValue: $0)) ?? true }
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
    let all = withTokens(filter?.numbers() ?? (0..<UInt32(count)).map { $0 })
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
    let numbers = try names.map { try docnos.find($0).map { UInt32($0) } }
    let scores = try exactScores(of: numbers.compactMap { $0 }, asked)
    var next = 0
    return numbers.map { number in
      guard number != nil else { return nil }
      defer { next += 1 }
      return Double(scores[next])
    }
  }

  /// The decompressed token vectors of a document, or nil where there is none of that name.
  public func tokens(docno: String) throws -> [Float]? {
    guard let number = try docnos.find(docno) else { return nil }
    var vectors = [Float](repeating: 0, count: tokens(of: number) * configuration.dimension)
    try vectors.withUnsafeMutableBufferPointer { try decompress(number, into: $0) }
    return vectors
  }

  // MARK: - Steps

  private func check(_ filter: DocumentSet?) throws {
    guard filter == nil || filter?.documents == count else { throw VectorIndexError.foreignFilter }
  }

  /// Those of some documents that can be found.
  private func withTokens(_ documents: [UInt32]) -> [UInt32] { documents.filter { tokens(of: Int($0)) > 0 } }

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
    for document in documents {
      for lane in 0..<near.lanes { best[lane] = -.infinity }
      for place in Int(views.ends[Int(document)])..<Int(views.ends[Int(document) + 1]) {
        let centroid = Int(views.numbers[place])
        guard centroid < centroidCount else { throw damage(.tokenCentroidNumbers) }
        if isNear[centroid] { near.raise(&best, by: centroid) }
      }
      // Where no token of the document is near enough, nothing is known: the least that unit vectors can have.
      keys.append((best.prefix(near.tokens).reduce(0) { $0 + max(-1, $1) }, document))
    }
    keys.sort { $0.score != $1.score ? $0.score > $1.score : docnos.ranks[Int($0.document)] > docnos.ranks[Int($1.document)] }
    return keys.prefix(wanted).map(\.document).sorted()
  }

  private func tokens(of document: Int) -> Int { Int(views.ends[document + 1] - views.ends[document]) }

  private func exactScores(of documents: [UInt32], _ query: MaxSimQuery) throws -> [Float] {
    let dimension = configuration.dimension
    let longest = documents.reduce(0) { max($0, tokens(of: Int($1))) }
    // One document at a time: its vectors are still in the cache when the query meets them.
    return try withUnsafeTemporaryAllocation(of: Float.self, capacity: max(1, longest * dimension)) { vectors in
      try query.panels.withQuery { kernel in
        try documents.map { document in
          let count = tokens(of: Int(document))
          try decompress(Int(document), into: UnsafeMutableBufferPointer(rebasing: vectors[..<(count * dimension)]))
          let ends: [UInt32] = [0, UInt32(count)]
          var score: Float = 0
          grd_maxsim(&kernel, vectors.baseAddress, ends, 1, &score)
          return score
        }
      }
    }
  }

  /// Writes a document's token vectors, as many as it has.
  private func decompress(_ document: Int, into out: UnsafeMutableBufferPointer<Float>) throws {
    let dimension = configuration.dimension, bytes = configuration.residualBytes
    let first = Int(views.ends[document])
    try centroids.withUnsafeBufferPointer { centroids in
      guard let codes = views.residuals.bindMemory(to: UInt8.self).baseAddress, let base = centroids.baseAddress,
        let out = out.baseAddress
      else { return }
      for row in 0..<tokens(of: document) {
        let centroid = Int(views.numbers[first + row])
        guard centroid < centroidCount else { throw damage(.tokenCentroidNumbers) }
        codec.decode(codes + (first + row) * bytes, centroid: base + centroid * dimension, into: out + row * dimension)
      }
    }
  }

  private func top(_ documents: [UInt32], _ scores: [Float], k: Int) throws -> [ScoredDocument] {
    let order = documents.indices.sorted {
      scores[$0] != scores[$1]
        ? scores[$0] > scores[$1] : docnos.ranks[Int(documents[$0])] > docnos.ranks[Int(documents[$1])]
    }
    return try order.prefix(k).map {
      ScoredDocument(docno: try docnos.docno(Int(documents[$0])), score: Double(scores[$0]))
    }
  }
}
