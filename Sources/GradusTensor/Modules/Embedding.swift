import GradusCore

/// A table of vectors that indices look up.
public struct Embedding: Module {
  public let weight: Parameter

  /// Truncated normal vectors with the given standard deviation (BERT's 0.02 unless named).
  public init(
    _ name: String, count: Int, width: Int, standardDeviation: Double = 0.02, type: ScalarType = .float32,
    using generator: inout SeededGenerator
  ) {
    self.init(
      name,
      weight: .truncatedNormal([count, width], standardDeviation: standardDeviation, type: type, using: &generator))
  }

  /// From a table that exists: `[count, width]`.
  public init(_ name: String, weight: Tensor) { self.weight = Parameter(dottedName(name, "weight"), weight) }

  public var parameters: [Parameter] { [weight] }

  /// Index tensor of any shape to that shape plus `width`.
  public func callAsFunction(_ indices: Tensor) -> Tensor { weight.value.indexSelect(indices, axis: 0) }
}
