import GradusTensor

/// SuSana's ICNN score: how well nearest neighbours respect the classes of some points, from 0 to 1 (Mendez-Ruiz et al., 2023,
/// arXiv 2305.09062). Also a measure of any embedding space, without training.
///
///     let value = try ICNNScore(k: 4).value(points, labels: topics).score
///
/// For each origin the `depth` nearest targets are looked at, the k nearest of them counted. With r their distances
/// `sqrt(|x - y|^2 + 1e-6)` and "same" for targets of the origin's class:
///
///     same side   distances over that of the nearest other-class target, over the largest of the k where that is above 1;
///                 lambda_same = 1 - mean over origins of their mean over same-class neighbours
///     other side  distances over the largest of all other-class neighbours';  lambda_diff = mean of their means, 1 without any
///     gamma       mean share of same-class targets among the k
///     score       ((lambda_same + lambda_diff) / 2 + gamma) / 2
///
/// As the authors' training code, with two exceptions: an origin set without any same-class neighbour has lambda_same 0, where
/// the code gives 1; and classes are told by their labels, where the code takes a distance of 0 for "the same class".
public struct ICNNScore: Sendable, Equatable {
  /// Neighbours that count.
  public let k: Int
  /// Neighbours among which the nearest of another class is looked for; nil for k + 1.
  public let depth: Int?
  /// Adds the original score's `omega = 1 - (variance of the same side + variance of the other side)` as a third part of lambda
  /// and gamma: `(lambda + gamma + omega) / 3`.
  public let usesOmega: Bool

  /// - Throws: ``LossError/notPositive(parameter:found:)``.
  public init(k: Int = 4, depth: Int? = nil, usesOmega: Bool = false) throws(LossError) {
    guard k >= 1 else { throw .notPositive(parameter: "k", found: Double(k)) }
    if let depth, depth < k { throw .parameter("depth", found: Double(depth), expected: "at least k, \(k)") }
    self.k = k
    self.depth = depth
    self.usesOmega = usesOmega
  }

  /// The score with its three factors.
  public struct Value {
    /// With gradient, shape `[]`.
    public let score: Tensor
    public let lambdaSame: Tensor
    public let lambdaDifferent: Tensor
    /// Piecewise constant: without gradient.
    public let gamma: Double
  }

  /// - Parameters:
  ///   - origins: `[origins, d]`.
  ///   - targets: `[targets, d]`; nil for the origins themselves, each of which is then no neighbour of its own.
  /// - Throws: ``LossError/episode(loss:reason:)`` for fewer than three targets or a single class.
  public func value(
    _ origins: Tensor, labels: [Int], targets: Tensor? = nil, targetLabels: [Int]? = nil
  ) throws(LossError) -> Value {
    let otherLabels = targetLabels ?? labels
    guard Set(otherLabels).count >= 2 else {
      throw .episode(loss: "ICNN", reason: "all points are of one class; at least 2 are needed")
    }
    let isOneSet = targets == nil
    return try value(origins, targets: targets ?? origins) { origin, target in
      isOneSet && origin == target ? nil : labels[origin] == otherLabels[target]
    }
  }

  /// - Parameter isSame: Whether a target is of an origin's class; nil for a target that is no neighbour of the origin at all.
  func value(_ origins: Tensor, targets: Tensor, isSame relation: (Int, Int) -> Bool?) throws(LossError) -> Value {
    let count = origins.shape[0], total = targets.shape[0]
    guard total >= 3 else {
      throw .episode(loss: "ICNN", reason: "\(total) points have no neighbourhoods; at least 3 are needed")
    }
    let countsAll = self.k + 2 >= total
    let neighbours = (0..<count).map { row in (0..<total).filter { relation(row, $0) != nil } }
    let limit = neighbours.map(\.count).min() ?? 0
    let k = min(countsAll ? total - 2 : self.k, limit)
    guard k >= 1 else { throw .episode(loss: "ICNN", reason: "a point has no neighbour to be compared with") }
    let depth = min(max(self.depth ?? k + 1, k), limit)

    let differences = origins.expandingDims(at: 1) - targets.expandingDims(at: 0)
    let distances = (differences.square().sum(axes: [2]) + 1e-6).sqrt()
    let values = distances.doubles()
    guard values.allSatisfy(\.isFinite) else { throw .episode(loss: "ICNN", reason: "a vector is not finite") }
    var columns: [Int32] = []
    var isSame: [Bool] = []
    for row in 0..<count {
      let order = neighbours[row].sorted { first, second in
        let (a, b) = (values[row * total + first], values[row * total + second])
        return a != b ? a < b : first < second
      }
      for column in order.prefix(depth) {
        columns.append(Int32(column))
        isSame.append(relation(row, column) ?? false)
      }
    }
    let nearest = distances.gather(Tensor(indices: columns, shape: [count, depth]), axis: 1)
    return score(nearest, isSame: isSame, k: k, depth: depth, count: count, countsAll: countsAll)
  }

