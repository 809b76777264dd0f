import CGradusKernels
import GradusCore

/// How a late-interaction index is to be searched (PLAID: Santhanam et al., CIKM 2022).
public struct TokenSearchOptions: Sendable, Hashable {
  /// Centroids that each query token looks into.
  public var probes: Int
  /// Tokens whose centroid has a smaller inner product with every query token are left out of the first pass; nil for none.
  public var centroidThreshold: Double?
  /// Documents that are decompressed and scored exactly; raised to k.
  public var candidates: Int

  public init(probes: Int = 4, centroidThreshold: Double? = 0.3, candidates: Int = 256) {
    self.probes = probes
    self.centroidThreshold = centroidThreshold
    self.candidates = candidates
  }
}

/// What a search in a late-interaction index found, and what it looked at.
public struct TokenSearchResult: Sendable, Equatable {
  /// Best first, by the tie rule, with the exact MaxSim of the decompressed tokens.
  public let documents: [ScoredDocument]
  /// Documents that the first pass scored by their centroids.
  public let touchedDocuments: Int
  /// Documents that were decompressed and scored exactly.
  public let scoredDocuments: Int

  public func ranking(qid: String) -> Ranking { Ranking(qid: qid, alreadyOrdered: documents) }
}

/// A late-interaction index, opened for reading.
///
///     let index = try TokenIndex(path: "faq.tokens")
///     let result = try index.search(queryTokens, k: 10)
///
/// Mapped, not read; all methods may be called from several threads at once, with the same bits for any number of them.
public final class TokenIndex: Sendable {
  public let path: String
  public let configuration: TokenIndexConfiguration
  public let count: Int
  public let tokenCount: Int
  public let centroidCount: Int
  private let file: SectionFile
  private let docnos: DocnoTable
  private let codec: ResidualCodec
  private let centroids: [Float]
  private let views: Views

  private struct Views: @unchecked Sendable {
    // Unchecked: pointers into the read-only mapping, which the index keeps.
    let numbers: UnsafeBufferPointer<UInt32>
    let residuals: UnsafeRawBufferPointer
    let ends: UnsafeBufferPointer<UInt32>
    let listOffsets: UnsafeBufferPointer<UInt64>
    let lists: UnsafeBufferPointer<UInt32>
  }

  /// - Throws: ``IndexError``, `FileError`.
  public init(path: String) throws {
    self.path = path
    let manifest = try TokenIndexManifest.read(folder: path)
    configuration = manifest.configuration
    count = manifest.documents
    tokenCount = manifest.tokens
    centroidCount = manifest.centroids
    let file = try SectionFile(path: path + "/" + manifest.file.name, kind: .tokens, expectedBytes: manifest.file.bytes)
    self.file = file
    try file.verify(where: \.isCheckedOnOpen)
    docnos = try DocnoTable(file, count: count)
    centroids = Array(try file.floats(.tokenCentroids, count: centroidCount * configuration.dimension))
    let codes = 1 << configuration.residualBits
    let levels = Array(try file.floats(.tokenResidualLevels, count: 2 * codes - 1))
    guard let codec = ResidualCodec(bits: configuration.residualBits, dimension: configuration.dimension, levels: levels) else {
      throw IndexError.corrupted(path: file.path, section: Section.tokenResidualLevels.name)
    }
    self.codec = codec
    let ends = try file.numbers(.tokenEnds, as: UInt32.self, count: count + 1)
    let offsets = try file.numbers(.tokenListOffsets, as: UInt64.self, count: centroidCount + 1)
    let residuals = try file.bytes(.tokenResiduals)
    guard residuals.count == tokenCount * configuration.residualBytes, tokenCount == 0 || centroidCount > 0 else {
      throw IndexError.corrupted(path: file.path, section: Section.tokenResiduals.name)
    }
    guard ends[0] == 0, Int(ends[count]) == tokenCount, zip(ends, ends.dropFirst()).allSatisfy(<=) else {
      throw IndexError.corrupted(path: file.path, section: Section.tokenEnds.name)
    }
    let listed = try file.bytes(.tokenLists).count / 4
    guard offsets[0] == 0, offsets[centroidCount] == UInt64(listed), zip(offsets, offsets.dropFirst()).allSatisfy(<=) else {
      throw IndexError.corrupted(path: file.path, section: Section.tokenListOffsets.name)
    }
    views = Views(
      numbers: try file.numbers(.tokenCentroidNumbers, as: UInt32.self, count: tokenCount), residuals: residuals, ends: ends,
      listOffsets: offsets, lists: try file.numbers(.tokenLists, as: UInt32.self, count: listed))
  }

