/// One thin bar for each query, ordered from the largest gain to the largest loss: shows whether a mean difference comes
/// from many queries or from a few.
///
///     DifferenceChart(title: "nDCG@10: splade - bm25", differences: [("q1", 0.3), ("q2", -0.1)]).svg
public struct DifferenceChart: Sendable {
  public let title: String
  /// Largest first; equal ones in the order given.
  public let differences: [(label: String, value: Double)]

  /// What the values are of, in the plural.
  public let noun: String

  /// Values must be finite.
  public init(title: String, differences: [(label: String, value: Double)], noun: String = "queries") {
    self.title = title
    self.noun = noun
    self.differences = differences.enumerated().sorted {
      $0.element.value != $1.element.value ? $0.element.value > $1.element.value : $0.offset < $1.offset
    }.map(\.element)
  }

  /// The picture as an `svg` element: gains blue and upwards, losses orange and downwards.
  public var svg: String {
    var canvas = SVGCanvas(width: 640, height: 240)
    let (left, right, top, bottom) = (64.0, 620.0, 34.0, 200.0)
    let values = differences.map(\.value)
    let ticks = AxisTicks(from: min(0, values.min() ?? 0), to: max(0, values.max() ?? 0), count: 4)
    func y(_ value: Double) -> Double { bottom - (value - ticks.low) / (ticks.high - ticks.low) * (bottom - top) }

    canvas.text(title, left, 20, size: 14, bold: true)
    for tick in ticks.values {
      canvas.line(left, y(tick), right, y(tick), opacity: 0.15)
      canvas.text(ticks.label(tick), left - 8, y(tick) + 4, anchor: .end)
    }
    let slot = (right - left) / Double(max(1, values.count))
    for (index, difference) in differences.enumerated() where difference.value != 0 {
      canvas.rectangle(
        left + slot * (Double(index) + 0.1), min(y(0), y(difference.value)), slot * 0.8, abs(y(difference.value) - y(0)),
        color: ChartPalette.color(difference.value > 0 ? 0 : 1),
        tooltip: "\(difference.label): \(signed(difference.value, 4))")
    }
    canvas.line(left, y(0), right, y(0))
    let count = noun == "queries" ? queryCount(values.count) : "\(values.count) \(noun)"
    canvas.text("\(count), largest gain to largest loss", (left + right) / 2, bottom + 26, anchor: .middle)
    return canvas.svg(title: title)
  }
}
