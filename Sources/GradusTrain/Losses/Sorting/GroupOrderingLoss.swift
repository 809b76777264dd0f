import GradusTensor

/// GroCo's group ordering: whether a differentiable sorting network brings all positives above the nearest negatives (Shvetsova
/// et al., ICCV 2023, arXiv 2301.02009).
///
///     v    = [the `negatives` largest negatives ascending, all positives ascending],  n = their number
///     X    = soft permutation of v (inputs by ranks),   p_i = sum over the ranks of the positives' block of X_i
///     loss = (1 / n) sum_i BCE(p_i, 1 for a positive and 0 for a negative)
///
/// The order within a group does not matter. With the Cauchy function at steepness 1 and numbers within [-1, 1] the loss stays
/// far above 0 even at its best (0.159680 for one positive and one negative). Lists with fewer negatives use those that there
/// are. 0 for a list without a positive or without a negative.
///
///     try GroupOrderingLoss(negatives: 1)   // positive 0.9, negative 0.1: 0.335785
public struct GroupOrderingLoss: RankingLoss, Equatable {
  /// Negatives that are sorted with the positives: the nearest ones.
  public let negatives: Int
  public let steepness: Double
  public let cdf: DifferentiableSortingNetwork.CDF

  /// - Throws: ``LossError/notPositive(parameter:found:)``.
  public init(
    negatives: Int = 10, steepness: Double = 1, cdf: DifferentiableSortingNetwork.CDF = .cauchy
  ) throws(LossError) {
    guard negatives >= 1 else { throw .notPositive(parameter: "negatives", found: Double(negatives)) }
    self.negatives = negatives
    self.steepness = try positive("steepness", steepness)
    self.cdf = cdf
  }

  /// - Throws: ``LossError/networkSize(_:expected:)`` for lists with too many positives to sort.
  public func perSample(_ input: LossInput) throws -> Tensor {
    let scores = try input.listLogits(for: self)
    return try perRow(scores, groups: input.samples.map { $0.documents.map { $0.isPositive } })
  }

  /// - Parameters:
  ///   - scores: `[rows, candidates]`.
  ///   - groups: True for positives, false for negatives, nil for candidates that are left out.
  func perRow(_ scores: Tensor, groups: [[Bool?]]) throws -> Tensor {
    struct Size: Hashable {
      let positives: Int
      let negatives: Int
    }
    // Rows with equally many positives and negatives go through one network.
    var order: [Size] = []
    var rowsOf: [Size: [Int]] = [:]
    for (row, group) in groups.enumerated() {
      let size = Size(positives: group.count { $0 == true }, negatives: group.count { $0 == false })
      if rowsOf[size] == nil { order.append(size) }
      rowsOf[size, default: []].append(row)
    }
    // Zeros that belong to the scores: a batch with nothing to order has a gradient, of zeros.
    var total = scores.sum(axes: [1]) * 0
    for size in order where size.positives > 0 && size.negatives > 0 {
      let rows = rowsOf[size] ?? []
      func columns(_ group: Bool) -> Tensor {
        let indices = rows.flatMap { row in groups[row].indices.filter { groups[row][$0] == group }.map(Int32.init) }
        return Tensor(indices: indices, shape: [rows.count, group ? size.positives : size.negatives])
      }
      let rowIndices = Tensor(indices: rows.map(Int32.init), shape: [rows.count])
      let own = scores.indexSelect(rowIndices)
      let values = try losses(positives: own.gather(columns(true), axis: 1), negatives: own.gather(columns(false), axis: 1))
      total = total + values.indexAdded(rowIndices, extent: groups.count)
    }
    return total
  }

  /// - Parameters:
  ///   - positives: `[rows, P]`.
  ///   - negatives: `[rows, N]`.
  /// - Returns: `[rows]`.
  func losses(positives: Tensor, negatives: Tensor) throws(LossError) -> Tensor {
    let kept = min(self.negatives, negatives.shape[1])
    let count = kept + positives.shape[1]
    let nearest = negatives.sorted().values.slice(axis: 1, from: negatives.shape[1] - kept, to: negatives.shape[1])
    let values = concatenated([nearest, positives.sorted().values], axis: 1)
    let network = try DifferentiableSortingNetwork(size: count, cdf: cdf, steepness: steepness)
    let shares = network(values).permutation.slice(axis: 2, from: kept, to: count).sum(axes: [2])
    // As the official code: logarithms end at -100 (in single precision at its smallest number).
    let least = values.type == .float32 ? Double(Float.leastNormalMagnitude) : 3.720075976020836e-44
    let targets = Tensor((0..<count).map { $0 < kept ? 0.0 : 1 }, shape: [1, count]).cast(to: values.type)
    let logarithms = targets * shares.clamp(least, 1).log() + (1 - targets) * (1 - shares).clamp(least, 1).log()
    return -logarithms.mean(axes: [1])
  }
}

/// ``GroupOrderingLoss`` of a bi-encoder's cosines: the positives of a query and its relevant documents of the batch above the
/// nearest documents of the batch that are not relevant for it.
///
///     try InBatchGroupOrderingLoss(GroupOrderingLoss(negatives: 10), stopsGradient: true)
public struct InBatchGroupOrderingLoss: EmbeddingLoss, Equatable {
  public let loss: GroupOrderingLoss
  /// Whether only the queries learn, as in the paper, where every view is once the anchor. Documents of a search have no such
  /// turn, so that they learn, too, unless this is set.
  public let stopsGradient: Bool

  public init(_ loss: GroupOrderingLoss, stopsGradient: Bool = false) {
    self.loss = loss
    self.stopsGradient = stopsGradient
  }

  public var couplesSamples: Bool { true }

  public func perSample(_ input: EmbeddingInput) throws -> Tensor {
    let documents = stopsGradient ? input.allDocuments.detached() : input.allDocuments
    let groups = input.relations.rows.map { row in
      row.map { relation -> Bool? in
        switch relation {
        case .relevant: true
        case .negative: false
        case .ignored: nil
        }
      }
    }
    return try loss.perRow(Similarity.cosine.matrix(input.queries, documents), groups: groups)
  }
}
