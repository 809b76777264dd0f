import GradusTensor

/// Prototypical networks: cross-entropy over the prototypes of the classes, with minus the squared distance as logit (Snell et
/// al., NIPS 2017). The base that ``ProtoTripletLoss`` and ``ICNNLoss`` are added to.
///
///     loss = -log( exp(-|x - p_own|^2 / temperature) / sum_c exp(-|x - p_c|^2 / temperature) )
///
/// Points, classes and `shots` are those of ``ProtoTripletLoss``.
///
///     try PrototypicalLoss(shots: 5)
public struct PrototypicalLoss: EmbeddingLoss, Equatable {
  public let temperature: Double
  /// Documents of a class that make its prototype; nil for retrieval.
  public let shots: Int?

  /// - Throws: ``LossError/notPositive(parameter:found:)``.
  public init(temperature: Double = 1, shots: Int? = nil) throws(LossError) {
    self.temperature = try positive("temperature", temperature)
    if let shots, shots < 1 { throw .notPositive(parameter: "shots", found: Double(shots)) }
    self.shots = shots
  }

  public var couplesSamples: Bool { true }

  /// - Throws: As ``ProtoTripletLoss/perSample(_:)``.
  public func perSample(_ input: EmbeddingInput) throws -> Tensor {
    let points = try EpisodePoints(input, shots: shots, loss: "\(Self.self)")
    let distances = Self.squaredDistances(points.vectors, points.prototypes)
    return points.perSample((distances * (-1 / temperature)).crossEntropy(at: points.classes))
  }

  /// `[points, prototypes]`.
  static func squaredDistances(_ points: Tensor, _ prototypes: Tensor) -> Tensor {
    (points.expandingDims(at: 1) - prototypes.expandingDims(at: 0)).square().sum(axes: [2])
  }
}
