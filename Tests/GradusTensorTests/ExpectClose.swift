import GradusTensor
import Testing

/// `sin(0.37 i)`: a fixed, uneven filling that the reference programs use too.
func wave(_ shape: [Int], scale: Double = 1) -> Tensor {
  Tensor((0..<shape.reduce(1, *)).map { Double($0) * 0.37 }, shape: shape).sin() * scale
}

/// Fills parameters in order with `0.7 cos(0.61 i)`, `i` running over all of them.
func fillWithCosines(_ parameters: [Parameter]) {
  var start = 0
  for parameter in parameters where parameter.isTrainable {
    let count = parameter.value.count
    parameter.value = Tensor((start..<start + count).map { Double($0) * 0.61 }, shape: parameter.shape).cos() * 0.7
    start += count
  }
}

func expectClose(
  _ found: Tensor, _ expected: [Double], _ tolerance: Double = 1e-10, location: SourceLocation = #_sourceLocation
) {
  let values = found.doubles()
  #expect(values.count == expected.count, sourceLocation: location)
  for (position, (value, reference)) in zip(values, expected).enumerated() {
    let isClose = value == reference || abs(value - reference) <= tolerance * max(1, abs(reference))
    #expect(isClose, "element \(position): \(value), expected \(reference)", sourceLocation: location)
  }
}
