/// Horizontal bars with interval whiskers: one figure for each of several runs.
///
///     BarChart(title: "nDCG@10", bars: [.init(label: "bm25", value: 0.51, interval: .init(lower: 0.43, upper: 0.58))]).svg
public struct BarChart: Sendable, Equatable {
  /// A value with its name, and the interval that is drawn as a whisker.
  public struct Bar: Sendable, Equatable {
    public let label: String
    public let value: Double
    public let interval: ConfidenceInterval?

    public init(label: String, value: Double, interval: ConfidenceInterval? = nil) {
      self.label = label
      self.value = value
      self.interval = interval
    }
  }

  public let title: String
  public let bars: [Bar]

  /// Values must be finite; the axis includes 0, so that lengths can be compared.
  public init(title: String, bars: [Bar]) {
    self.title = title
    self.bars = bars
  }

  /// The picture as an `svg` element.
  public var svg: String {
    let rowHeight = 30.0
    let top = 34.0
    let bottom = top + rowHeight * Double(bars.count)
    // Some 7 points a character at this size; long names get the room they need, up to a third of the picture.
    let left = min(220, 24 + 7 * Double(bars.map(\.label.count).max() ?? 0))
    let right = 570.0
    var canvas = SVGCanvas(width: 640, height: bottom + 34)
    let lowest = bars.map { min(0, $0.value, $0.interval?.lower ?? 0) }.min() ?? 0
    let highest = bars.map { max(0, $0.value, $0.interval?.upper ?? 0) }.max() ?? 1
    let ticks = AxisTicks(from: lowest, to: highest)
    func x(_ value: Double) -> Double { left + (value - ticks.low) / (ticks.high - ticks.low) * (right - left) }

    canvas.text(title, 12, 20, size: 14, bold: true)
    for tick in ticks.values {
      canvas.line(x(tick), top, x(tick), bottom, opacity: 0.15)
      canvas.text(ticks.label(tick), x(tick), bottom + 18, anchor: .middle)
    }
    for (index, bar) in bars.enumerated() {
      let middle = top + rowHeight * (Double(index) + 0.5)
      let start = min(x(0), x(bar.value))
      canvas.text(Self.shortened(bar.label), left - 8, middle + 4, anchor: .end)
      canvas.rectangle(
        start, middle - 9, abs(x(bar.value) - x(0)), 18, color: ChartPalette.color(index),
        tooltip: "\(bar.label): \(fixed(bar.value, 4))")
      if let interval = bar.interval {
        canvas.line(x(interval.lower), middle, x(interval.upper), middle, width: 1.5)
        canvas.line(x(interval.lower), middle - 5, x(interval.lower), middle + 5, width: 1.5)
        canvas.line(x(interval.upper), middle - 5, x(interval.upper), middle + 5, width: 1.5)
      }
      canvas.text(fixed(bar.value, 4), 632, middle + 4, anchor: .end)
    }
    canvas.line(x(0), top, x(0), bottom)
    return canvas.svg(title: title)
  }

  private static func shortened(_ label: String) -> String { label.count <= 28 ? label : label.prefix(27) + "…" }
}