  /// Reads every byte and compares all checksums.
  public func verify() throws { try file.verify { _ in true } }

  /// The best `k` documents for a query's token vectors, `[tokens * dimension]`, which are brought to unit length.
  ///
  /// Documents near no query token cannot be found: what a search leaves out is up to `options`. ``exhaustive(_:k:)`` leaves
  /// out nothing.
  ///
  /// - Throws: ``VectorIndexError`` for the query; ``IndexError`` for damage met on the way.
  public func search(_ query: [Float], k: Int, options: TokenSearchOptions = TokenSearchOptions()) throws -> TokenSearchResult {
    guard options.probes >= 1, options.candidates >= 1 else {
      throw VectorIndexError.invalidOption(
        "probes and candidates must be at least 1, found \(options.probes) and \(options.candidates)")
    }
    let unit = try prepared(query)
    let tokens = unit.count / configuration.dimension
    guard k > 0, tokens > 0, tokenCount > 0 else {
      return TokenSearchResult(documents: [], touchedDocuments: 0, scoredDocuments: 0)
    }
    let near = centroidScores(unit, tokens: tokens)
    var touched = BitSet(limit: count)
    for token in 0..<tokens {
      let own = ScoreStretch(near, token * centroidCount, centroidCount)
      for centroid in own.best(options.probes) {
        for document in views.lists[Int(views.listOffsets[centroid])..<Int(views.listOffsets[centroid + 1])] {
          guard Int(document) < count else { throw damage(.tokenLists) }
          touched.insert(Int(document))
        }
      }
    }
    let documents = touched.numbers()
    let wanted = max(k, options.candidates)
    let chosen = documents.count <= wanted
      ? documents : try bestByCentroids(documents, near, tokens: tokens, threshold: options.centroidThreshold, count: wanted)
    let scores = try exactScores(of: chosen, MaxSimQuery(tokens: unit, dimension: configuration.dimension))
    return TokenSearchResult(
      documents: try top(chosen, scores, k: k), touchedDocuments: documents.count, scoredDocuments: chosen.count)
  }

  /// The best `k` of all documents by exact MaxSim of the decompressed tokens: what ``search(_:k:options:)`` is measured against.
  public func exhaustive(_ query: [Float], k: Int) throws -> [ScoredDocument] {
    let unit = try prepared(query)
    guard k > 0, !unit.isEmpty else { return [] }
    let all = (0..<UInt32(count)).filter { views.ends[Int($0)] < views.ends[Int($0) + 1] }
    return try top(all, try exactScores(of: all, MaxSimQuery(tokens: unit, dimension: configuration.dimension)), k: k)
  }

  /// The decompressed token vectors of a document, or nil where there is none of that name.
  public func tokens(docno: String) throws -> [Float]? {
    try docnos.find(docno).map { try decompressed([UInt32($0)]).vectors }
  }

  // MARK: - Steps

  private func prepared(_ query: [Float]) throws -> [Float] {
    guard query.count % configuration.dimension == 0 else {
      throw VectorIndexError.wrongQueryDimension(found: query.count % configuration.dimension, expected: configuration.dimension)
    }
    if let position = query.firstIndex(where: { !$0.isFinite }) { throw VectorIndexError.queryNotFinite(position: position) }
    return stride(from: 0, to: query.count, by: configuration.dimension).flatMap {
      Array(query[$0..<$0 + configuration.dimension]).unitLength
    }
  }

  /// `[tokens][centroids]`
  private func centroidScores(_ query: [Float], tokens: Int) -> [Float] {
    let dimension = configuration.dimension
    return [Float](unsafeUninitializedCapacity: tokens * centroidCount) { out, used in
      centroids.withUnsafeBytes { codes in
        query.withUnsafeBufferPointer { query in
          var rows = grd_vector_rows(
            encoding: GRD_VECTOR_FLOAT32, measure: GRD_VECTOR_DOT, count: centroidCount, stride: 4 * dimension,
            codes: codes.baseAddress?.assumingMemoryBound(to: UInt8.self), scales: nil, norms: nil)
          for token in 0..<tokens {
            grd_vector_scores(
              &rows, query.baseAddress! + token * dimension, nil, 0, centroidCount, out.baseAddress! + token * centroidCount)
          }
        }
      }
      used = tokens * centroidCount
    }
  }

