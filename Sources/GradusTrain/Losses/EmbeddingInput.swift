import GradusCore
import GradusTensor

/// The vectors of a batch's queries and documents by one model.
public struct SampleEmbeddings: Sendable {
  /// `[samples, dimension]`.
  public let queries: Tensor
  /// `[samples, documents, dimension]`.
  public let documents: Tensor

  public init(queries: Tensor, documents: Tensor) {
    self.queries = queries
    self.documents = documents
  }
}

/// The vectors of a batch of samples, and the samples themselves: what an ``EmbeddingLoss`` reads.
public struct EmbeddingInput: Sendable {
  /// `[samples, dimension]`.
  public let queries: Tensor
  /// `[samples, documents, dimension]`.
  public let documents: Tensor
  /// One a row, all with the same number of documents.
  public let samples: [TrainingSample]
  /// Judgements that tell which documents of other samples are no negatives of a query; nil where the samples alone tell.
  public let qrels: Qrels?
  /// The vectors of the same texts by a frozen guide model; nil without one.
  public let guide: SampleEmbeddings?

  /// - Throws: ``LossError/emptyBatch``; ``LossError/raggedBatch(_:_:)``; ``LossError/vectorShape(expected:found:)``.
  public init(
    _ vectors: SampleEmbeddings, samples: [TrainingSample], qrels: Qrels? = nil, guide: SampleEmbeddings? = nil
  ) throws(LossError) {
    guard let first = samples.first else { throw .emptyBatch }
    for sample in samples where sample.documents.count != first.documents.count { throw .raggedBatch(first.id, sample.id) }
    for vectors in [vectors] + (guide.map { [$0] } ?? []) {
      let width = vectors.queries.shape.last ?? 0
      let expected = [[samples.count, width], [samples.count, first.documents.count, width]]
      let found = [vectors.queries.shape, vectors.documents.shape]
      guard expected == found else { throw .vectorShape(expected: expected, found: found) }
    }
    queries = vectors.queries
    documents = vectors.documents
    self.samples = samples
    self.qrels = qrels
    self.guide = guide
  }

  public var dimension: Int { queries.shape[1] }
  /// Documents of each sample.
  public var documentCount: Int { documents.shape[1] }
  var scalarType: ScalarType { queries.type }

  /// All documents one below the other, `[samples * documents, dimension]`.
  var allDocuments: Tensor { documents.reshaped(to: [samples.count * documentCount, dimension]) }

  /// Each sample's first document, `[samples, dimension]`: the positive of a pairwise sample.
  var firstDocuments: Tensor {
    documents.slice(axis: 1, from: 0, to: 1).reshaped(to: [samples.count, dimension])
  }

  /// The first `dimension` numbers of all vectors; the guide's stay whole.
  ///
  /// - Throws: ``LossError/dimension(asked:found:)``.
  public func truncated(to dimension: Int) throws(LossError) -> EmbeddingInput {
    guard (1...self.dimension).contains(dimension) else { throw .dimension(asked: dimension, found: self.dimension) }
    let vectors = SampleEmbeddings(
      queries: queries.slice(axis: 1, from: 0, to: dimension), documents: documents.slice(axis: 2, from: 0, to: dimension))
    return try EmbeddingInput(vectors, samples: samples, qrels: qrels, guide: guide)
  }

  /// - Throws: ``LossError/pairsNeeded(loss:sample:)`` where a sample is not one positive with its negatives.
  func requirePairs(for loss: any EmbeddingLoss) throws(LossError) {
    for sample in samples where sample.form != .pairwise {
      throw .pairsNeeded(loss: "\(type(of: loss))", sample: sample.id)
    }
  }

  /// Labels, `[samples, documents]` row by row, each within a range.
  func labels(for loss: any EmbeddingLoss, in range: ClosedRange<Double>) throws(LossError) -> [[Double]] {
    for sample in samples {
      for document in sample.documents where !range.contains(document.label) {
        throw .documentLabel(
          loss: "\(type(of: loss))", qid: sample.qid, docno: document.docno, label: document.label,
          expected: "from \(range.lowerBound) to \(range.upperBound)")
      }
    }
    return samples.map { $0.documents.map(\.label) }
  }

  /// A constant of the vectors' type.
  func constant(_ values: [Double], _ shape: [Int]) -> Tensor { Tensor(values, shape: shape).cast(to: scalarType) }

  func row(_ values: [Double]) -> Tensor { constant(values, [values.count]) }
}
