/// Lines with optional bands, for curves over steps or cut-offs.
///
///     LineChart(title: "Training", xLabel: "step", yLabel: "nDCG@10", series: [
///       .init(name: "curriculum", points: [.init(x: 0, y: 0.3), .init(x: 100, y: 0.5, lower: 0.45, upper: 0.55)])
///     ]).svg
public struct LineChart: Sendable, Equatable {
  /// A place on a line, with a band around it where there is one.
  public struct Point: Sendable, Equatable {
    public let x: Double
    public let y: Double
    /// Ends of the band at this point; both or none.
    public let lower: Double?
    public let upper: Double?

    public init(x: Double, y: Double, lower: Double? = nil, upper: Double? = nil) {
      self.x = x
      self.y = y
      self.lower = lower
      self.upper = upper
    }

    var isDrawable: Bool { x.isFinite && y.isFinite && (lower ?? y).isFinite && (upper ?? y).isFinite }
  }

  /// A line with its name in the legend.
  public struct Series: Sendable, Equatable {
    public let name: String
    public let points: [Point]

    /// Points are drawn in the order given; those with a value that is not finite are left out, which breaks no line.
    public init(name: String, points: [Point]) {
      self.name = name
      self.points = points
    }
  }

  public let title: String
  public let xLabel: String
  public let yLabel: String
  public let series: [Series]

  public init(title: String, xLabel: String, yLabel: String, series: [Series]) {
    self.title = title
    self.xLabel = xLabel
    self.yLabel = yLabel
    self.series = series
  }

  /// The picture as an `svg` element, to be put into a page or saved as a file.
  public var svg: String {
    let legendHeight = 18 * Double(series.count)
    var canvas = SVGCanvas(width: 640, height: 330 + legendHeight)
    let (left, right, top, bottom) = (64.0, 620.0, 34.0, 280.0)
    let points = series.flatMap(\.points).filter(\.isDrawable)
    let xTicks = AxisTicks(from: points.map(\.x).min() ?? 0, to: points.map(\.x).max() ?? 1, count: 6)
    let lowest = points.map { min($0.y, $0.lower ?? $0.y) }.min() ?? 0
    let highest = points.map { max($0.y, $0.upper ?? $0.y) }.max() ?? 1
    let yTicks = AxisTicks(from: lowest, to: highest)
    func x(_ value: Double) -> Double { left + (value - xTicks.low) / (xTicks.high - xTicks.low) * (right - left) }
    func y(_ value: Double) -> Double { bottom - (value - yTicks.low) / (yTicks.high - yTicks.low) * (bottom - top) }

    canvas.text(title, left, 20, size: 14, bold: true)
    for tick in yTicks.values {
      canvas.line(left, y(tick), right, y(tick), opacity: 0.15)
      canvas.text(yTicks.label(tick), left - 8, y(tick) + 4, anchor: .end)
    }
    for tick in xTicks.values {
      canvas.line(x(tick), bottom, x(tick), bottom + 5)
      canvas.text(xTicks.label(tick), x(tick), bottom + 19, anchor: .middle)
    }
    canvas.line(left, bottom, right, bottom)
    canvas.text(xLabel, (left + right) / 2, bottom + 38, anchor: .middle)
    canvas.text(yLabel, 16, (top + bottom) / 2, anchor: .middle, rotated: true)

    for (index, line) in series.enumerated() {
      let drawable = line.points.filter(\.isDrawable)
      let band = drawable.filter { $0.lower != nil && $0.upper != nil }
      if band.count > 1 {
        let upper = band.map { (x($0.x), y($0.upper ?? $0.y)) }
        let lower = band.reversed().map { (x($0.x), y($0.lower ?? $0.y)) }
        canvas.area(upper + lower, color: ChartPalette.color(index))
      }
      canvas.path(drawable.map { (x($0.x), y($0.y)) }, color: ChartPalette.color(index), dash: ChartPalette.dash(index))
      for point in drawable where drawable.count <= 60 {
        let tooltip = "\(line.name): \(plainNumber(point.x)), \(fixed(point.y, 4))"
        canvas.dot(x(point.x), y(point.y), color: ChartPalette.color(index), tooltip: tooltip)
      }
      let row = bottom + 60 + 18 * Double(index)
      canvas.path([(left, row - 4), (left + 30, row - 4)], color: ChartPalette.color(index), dash: ChartPalette.dash(index))
      canvas.text(line.name, left + 38, row)
    }
    return canvas.svg(title: title)
  }
}
