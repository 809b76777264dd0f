import GradusCore

/// What flows from stage to stage once documents were retrieved: a query and its one ordered list.
///
///     let list = try RankedList(query: query, scoreKind: .bm25, documents: hits)
///     list.documents.first?.docno
///
/// Always ordered by the tie rule (`ScoredDocument.precedes`), without duplicates, with finite scores. A list may carry a
/// vector of features for each document, which a later stage reads.
public struct RankedList: Sendable, Equatable {
  public let query: Query
  /// What the scores mean; `unknown` where scores of different kinds were put together.
  public let scoreKind: ScoreKind
  /// Best first.
  public let documents: [ScoredDocument]
  /// Names of the features, empty where there are none.
  public let featureNames: [String]
  /// For each of ``documents`` its features, as many as there are names; empty where there are no features.
  public let features: [[Double]]

  /// Orders the documents.
  ///
  /// - Parameter features: Parallel to `documents` as given.
  /// - Throws: ``PipelineError/notFinite(stage:qid:docno:)``, ``PipelineError/duplicateDocument(stage:qid:docno:)``.
  public init(
    query: Query, scoreKind: ScoreKind, documents: [ScoredDocument], featureNames: [String] = [], features: [[Double]] = [],
    stage: String = "list"
  ) throws(PipelineError) {
    precondition(
      featureNames.isEmpty ? features.isEmpty : features.count == documents.count, "one vector of features for each document")
    for (position, document) in documents.enumerated() {
      guard document.score.isFinite, featureNames.isEmpty || features[position].allSatisfy(\.isFinite) else {
        throw .notFinite(stage: stage, qid: query.qid, docno: document.docno)
      }
    }
    // Names by their bytes: `String` merges canonically equivalent ones.
    var seen: Set<[UInt8]> = []
    seen.reserveCapacity(documents.count)
    for document in documents where !seen.insert(Array(document.docno.utf8)).inserted {
      throw .duplicateDocument(stage: stage, qid: query.qid, docno: document.docno)
    }
    let isOrdered = zip(documents, documents.dropFirst()).allSatisfy { ScoredDocument.precedes($0, $1) }
    let order = isOrdered
      ? Array(documents.indices) : documents.indices.sorted { ScoredDocument.precedes(documents[$0], documents[$1]) }
    self.init(
      query: query, scoreKind: scoreKind, ordered: isOrdered ? documents : order.map { documents[$0] },
      featureNames: featureNames, features: features.isEmpty || isOrdered ? features : order.map { features[$0] })
  }

  /// Takes what is checked and ordered already.
  init(
    query: Query, scoreKind: ScoreKind, ordered documents: [ScoredDocument], featureNames: [String] = [],
    features: [[Double]] = []
  ) {
    self.query = query
    self.scoreKind = scoreKind
    self.documents = documents
    self.featureNames = featureNames
    self.features = features
  }

  /// The list without what only stages need.
  public var ranking: Ranking { Ranking(qid: query.qid, alreadyOrdered: documents) }

  /// The best `depth` documents; all of them where there are fewer.
  public func prefix(_ depth: Int) -> RankedList { keeping(Array(documents.indices.prefix(max(0, depth)))) }

  /// The documents at these ascending positions.
  func keeping(_ positions: [Int]) -> RankedList {
    if positions.count == documents.count { return self }
    return RankedList(
      query: query, scoreKind: scoreKind, ordered: positions.map { documents[$0] }, featureNames: featureNames,
      features: features.isEmpty ? [] : positions.map { features[$0] })
  }
}
