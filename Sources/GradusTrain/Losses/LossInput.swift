import GradusTensor

/// The scores of a batch of samples, and the samples themselves.
public struct LossInput: Sendable {
  /// Logits, shape `[samples, documents]`, or `[samples, documents, logits]` for losses over several logits a document.
  public let scores: Tensor
  /// One a row, all with the same number of documents.
  public let samples: [TrainingSample]

  /// - Parameter scores: As ``scores``; a batch of pointwise samples may also come as `[samples]`.
  /// - Throws: ``LossError/emptyBatch``; ``LossError/raggedBatch(_:_:)`` where samples differ in their number of
  ///   documents; ``LossError/shape(expected:found:)``.
  public init(scores: Tensor, samples: [TrainingSample]) throws(LossError) {
    guard let documents = samples.first?.documents.count else { throw .emptyBatch }
    for sample in samples where sample.documents.count != documents {
      throw .raggedBatch(samples[0].id, sample.id)
    }
    let expected = [samples.count, documents]
    if documents == 1 && scores.shape == [samples.count] {
      self.scores = scores.reshaped(to: expected)
    } else {
      let hasSeveralLogits = scores.rank == 3 && Array(scores.shape.prefix(2)) == expected && scores.shape[2] >= 2
      guard scores.shape == expected || hasSeveralLogits else {
        throw .shape(expected: expected, found: scores.shape)
      }
      self.scores = scores
    }
    self.samples = samples
  }

  /// The documents' labels in the scores' element type, shape `[samples, documents]`.
  public var labels: Tensor { perDocument(\.label) }

  /// 1 for documents that are positive in their sample, 0 for others, shape `[samples, documents]`.
  public var positives: Tensor { perDocument { $0.isPositive ? 1 : 0 } }

  private func perDocument(_ value: (LabelledDocument) -> Double) -> Tensor {
    let values = samples.flatMap { $0.documents.map(value) }
    return Tensor(values, shape: [samples.count, samples[0].documents.count]).cast(to: scores.type)
  }

  /// - Throws: ``LossError/documentLabel(loss:qid:docno:label:expected:)`` for the first label that the loss cannot use.
  func requireLabels(
    for loss: any RankingLoss, _ expected: @autoclosure () -> String, _ isUsable: (Double) -> Bool
  ) throws(LossError) {
    for sample in samples {
      for document in sample.documents where !isUsable(document.label) {
        throw .documentLabel(
          loss: "\(type(of: loss))", qid: sample.qid, docno: document.docno, label: document.label, expected: expected())
      }
    }
  }

  /// The scores, if there is one a document.
  func singleLogits(for loss: any RankingLoss) throws(LossError) -> Tensor {
    guard scores.rank == 2 else { throw .logits(loss: "\(type(of: loss))", expected: 1, found: scores.shape[2]) }
    return scores
  }

  /// The scores, if there are `count` a document: `[samples, documents, count]`.
  func logits(_ count: Int, for loss: any RankingLoss) throws(LossError) -> Tensor {
    let found = scores.rank == 2 ? 1 : scores.shape[2]
    guard found == count else { throw .logits(loss: "\(type(of: loss))", expected: count, found: found) }
    return scores.reshaped(to: [samples.count, samples[0].documents.count, count])
  }

  /// Scores of the positives `[samples, 1]` and of the negatives `[samples, negatives]`.
  func pairs(for loss: any RankingLoss) throws(LossError) -> (positive: Tensor, negatives: Tensor) {
    let scores = try pairwiseLogits(for: loss)
    return (
      scores.slice(axis: 1, from: 0, to: 1), scores.slice(axis: 1, from: 1, to: scores.shape[1])
    )
  }

  /// The scores `[samples, 1 + negatives]`, if all samples are pairwise.
  func pairwiseLogits(for loss: any RankingLoss) throws(LossError) -> Tensor {
    for sample in samples where sample.form != .pairwise {
      throw .pairsNeeded(loss: "\(type(of: loss))", sample: sample.id)
    }
    return try singleLogits(for: loss)
  }
}
