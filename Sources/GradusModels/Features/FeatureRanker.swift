import GradusCore
import GradusFormats
import GradusTensor

/// A multi-layer perceptron that scores rows of features; without hidden layers a linear ranker. Each row by itself, as in
/// allRank's fully connected part (Pobrotyn et al., 2020).
///
///     let ranker = FeatureRanker(transform: FeatureTransform(.standardise, fittedOn: training), features: 136, seed: 7)
///     let trained = ranker.reading([training, heldOut])      // a scorer for the trainer, by qid and docno
///     let run = test.run(name: "mlp", scores: try ranker.scores(test))
///
/// Layers are affine maps with ReLU and dropout between them; first weights are He's.
public struct FeatureRanker: PairScorer {
  /// The network's size.
  public struct Options: Sendable, Equatable, Codable {
    /// Widths of the hidden layers; none for a linear ranker.
    public var hidden = [64, 32]
    /// After each hidden layer, in training.
    public var dropout = 0.1

    public init() {}

    /// What is wrong with the values, or nil.
    public var contradiction: String? {
      if let bad = hidden.first(where: { !(1...65_536).contains($0) }) {
        return "a hidden layer is \(bad) wide, outside 1...65536"
      }
      return dropout >= 0 && dropout < 1 ? nil : "dropout is \(dropout), outside 0..<1"
    }
  }

  public let features: Int
  public let options: Options
  public let transform: FeatureTransform
  private let layers: [Linear]
  private var table = Table()

  /// - Parameters:
  ///   - features: Of a row.
  ///   - seed: Of the first weights.
  public init(transform: FeatureTransform, features: Int, options: Options = Options(), seed: UInt64) {
    if let reason = options.contradiction { preconditionFailure("FeatureRanker.Options: \(reason)") }
    self.features = features
    self.options = options
    self.transform = transform
    var generator = SeededGenerator(seed: seed).stream("feature ranker")
    var layers: [Linear] = []
    var inputs = features
    for (number, width) in options.hidden.enumerated() {
      layers.append(
        Linear(
          "hidden.\(number)", inputs: inputs, outputs: width, standardDeviation: (2 / Double(inputs)).squareRoot(),
          using: &generator))
      inputs = width
    }
    layers.append(
      Linear("output", inputs: inputs, outputs: 1, standardDeviation: (1 / Double(inputs)).squareRoot(), using: &generator))
    self.layers = layers
  }

  public var parameters: [Parameter] { layers.flatMap(\.parameters) }

  /// The same weights as a scorer of the rows of these collections, found by qid and docno; texts are not read.
  public func reading(_ collections: [FeatureData]) -> FeatureRanker {
    var ranker = self
    ranker.table = Table()
    for data in collections { ranker.table.add(data, transform.applied(to: data)) }
    return ranker
  }

  /// - Throws: ``FeatureModelError/unknownRow(qid:docno:)``.
  public func scores(_ batch: [ScoringPair], context: ForwardContext) throws -> Tensor {
    var values: [Float] = []
    values.reserveCapacity(batch.count * features)
    for pair in batch { values += try table.row(pair.query.qid, pair.document.docno, width: features) }
    return scores(Tensor(values, shape: [batch.count, features]), context: context)
  }

  /// `[rows, features]`, transformed, to `[rows]`.
  private func scores(_ rows: Tensor, context: ForwardContext) -> Tensor {
    let dropout = Dropout(rate: options.dropout)
    var x = rows
    for layer in layers.dropLast() { x = dropout(layer(x).relu(), context) }
    return (layers.last.map { $0(x) } ?? x).squeezed(1)
  }

  /// One score a row, without gradient; a row's score does not depend on the others.
  ///
  /// - Throws: ``FeatureModelError/features(expected:found:)``.
  public func scores(_ data: FeatureData) throws -> [Double] {
    guard data.width == features else { throw FeatureModelError.features(expected: features, found: data.width) }
    let values = transform.applied(to: data)
    let block = 4096
    return withoutGradients {
      stride(from: 0, to: data.rowCount, by: block).flatMap { start -> [Double] in
        let end = min(start + block, data.rowCount)
        let rows = Tensor(Array(values[start * features..<end * features]), shape: [end - start, features])
        return scores(rows, context: .inference).doubles()
      }
    }
  }

  /// Transformed rows by name.
  private struct Table: Sendable {
    private var rows: [String: [String: Int]] = [:]
    private var values: [Float] = []
    private var count = 0

    mutating func add(_ data: FeatureData, _ transformed: [Float]) {
      for group in data.groups {
        for row in group.rows { rows[group.qid, default: [:]][data.docnos[row]] = count + row }
      }
      values += transformed
      count += data.rowCount
    }

    func row(_ qid: String, _ docno: String, width: Int) throws -> ArraySlice<Float> {
      guard let row = rows[qid]?[docno] else { throw FeatureModelError.unknownRow(qid: qid, docno: docno) }
      return values[row * width..<(row + 1) * width]
    }
  }
}
