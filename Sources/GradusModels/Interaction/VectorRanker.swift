import GradusCore
import GradusTensor

/// A ranker of vectors that are at hand: the cosine of query and document after a trained linear map on either side.
///
///     score = scale * cos(A q, B d)
///
/// Both maps start as the identity, so that the untrained ranker ranks as the vectors do. With vectors of a frozen encoder it
/// trains in seconds, which makes it the scorer of experiments with many arms and seeds.
///
///     let ranker = VectorRanker(queries: ["q1": v], documents: ["d1": w], scale: 20)
///
/// Pairs are looked up by qid and docno; their texts are not read.
public struct VectorRanker: PairScorer {
  public let scale: Double
  private let queryRows: [String: Int32]
  private let documentRows: [String: Int32]
  private let queries: Tensor
  private let documents: Tensor
  private let queryMap: Parameter
  private let documentMap: Parameter

  /// - Parameters:
  ///   - queries: A vector for each qid, all of one length; kept as constants.
  ///   - documents: A vector of the same length for each docno.
  ///   - scale: The cosine is multiplied by it: the inverse of a temperature.
  public init(queries: [String: [Float]], documents: [String: [Float]], scale: Double = 20) {
    self.init(queries: VectorTable(queries), documents: VectorTable(documents), scale: scale)
  }

  /// With tables that several rankers share.
  public init(queries: VectorTable, documents: VectorTable, scale: Double = 20) {
    precondition(queries.width == documents.width, "query and document vectors must have the same length")
    self.scale = scale
    queryRows = queries.rows
    documentRows = documents.rows
    self.queries = queries.tensor
    self.documents = documents.tensor
    let width = queries.width
    var identity = [Float](repeating: 0, count: width * width)
    for position in 0..<width { identity[position * width + position] = 1 }
    queryMap = Parameter("query.weight", Tensor(identity, shape: [width, width]))
    documentMap = Parameter("document.weight", Tensor(identity, shape: [width, width]))
  }

  public var parameters: [Parameter] { [queryMap, documentMap] }

  /// - Throws: ``VectorRankerError``.
  public func scores(_ batch: [ScoringPair], context: ForwardContext) throws -> Tensor {
    try features(batch).sum(axes: [1]) * scale
  }

  /// Products of the unit vectors' parts, `[pairs, width]`, whose sum is the cosine: for further heads on the same features.
  ///
  /// - Throws: ``VectorRankerError``.
  public func features(_ batch: [ScoringPair]) throws -> Tensor {
    let queryPlaces = try places(batch.map(\.query.qid), in: queryRows) { .unknownQuery($0) }
    let documentPlaces = try places(batch.map(\.document.docno), in: documentRows) { .unknownDocument($0) }
    let q = mapped(queries, queryPlaces.rows, queryMap).indexSelect(queryPlaces.order)
    let d = mapped(documents, documentPlaces.rows, documentMap).indexSelect(documentPlaces.order)
    return q * d
  }

  private func mapped(_ table: Tensor, _ rows: Tensor, _ map: Parameter) -> Tensor {
    linear(table.indexSelect(rows), weight: map.value, bias: nil).normalized()
  }

  /// The different rows of a batch in order of appearance, and for each pair its place among them: each vector is mapped once.
  private func places(
    _ names: [String], in rows: [String: Int32], _ error: (String) -> VectorRankerError
  ) throws -> (rows: Tensor, order: Tensor) {
    var place: [String: Int32] = [:]
    var different: [Int32] = []
    var order: [Int32] = []
    for name in names {
      if let known = place[name] {
        order.append(known)
        continue
      }
      guard let row = rows[name] else { throw error(name) }
      place[name] = Int32(different.count)
      order.append(Int32(different.count))
      different.append(row)
    }
    return (Tensor(indices: different, shape: [different.count]), Tensor(indices: order, shape: [order.count]))
  }
}

/// Vectors of equal length by name.
public struct VectorTable: Sendable {
  let rows: [String: Int32]
  let tensor: Tensor
  public var width: Int { tensor.shape[1] }

  /// - Parameter vectors: At least one, all of one length.
  public init(_ vectors: [String: [Float]]) {
    let names = vectors.keys.sorted()
    precondition(Set(vectors.values.map(\.count)).count == 1, "the vectors of a table must have one length")
    rows = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, Int32($0)) })
    tensor = Tensor(names.flatMap { vectors[$0] ?? [] }, shape: [names.count, vectors.first?.value.count ?? 0])
  }

  private init(rows: [String: Int32], tensor: Tensor) {
    self.rows = rows
    self.tensor = tensor
  }

  /// The same vectors by other names: of each pair the new name, then one that is known.
  public func selecting(_ names: [(name: String, known: String)]) -> VectorTable {
    VectorTable(
      rows: Dictionary(
        names.compactMap { name, known in rows[known].map { (name, $0) } }, uniquingKeysWith: { first, _ in first }),
      tensor: tensor)
  }

  /// Whether there is a vector of this name.
  public func contains(_ name: String) -> Bool { rows[name] != nil }
}

/// A pair without a vector.
public enum VectorRankerError: GradusError, Equatable {
  case unknownQuery(String)
  case unknownDocument(String)

  public var failureKind: FailureKind { .badData }

  public var description: String {
    switch self {
    case .unknownQuery(let qid): "query \(qid) has no vector; give the ranker vectors of all queries"
    case .unknownDocument(let docno): "document \(docno) has no vector; give the ranker vectors of all documents"
    }
  }
}

extension VectorRanker {
  /// The documents of highest score for each query, best first; equal scores in the order of names.
  ///
  /// - Throws: ``VectorRankerError/unknownQuery(_:)``.
  /// - Complexity: O(queries x documents x (width + log documents)).
  public func nearest(_ qids: [String], count: Int) throws -> [[String]] {
    let rows = try qids.map { qid in
      guard let row = queryRows[qid] else { throw VectorRankerError.unknownQuery(qid) }
      return row
    }
    guard !rows.isEmpty else { return [] }
    let names = documentRows.sorted { $0.value < $1.value }.map(\.key)
    return withoutGradients {
      let all = linear(documents, weight: documentMap.value, bias: nil).normalized()
      // A block's scores fit in memory whatever the number of queries.
      return stride(from: 0, to: rows.count, by: 128).flatMap { start -> [[String]] in
        let block = Array(rows[start..<min(start + 128, rows.count)])
        let q = mapped(queries, Tensor(indices: block, shape: [block.count]), queryMap)
        let best = matmul(q, all, transposeB: true).topK(min(count, names.count)).indices.indices()
        let width = min(count, names.count)
        return block.indices.map { row in best[row * width..<(row + 1) * width].map { names[Int($0)] } }
      }
    }
  }
}
