import GradusTensor

/// A loss of "the right one among some": one target among the candidates of a row, whatever gives the rows.
///
/// As a ranking loss the candidates are a sample's documents, and a sample with several positives has the mean over them, each
/// in turn being the target among all documents. ``InBatchTargetLoss`` gives the same loss the documents of the batch.
public protocol TargetLoss: RankingLoss {
  /// Fewest candidates with which the loss has a meaning.
  var leastCandidates: Int { get }

  /// Whether the other positives of a sample are left out while one is the target, or stay among the candidates.
  var hidesOtherPositives: Bool { get }

  /// - Parameters:
  ///   - scores: `[rows, candidates]`.
  ///   - present: Which candidates there are, row by row.
  ///   - targets: A present candidate of each row.
  /// - Returns: `[rows]`.
  func values(_ scores: Tensor, present: [[Bool]], targets: [Int]) throws -> Tensor
}

extension TargetLoss {
  public var hidesOtherPositives: Bool { false }

  public func perSample(_ input: LossInput) throws -> Tensor {
    let scores = try input.listLogits(for: self)
    let rows = TargetRows(input.samples, hidesOtherPositives: hidesOtherPositives)
    for (row, sample) in zip(rows.present, rows.samples) {
      let found = row.count { $0 }
      guard found >= leastCandidates else {
        throw LossError.tooFewCandidates(
          loss: "\(Self.self)", sample: input.samples[sample].id, found: found, least: leastCandidates)
      }
    }
    guard !rows.targets.isEmpty else { return scores.sum(axes: [1]) * 0 }
    let picked = scores.indexSelect(rows.sampleIndices)
    let values = try values(picked, present: rows.present, targets: rows.targets)
    return rows.meanPerSample(values)
  }
}

/// One row for each positive of each sample.
struct TargetRows {
  /// The sample of each row.
  private(set) var samples: [Int] = []
  private(set) var targets: [Int] = []
  private(set) var present: [[Bool]] = []
  private let weights: [Double]
  private let sampleCount: Int

  init(_ samples: [TrainingSample], hidesOtherPositives: Bool) {
    var weights: [Double] = []
    for (number, sample) in samples.enumerated() {
      let positives = sample.documents.indices.filter { sample.documents[$0].isPositive }
      for target in positives {
        self.samples.append(number)
        targets.append(target)
        present.append(sample.documents.indices.map { $0 == target || !hidesOtherPositives || !sample.documents[$0].isPositive })
        weights.append(1 / Double(positives.count))
      }
    }
    self.weights = weights
    sampleCount = samples.count
  }

  var sampleIndices: Tensor { Tensor(indices: samples.map(Int32.init), shape: [samples.count]) }

  /// The mean of each sample's rows; 0 for a sample without a positive.
  func meanPerSample(_ values: Tensor) -> Tensor {
    let weighted = values * Tensor(weights, shape: [weights.count]).cast(to: values.type)
    return weighted.indexAdded(sampleIndices, extent: sampleCount)
  }
}

extension Array where Element == [Bool] {
  /// 1 and 0 as numbers, `[rows, columns]`.
  func numbers(_ type: ScalarType) -> Tensor {
    Tensor(flatMap { $0.map { $0 ? 1.0 : 0 } }, shape: [count, first?.count ?? 0]).cast(to: type)
  }

  var counts: [Double] { map { Double($0.count { $0 }) } }
}

extension Tensor {
  /// One element of each row, `[rows]`.
  func picked(_ columns: [Int]) -> Tensor {
    gather(Tensor(indices: columns.map(Int32.init), shape: [columns.count, 1]), axis: 1).reshaped(to: [columns.count])
  }
}

/// A ``TargetLoss`` of a bi-encoder: each query's positive is the target among all documents of the batch that are no other
/// relevant ones of the query (``EmbeddingLoss`` says which). Similarities are cosines unless chosen otherwise.
///
///     try InBatchTargetLoss(ZLoss(a: 1, b: 5))
public struct InBatchTargetLoss: EmbeddingLoss {
  public let loss: any TargetLoss
  public let similarity: Similarity

  public init(_ loss: any TargetLoss, similarity: Similarity = .cosine) {
    self.loss = loss
    self.similarity = similarity
  }

  public var couplesSamples: Bool { true }

  /// - Throws: ``LossError/pairsNeeded(loss:sample:)``, ``LossError/tooFewCandidates(loss:sample:found:least:)``.
  public func perSample(_ input: EmbeddingInput) throws -> Tensor {
    try input.requirePairs(for: self)
    let width = input.documentCount
    let present = input.relations.rows.enumerated().map { own, row in
      row.enumerated().map { column, relation in column == own * width || relation == .negative }
    }
    for (row, sample) in zip(present, input.samples) {
      let found = row.count { $0 }
      let least = max(2, loss.leastCandidates)
      guard found >= least else {
        throw LossError.tooFewCandidates(loss: "\(type(of: loss))", sample: sample.id, found: found, least: least)
      }
    }
    return try loss.values(
      similarity.matrix(input.queries, input.allDocuments), present: present,
      targets: input.samples.indices.map { $0 * width })
  }
}