  /// The documents with the largest MaxSim when every token stands where its centroid is, ascending.
  private func bestByCentroids(
    _ documents: [UInt32], _ near: [Float], tokens: Int, threshold: Double?, count wanted: Int
  ) throws -> [UInt32] {
    // By centroid first: whether any query token is near enough, and the products of all query tokens side by side.
    var columns = [Float](repeating: 0, count: centroidCount * tokens)
    var isNear = [Bool](repeating: threshold == nil, count: centroidCount)
    for token in 0..<tokens {
      for centroid in 0..<centroidCount {
        let score = near[token * centroidCount + centroid]
        columns[centroid * tokens + token] = score
        if let threshold, Double(score) >= threshold { isNear[centroid] = true }
      }
    }
    var best = [Float](repeating: 0, count: tokens)
    var keys: [(score: Float, document: UInt32)] = []
    keys.reserveCapacity(documents.count)
    for document in documents {
      for token in 0..<tokens { best[token] = -2 }
      for place in Int(views.ends[Int(document)])..<Int(views.ends[Int(document) + 1]) {
        let centroid = Int(views.numbers[place])
        guard centroid < centroidCount else { throw damage(.tokenCentroidNumbers) }
        guard isNear[centroid] else { continue }
        for token in 0..<tokens { best[token] = max(best[token], columns[centroid * tokens + token]) }
      }
      // Where no token of the document is near enough, nothing is known: the least that unit vectors can have.
      keys.append((best.reduce(0) { $0 + max(-1, $1) }, document))
    }
    keys.sort { $0.score != $1.score ? $0.score > $1.score : docnos.ranks[Int($0.document)] > docnos.ranks[Int($1.document)] }
    return keys.prefix(wanted).map(\.document).sorted()
  }

  private func exactScores(of documents: [UInt32], _ query: MaxSimQuery) throws -> [Float] {
    var scores: [Float] = []
    scores.reserveCapacity(documents.count)
    let piece = 64
    for start in stride(from: 0, to: documents.count, by: piece) {
      let part = try decompressed(Array(documents[start..<min(documents.count, start + piece)]))
      scores += query.scores(of: part.vectors, ends: part.ends)
    }
    return scores
  }

  private func decompressed(_ documents: [UInt32]) throws -> (vectors: [Float], ends: [UInt32]) {
    let dimension = configuration.dimension, bytes = configuration.residualBytes
    var ends: [UInt32] = [0]
    for document in documents {
      ends.append(ends[ends.count - 1] + views.ends[Int(document) + 1] - views.ends[Int(document)])
    }
    let total = Int(ends[ends.count - 1])
    var isDamaged = false
    let vectors = [Float](unsafeUninitializedCapacity: total * dimension) { out, used in
      centroids.withUnsafeBufferPointer { centroids in
        var row = 0
        for document in documents {
          for token in Int(views.ends[Int(document)])..<Int(views.ends[Int(document) + 1]) {
            let centroid = Int(views.numbers[token])
            let known = centroid < centroidCount
            if !known { isDamaged = true }
            let first = known ? centroid * dimension : 0
            let code = UnsafeRawBufferPointer(rebasing: views.residuals[token * bytes..<(token + 1) * bytes])
            codec.decode(
              code.bindMemory(to: UInt8.self), centroid: UnsafeBufferPointer(rebasing: centroids[first..<first + dimension]),
              into: UnsafeMutableBufferPointer(rebasing: out[row * dimension..<(row + 1) * dimension]))
            row += 1
          }
        }
      }
      used = total * dimension
    }
    if isDamaged { throw damage(.tokenCentroidNumbers) }
    return (vectors, ends)
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

  private func damage(_ section: Section) -> IndexError { .corrupted(path: file.path, section: section.name) }
}

/// A stretch of scores.
private struct ScoreStretch {
  let scores: ArraySlice<Float>

  init(_ scores: [Float], _ start: Int, _ count: Int) { self.scores = scores[start..<start + count] }

  /// Places of the largest, the first among equals.
  func best(_ count: Int) -> [Int] {
    var places: [Int] = []
    for (place, score) in scores.enumerated() {
      if places.count == count, score <= scores[scores.startIndex + places[count - 1]] { continue }
      var at = places.count
      while at > 0, scores[scores.startIndex + places[at - 1]] < score { at -= 1 }
      places.insert(place, at: at)
      if places.count > count { places.removeLast() }
    }
    return places
  }
}
