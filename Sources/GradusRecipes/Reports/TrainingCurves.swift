import GradusEval

/// Curves over the course of a training or study; those of several seeds as a mean with a band.
enum TrainingCurves {
  /// The curves of a training over its epochs: development measure, loss, and where there is a weighting what it did.
  static func curves(_ epochs: [TrainingHistory.Epoch], measure: String) -> [StudyCurve] {
    let kinds: [(title: String, value: (TrainingHistory.Epoch) -> Double?)] = [
      ("\(measure) on the development queries", { $0.dev }), ("training loss", { $0.loss }),
      ("mean weight W", { $0.meanWeight }), ("mean easiness D", { $0.meanEasiness }),
      ("effective samples, share of all", { $0.effectiveShare }), ("largest weight", { $0.largestWeight }),
    ]
    return kinds.compactMap { kind in
      var curve = StudyCurve(kind.title, xLabel: "epoch")
      for epoch in epochs { if let value = kind.value(epoch) { curve.append(Double(epoch.epoch + 1), value) } }
      return curve.x.isEmpty ? nil : curve
    }
  }

  /// One picture for each name of a curve, in the order in which the names first occur.
  static func charts(_ runs: [(name: String, seeds: [[StudyCurve]])]) -> [String] {
    var names: [String] = []
    for curve in runs.flatMap(\.seeds).joined() where !names.contains(curve.name) { names.append(curve.name) }
    return names.map { name in
      let found = runs.map { run in (run.name, run.seeds.compactMap { $0.first { $0.name == name } }) }
      let lines = found.filter { !$0.1.isEmpty }.map { series($0.0, $0.1) }
      return LineChart(title: name, xLabel: found.flatMap(\.1).first?.xLabel ?? "", yLabel: "", series: lines).svg
    }
  }

  /// Mean over the seeds that have the place, with a band of one standard deviation where there are several.
  private static func series(_ name: String, _ curves: [StudyCurve]) -> LineChart.Series {
    let places = Set(curves.flatMap(\.x)).sorted()
    let points = places.map { place -> LineChart.Point in
      let values = curves.compactMap { curve in curve.x.firstIndex(of: place).map { curve.y[$0] } }
      let mean = values.mean
      guard values.count > 1 else { return LineChart.Point(x: place, y: mean) }
      let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      let spread = (squares / Double(values.count - 1)).squareRoot()
      return LineChart.Point(x: place, y: mean, lower: mean - spread, upper: mean + spread)
    }
    return LineChart.Series(name: name, points: points)
  }
}
