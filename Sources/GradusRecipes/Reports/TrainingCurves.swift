import GradusEval

/// Curves of trainings over their epochs; those of several seeds as a mean with a band.
enum TrainingCurves {
  /// Mean over the seeds that have the epoch, with a band of one standard deviation where there are several.
  static func series(
    _ name: String, _ seeds: [[TrainingHistory.Epoch]], _ value: (TrainingHistory.Epoch) -> Double?
  ) -> LineChart.Series? {
    let length = seeds.map(\.count).max() ?? 0
    let points = (0..<length).compactMap { position -> LineChart.Point? in
      let values = seeds.compactMap { position < $0.count ? value($0[position]) : nil }
      guard !values.isEmpty else { return nil }
      let mean = values.mean
      guard values.count > 1 else { return LineChart.Point(x: Double(position + 1), y: mean) }
      let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      let spread = (squares / Double(values.count - 1)).squareRoot()
      return LineChart.Point(x: Double(position + 1), y: mean, lower: mean - spread, upper: mean + spread)
    }
    return points.isEmpty ? nil : LineChart.Series(name: name, points: points)
  }

  /// Development measure, loss, and where there is a curriculum mean W and mean D.
  static func charts(_ trainings: [(name: String, seeds: [[TrainingHistory.Epoch]])], measure: String) -> [String] {
    let kinds: [(title: String, value: (TrainingHistory.Epoch) -> Double?)] = [
      ("\(measure) on the development queries", { $0.dev }), ("training loss", { $0.loss }),
      ("mean weight W", { $0.meanWeight }), ("mean easiness D", { $0.meanEasiness }),
    ]
    return kinds.compactMap { kind in
      let lines = trainings.compactMap { series($0.name, $0.seeds, kind.value) }
      guard !lines.isEmpty else { return nil }
      return LineChart(title: kind.title, xLabel: "epoch", yLabel: "", series: lines).svg
    }
  }
}
