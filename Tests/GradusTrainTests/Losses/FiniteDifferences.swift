import GradusCore
import GradusTensor
import GradusTrain
import Testing

/// Checks the gradient of `sum(weights x f(inputs))` with respect to every element of every input, in Double.
func expectGradients(
  _ inputs: [Tensor], within tolerance: Double = 1e-6, _ note: String = "", sourceLocation: SourceLocation = #_sourceLocation,
  _ f: ([Tensor]) throws -> Tensor
) throws {
  var generator = SeededGenerator(seed: 77)
  let outputs = try f(inputs)
  let upstream = Tensor.uniform(outputs.shape, low: 0.5, high: 1.5, type: .float64, using: &generator)
  func total(_ values: [Tensor]) throws -> Double { (try f(values) * upstream).sum().item() }
  let leaves = inputs.map { $0.tracked() }
  let found = try gradients(of: (try f(leaves) * upstream).sum(), withRespectTo: leaves)
  let step = 1e-6
  var isZero = true
  for (number, input) in inputs.enumerated() {
    let values = input.doubles()
    let gradient = found[number].doubles()
    for position in values.indices {
      func moved(_ by: Double) throws -> Double {
        var changed = values
        changed[position] += by
        var all = inputs
        all[number] = Tensor(changed, shape: input.shape)
        return try total(all)
      }
      let difference = (try moved(step) - moved(-step)) / (2 * step)
      #expect(
        approximately(gradient[position], difference, within: tolerance * max(1, abs(difference))),
        "\(note) input \(number) at \(position): \(gradient[position]), differences \(difference)",
        sourceLocation: sourceLocation)
      if gradient[position] != 0 { isZero = false }
    }
  }
  #expect(!isZero, "\(note): no gradient anywhere", sourceLocation: sourceLocation)
}

/// Vectors and samples for losses over vectors: `count` pairs of different queries, two negatives each.
struct VectorFixture {
  var queries: Tensor
  var documents: Tensor
  var samples: [TrainingSample]

  init(_ count: Int = 4, negatives: Int = 2, dimension: Int = 4, seed: UInt64 = 3) {
    var generator = SeededGenerator(seed: seed)
    queries = .normal([count, dimension], type: .float64, using: &generator)
    documents = .normal([count, 1 + negatives, dimension], type: .float64, using: &generator)
    samples = (0..<count).map { number in
      .pairwise(qid: "q\(number)", positive: "p\(number)", negatives: (0..<negatives).map { "n\(number)-\($0)" })
    }
  }

  init(queries: [[Double]], documents: [[[Double]]], samples: [TrainingSample]) {
    self.queries = Tensor(queries.flatMap { $0 }, shape: [queries.count, queries[0].count])
    self.documents = Tensor(
      documents.flatMap { $0.flatMap { $0 } }, shape: [documents.count, documents[0].count, documents[0][0].count])
    self.samples = samples
  }

  func input(_ queries: Tensor? = nil, _ documents: Tensor? = nil, qrels: Qrels? = nil, guide: SampleEmbeddings? = nil) throws
    -> EmbeddingInput
  {
    try EmbeddingInput(
      SampleEmbeddings(queries: queries ?? self.queries, documents: documents ?? self.documents), samples: samples, qrels: qrels,
      guide: guide)
  }

  func values(_ loss: any EmbeddingLoss, qrels: Qrels? = nil, guide: SampleEmbeddings? = nil) throws -> [Double] {
    try loss.perSample(input(qrels: qrels, guide: guide)).doubles()
  }
}

/// Per-sample values of a loss over scores.
func perSample(_ loss: any RankingLoss, _ scores: [[Double]], _ samples: [TrainingSample]) throws -> [Double] {
  try loss.perSample(
    LossInput(scores: Tensor(scores.flatMap { $0 }, shape: [scores.count, scores[0].count]), samples: samples)
  ).doubles()
}

/// A list of documents "0", "1", ... with these labels; positive above 0.
func list(_ labels: [Double], qid: String = "q") -> TrainingSample {
  .listwise(qid: qid, documents: labels.enumerated().map {
    LabelledDocument(docno: "\($0.offset)", label: $0.element, isPositive: $0.element > 0)
  })
}
