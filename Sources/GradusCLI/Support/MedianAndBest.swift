/// Median and best of several repeats.
struct MedianAndBest: Encodable {
  let median: Double
  let best: Double

  /// - Parameter best: Of the two ends, the better one.
  init(_ values: [Double], best: ([Double]) -> Double?) {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    self.best = best(sorted) ?? median
  }
}
