import GradusTensor

/// Matryoshka: the same loss of the vectors' first numbers, at several lengths, so that vectors can be cut when they are used
/// (Kusupati et al., NeurIPS 2022).
///
///     loss = sum_m weight_m base(first m numbers of all vectors)
///
///     try MatryoshkaLoss(InfoNCELoss(), dimensions: [384, 192, 96, 48])
///
/// With the full length alone it is its base. Weights are 1 unless given, as in the paper.
public struct MatryoshkaLoss: EmbeddingLoss {
  public let base: any EmbeddingLoss
  public let dimensions: [Int]
  /// Parallel to `dimensions`.
  public let weights: [Double]

  /// - Throws: ``LossError/parameter(_:found:expected:)`` for lengths below 1, none, or other weights than one above 0 a length.
  public init(_ base: any EmbeddingLoss, dimensions: [Int], weights: [Double]? = nil) throws(LossError) {
    guard let least = dimensions.min(), least >= 1 else {
      throw .parameter("dims", found: Double(dimensions.min() ?? 0), expected: "one or more lengths of at least 1")
    }
    let weights = weights ?? dimensions.map { _ in 1 }
    guard weights.count == dimensions.count else {
      throw .parameter("weights", found: Double(weights.count), expected: "one a length (\(dimensions.count))")
    }
    for weight in weights { _ = try positive("weights", weight) }
    self.base = base
    self.dimensions = dimensions
    self.weights = weights
  }

  public var couplesSamples: Bool { base.couplesSamples }
  public var needsGuide: Bool { base.needsGuide }

  /// - Throws: ``LossError/dimension(asked:found:)``, and what the base throws.
  public func perSample(_ input: EmbeddingInput) throws -> Tensor {
    var total: Tensor?
    for (dimension, weight) in zip(dimensions, weights) {
      let losses = try base.perSample(input.truncated(to: dimension))
      let term = weight == 1 ? losses : losses * weight
      total = total.map { $0 + term } ?? term
    }
    return total ?? .zeros([input.samples.count], type: input.scalarType)
  }
}
