import GradusTensor

/// What CoSENT and AnglE share: every pair of texts of the batch shall be more alike than those with a lower label.
///
///     loss = log( 1 + sum over label_m > label_n of exp(scale (s_n - s_m)) )
///
/// over all (query, document) pairs m, n of the batch. That is one number a batch: every sample has it as its value, so that
/// weights scale the step and choose nothing within it.
func pairOrderLoss(_ similarities: Tensor, labels: [Double], scale: Double) -> Tensor {
  let count = labels.count
  let flat = similarities.reshaped(to: [1, count]) * scale
  // Row m, column n: s_n - s_m where label_m > label_n.
  let differences = flat - flat.transposed()
  let mask = labels.flatMap { above in labels.map { above > $0 } }
  let kept = differences.keeping(mask).reshaped(to: [count * count])
  // The 1 of the logarithm is one more term, exp(0).
  return concatenated([kept, .zeros([1], type: similarities.type)], axis: 0).logSumExp()
}

/// CoSENT: cosines in the order of the labels (Su, 2022); sentence-transformers' CoSENTLoss.
///
///     loss = log( 1 + sum over label_m > label_n of exp(scale (cos_n - cos_m)) )
///
/// The sum runs over all (query, document) pairs of the batch; labels are any numbers. All samples of a batch have its one value.
public struct CoSENTLoss: EmbeddingLoss, Equatable {
  /// The inverse of a temperature.
  public let scale: Double

  /// - Throws: ``LossError/notPositive(parameter:found:)``.
  public init(scale: Double = 20) throws(LossError) { self.scale = try positive("scale", scale) }

  public var couplesSamples: Bool { true }

  public func perSample(_ input: EmbeddingInput) throws -> Tensor {
    let labels = try input.labels(for: self, in: -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude)
    let cosines = Similarity.cosine.ofOwn(input.queries, input.documents)
    return pairOrderLoss(cosines, labels: labels.flatMap { $0 }, scale: scale)
      + Tensor.zeros([labels.count], type: input.scalarType)
  }
}

/// AnglE: as ``CoSENTLoss``, by the angle between two vectors that are read as complex numbers, whose gradient does not vanish
/// where a cosine is near 1 or -1 (Li and Li, ACL 2024, arXiv 2309.12871).
///
/// The first half of a vector are the real parts, the second half the imaginary ones. With `z = q / d`, element by element and
/// brought to the lengths of the vectors, the similarity is `|sum of all real and imaginary parts of z|`: the official code's and
/// sentence-transformers' form, in which larger is more alike.
///
///     re = (q_re d_re + q_im d_im) / sum(d_re^2 + d_im^2),   im = (q_im d_re - q_re d_im) / sum(d_re^2 + d_im^2)
///     similarity = | sum(re + im) | |d| / |q|
public struct AnglELoss: EmbeddingLoss, Equatable {
  public let scale: Double

  /// - Throws: ``LossError/notPositive(parameter:found:)``.
  public init(scale: Double = 20) throws(LossError) { self.scale = try positive("scale", scale) }

  public var couplesSamples: Bool { true }

  /// - Throws: ``LossError/oddDimension(loss:found:)``.
  public func perSample(_ input: EmbeddingInput) throws -> Tensor {
    let labels = try input.labels(for: self, in: -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude)
    guard input.dimension % 2 == 0 else { throw LossError.oddDimension(loss: "\(Self.self)", found: input.dimension) }
    return pairOrderLoss(similarities(input), labels: labels.flatMap { $0 }, scale: scale)
      + Tensor.zeros([labels.count], type: input.scalarType)
  }

  /// `[samples, documents]`.
  func similarities(_ input: EmbeddingInput) -> Tensor {
    let half = input.dimension / 2
    func halves(_ vectors: Tensor) -> (re: Tensor, im: Tensor) {
      (vectors.slice(axis: 2, from: 0, to: half), vectors.slice(axis: 2, from: half, to: 2 * half))
    }
    let (a, b) = halves(input.queries.expandingDims(at: 1))
    let (c, d) = halves(input.documents)
    let sum = (a * c + b * d + b * c - a * d).sum(axes: [2])
    // The squared length of d divides, and |d| / |q| multiplies.
    let lengths = (input.queries.square().sum(axes: [1]).expandingDims(at: 1) * input.documents.square().sum(axes: [2]))
    return (sum / (lengths + 1e-24).sqrt()).abs()
  }
}
