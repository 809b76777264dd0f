import GradusCore

/// How a late-interaction index is to be searched (PLAID: Santhanam et al., CIKM 2022).
public struct TokenSearchOptions: Sendable, Hashable {
  /// Centroids that each query token looks into: `nprobe` or `ncells` elsewhere.
  public var probes: Int
  /// Tokens whose centroid has a smaller inner product with every query token are left out of the first pass; nil for none.
  public var centroidThreshold: Double?
  /// Documents that are decompressed and scored exactly, a quarter of PLAID's `ndocs`; raised to k.
  public var candidates: Int

  public init(probes: Int = 4, centroidThreshold: Double? = 0.3, candidates: Int = 256) {
    self.probes = probes
    self.centroidThreshold = centroidThreshold
    self.candidates = candidates
  }

  /// Documents to be scored exactly where `depth` are wanted: four times as many, as PLAID does, at least 256.
  public static func candidates(depth: Int) -> Int { max(256, 4 * min(depth, 1 << 28)) }

  /// - Throws: ``VectorIndexError/invalidOption(_:)``.
  func validate() throws {
    guard probes >= 1, candidates >= 1 else {
      throw VectorIndexError.invalidOption("probes and candidates must be at least 1, found \(probes) and \(candidates)")
    }
    if let centroidThreshold, !centroidThreshold.isFinite {
      throw VectorIndexError.invalidOption("the threshold of centroids must be a number, found \(centroidThreshold)")
    }
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

  public init(documents: [ScoredDocument], touchedDocuments: Int, scoredDocuments: Int) {
    self.documents = documents
    self.touchedDocuments = touchedDocuments
    self.scoredDocuments = scoredDocuments
  }

  public func ranking(qid: String) -> Ranking { Ranking(qid: qid, alreadyOrdered: documents) }
}