  private func score(_ nearest: Tensor, isSame: [Bool], k: Int, depth: Int, count: Int, countsAll: Bool) -> Value {
    let type = nearest.type
    let within = nearest.slice(axis: 1, from: 0, to: k)
    func same(_ row: Int, _ place: Int) -> Bool { isSame[row * depth + place] }
    let sameMask = (0..<count).map { row in (0..<k).map { same(row, $0) } }
    let differentMask = sameMask.map { $0.map { !$0 } }

    // The nearest of another class among `depth`; where there is none, all ratios are 0.
    let nearestOther = (0..<count).map { row in (0..<depth).first { !same(row, $0) } }
    let otherDistance = nearest.picked(nearestOther.map { $0 ?? 0 }).expandingDims(at: 1) + 1e-7
    let hasOther = Tensor(nearestOther.map { $0 == nil ? 0.0 : 1 }, shape: [count, 1]).cast(to: type)
    let ratios = within / otherDistance * hasOther
    let v = ratios / ratios.max(axes: [1], keepDims: true).clamp(1, .greatestFiniteMagnitude)
    let (sameSide, sameRows) = meanOfMeans(v, sameMask)
    let lambdaSame = sameRows > 0 ? 1 - sameSide : Tensor.zeros([], type: type)

    let (differentSide, differentRows, u) = otherSide(within, differentMask)
    let lambdaDifferent = differentRows > 0 ? differentSide : Tensor.ones([], type: type)

    let gamma = countsAll
      ? 1 : Double(sameMask.reduce(0) { $0 + $1.count { $0 } }) / Double(count * k)
    let lambda = (lambdaSame + lambdaDifferent) / 2
    let score = usesOmega
      ? (lambda + gamma + (1 - (variance(v, sameMask) + variance(u, differentMask)))) / 3 : (lambda + gamma) / 2
    return Value(score: score, lambdaSame: lambdaSame, lambdaDifferent: lambdaDifferent, gamma: gamma)
  }

  private func otherSide(_ within: Tensor, _ mask: [[Bool]]) -> (mean: Tensor, rows: Int, values: Tensor) {
    guard mask.contains(where: { $0.contains(true) }) else { return (.zeros([], type: within.type), 0, within) }
    let kept = within * mask.numbers(within.type)
    let u = kept / kept.max()
    let (mean, rows) = meanOfMeans(u, mask)
    return (mean, rows, u)
  }

  /// The mean of each row over its mask, then the mean over the rows that have any.
  private func meanOfMeans(_ values: Tensor, _ mask: [[Bool]]) -> (mean: Tensor, rows: Int) {
    let rows = mask.count { $0.contains(true) }
    guard rows > 0 else { return (.zeros([], type: values.type), 0) }
    let weights = mask.flatMap { row -> [Double] in
      let members = Double(row.count { $0 })
      return row.map { $0 ? 1 / (members * Double(rows)) : 0 }
    }
    return ((values * Tensor(weights, shape: values.shape).cast(to: values.type)).sum(), rows)
  }

  /// Of the values under the mask, all together.
  private func variance(_ values: Tensor, _ mask: [[Bool]]) -> Tensor {
    let members = mask.reduce(0) { $0 + $1.count { $0 } }
    guard members > 0 else { return .zeros([], type: values.type) }
    let weights = mask.numbers(values.type) / Double(members)
    let mean = (values * weights).sum()
    return ((values - mean).square() * weights).sum()
  }
}

/// `-log` of the ``ICNNScore`` of a batch: one number a batch, which every sample has as its value.
///
/// Points and classes are those of ``ProtoTripletLoss``: without `shots` queries are the origins and documents the targets, and
/// "same class" is "relevant for the query"; with `shots` all documents of an episode are both (the code's `fullicnn`).
///
///     try ICNNLoss(ICNNScore(k: 4), shots: 5)
public struct ICNNLoss: EmbeddingLoss, Equatable {
  public let score: ICNNScore
  /// Whether the documents of an episode are compared with each other, and not with the queries.
  public let isEpisodic: Bool

  public init(_ score: ICNNScore, isEpisodic: Bool = false) {
    self.score = score
    self.isEpisodic = isEpisodic
  }

  public var couplesSamples: Bool { true }

  /// - Throws: ``LossError/episode(loss:reason:)``.
  public func perSample(_ input: EmbeddingInput) throws -> Tensor {
    let classes = try EpisodeClasses(input, loss: "\(Self.self)")
    let value: ICNNScore.Value
    if isEpisodic {
      let documentClasses = classes.ofSample.flatMap { [Int](repeating: $0, count: input.documentCount) }
      value = try score.value(input.allDocuments, labels: documentClasses)
    } else {
      let relations = input.relations.rows
      value = try score.value(input.queries, targets: input.allDocuments) { query, document in
        relations[query][document] == .ignored ? nil : relations[query][document] == .relevant
      }
    }
    return -value.score.log() + Tensor.zeros([input.samples.count], type: input.scalarType)
  }
}
