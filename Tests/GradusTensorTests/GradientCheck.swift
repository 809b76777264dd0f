import GradusCore
import Testing

@testable import GradusTensor

/// Compares gradients with central differences in Double.
///
///     try GradientCheck.first([x, y]) { $0[0] * $0[1] }
///
/// The function's result is contracted with fixed random weights, so every element of its Jacobian takes part. Both
/// backward paths are checked: the fused one, and the one that is itself recorded.
enum GradientCheck {
  static let step = 1e-5

  /// First derivatives with respect to every element of every input.
  static func first(
    _ inputs: [Tensor], tolerance: Double = 1e-7, _ name: String = "", location: SourceLocation = #_sourceLocation,
    _ function: @escaping ([Tensor]) -> Tensor
  ) throws {
    let weights = contraction(function(inputs))
    let objective: ([Tensor]) -> Tensor = { (function($0) * weights).sum() }
    for keepingGraph in [false, true] {
      let leaves = inputs.map { $0.tracked() }
      let found = try gradients(of: objective(leaves), withRespectTo: leaves, keepingGraph: keepingGraph)
      for (index, gradient) in found.enumerated() {
        let expected = numeric(inputs, index) { objective($0).item() }
        compare(gradient, expected, tolerance, "\(name) input \(index), keepingGraph \(keepingGraph)", location)
      }
    }
  }

  /// Second derivatives: differentiates a random contraction of the first gradients.
  static func second(
    _ inputs: [Tensor], tolerance: Double = 1e-6, _ name: String = "", location: SourceLocation = #_sourceLocation,
    _ function: @escaping ([Tensor]) -> Tensor
  ) throws {
    try first(inputs, tolerance: tolerance, name, location: location, function)
    let weights = contraction(function(inputs))
    var generator = SeededGenerator(seed: 91)
    let directions = inputs.map { Tensor.normal($0.shape, type: .float64, using: &generator) }
    let slope: ([Tensor]) throws -> Tensor = { leaves in
      let found = try gradients(of: (function(leaves) * weights).sum(), withRespectTo: leaves, keepingGraph: true)
      return zip(found, directions).map { ($0 * $1).sum() }.reduce(Tensor.scalar(0, type: .float64), +)
    }
    let leaves = inputs.map { $0.tracked() }
    let along = try slope(leaves)
    guard along.isTracked else {
      // A linear function: its slope is constant.
      for index in inputs.indices {
        let expected = try numericThrowing(inputs, index) { try slope($0.map { $0.tracked() }).item() }
        #expect(expected.allSatisfy { abs($0) < tolerance }, "\(name) should be linear", sourceLocation: location)
      }
      return
    }
    let found = try gradients(of: along, withRespectTo: leaves)
    for (index, gradient) in found.enumerated() {
      let expected = try numericThrowing(inputs, index) { try slope($0.map { $0.tracked() }).item() }
      compare(gradient, expected, tolerance, "\(name) second order, input \(index)", location)
    }
  }

  private static func contraction(_ output: Tensor) -> Tensor {
    var generator = SeededGenerator(seed: 17)
    return .normal(output.shape, type: .float64, using: &generator)
  }

  private static func numeric(_ inputs: [Tensor], _ index: Int, _ value: ([Tensor]) -> Double) -> [Double] {
    numericThrowing(inputs, index, value)
  }

  private static func numericThrowing(
    _ inputs: [Tensor], _ index: Int, _ value: ([Tensor]) throws -> Double
  ) rethrows -> [Double] {
    let base = inputs[index].doubles()
    return try base.indices.map { element in
      func at(_ offset: Double) throws -> Double {
        var values = base
        values[element] += offset
        var moved = inputs
        moved[index] = Tensor(values, shape: inputs[index].shape)
        return try value(moved)
      }
      return (try at(step) - (try at(-step))) / (2 * step)
    }
  }

  private static func compare(
    _ found: Tensor, _ expected: [Double], _ tolerance: Double, _ name: String, _ location: SourceLocation
  ) {
    let values = found.doubles()
    #expect(values.count == expected.count, sourceLocation: location)
    for (element, (value, reference)) in zip(values, expected).enumerated() {
      let error = abs(value - reference) / max(1, abs(reference))
      #expect(
        error < tolerance * 10, "\(name), element \(element): \(value), finite difference \(reference)",
        sourceLocation: location)
    }
  }
}

/// Normal values in Double, for checks.
func sample(_ shape: [Int], seed: UInt64 = 1, scale: Double = 1) -> Tensor {
  var generator = SeededGenerator(seed: seed)
  return .normal(shape, standardDeviation: scale, type: .float64, using: &generator)
}

/// Positive values in Double, away from 0.
func positiveSample(_ shape: [Int], seed: UInt64 = 1) -> Tensor {
  var generator = SeededGenerator(seed: seed)
  return .uniform(shape, low: 0.5, high: 2, type: .float64, using: &generator)
}
