/// Count, mean and spread of a sample, in two passes.
struct SampleMoments {
  let count: Int
  /// 0 for an empty sample.
  let mean: Double
  /// With `count - 1` below; 0 for fewer than two values.
  let standardDeviation: Double

  init(_ values: [Double]) {
    count = values.count
    guard count > 0 else {
      mean = 0
      standardDeviation = 0
      return
    }
    let mean = values.reduce(0, +) / Double(count)
    self.mean = mean
    // Equal values have no spread, though their mean may be off by a rounding.
    guard count > 1, values.contains(where: { $0 != values[0] }) else {
      standardDeviation = 0
      return
    }
    standardDeviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)).squareRoot()
  }

  var standardError: Double { count == 0 ? 0 : standardDeviation / Double(count).squareRoot() }
}
