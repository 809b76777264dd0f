#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Colours that people with any kind of colour vision can tell apart (Okabe and Ito, 2008), without the yellow, which is
/// hardly visible on white. Axes and text take the colour of the page, so charts work on light and dark backgrounds.
public enum ChartPalette {
  public static let colors = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
  /// Lines differ by their dashes as well as by colour.
  static let dashes = ["", "7 3", "2 3", "9 3 2 3", "12 4", "4 2"]

  static func color(_ index: Int) -> String { colors[index % colors.count] }
  static func dash(_ index: Int) -> String {
    let pattern = dashes[index % dashes.count]
    return pattern.isEmpty ? "" : " stroke-dasharray=\"\(pattern)\""
  }
}

/// Round numbers along an axis.
struct AxisTicks {
  let values: [Double]
  let decimals: Int

  /// About `count` steps of 1, 2 or 5 times a power of ten that cover `low...high`.
  init(from low: Double, to high: Double, count: Int = 5) {
    var low = low
    var high = high
    if !(low.isFinite && high.isFinite) || low > high { (low, high) = (0, 1) }
    if low == high {
      let room = low == 0 ? 1 : abs(low) * 0.5
      (low, high) = (low - room, high + room)
    }
    let rough = (high - low) / Double(max(1, count))
    let magnitude = pow(10, log10(rough).rounded(.down))
    let step = [1.0, 2, 5, 10].map { $0 * magnitude }.first { $0 >= rough * 0.999 } ?? 10 * magnitude
    let first = (low / step + 1e-9).rounded(.down)
    let last = (high / step - 1e-9).rounded(.up)
    values = (0...Int(last - first)).map { (first + Double($0)) * step }
    decimals = max(0, Int(-log10(step).rounded(.down)))
  }

  var low: Double { values[0] }
  var high: Double { values[values.count - 1] }
  func label(_ value: Double) -> String { fixed(value == 0 ? 0 : value, decimals) }
}

/// Puts an SVG picture together. Coordinates have two decimals, so pictures are the same bytes everywhere.
struct SVGCanvas {
  private var body = ""
  let width: Double
  let height: Double

  init(width: Double, height: Double) {
    self.width = width
    self.height = height
  }

  static func n(_ value: Double) -> String {
    var text = fixed(value, 2)
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return text == "-0" ? "0" : text
  }

  /// Safe inside elements and attributes of HTML and SVG.
  static func escaped(_ text: String) -> String {
    var output = ""
    for character in text {
      switch character {
      case "&": output += "&amp;"
      case "<": output += "&lt;"
      case ">": output += "&gt;"
      case "\"": output += "&quot;"
      case "'": output += "&#39;"
      default: output.append(character)
      }
    }
    return output
  }

  enum Anchor: String { case start, middle, end }

  mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, width: Double = 1, opacity: Double = 1) {
    let fade = opacity < 1 ? " stroke-opacity=\"\(Self.n(opacity))\"" : ""
    body += "<line x1=\"\(Self.n(x1))\" y1=\"\(Self.n(y1))\" x2=\"\(Self.n(x2))\" y2=\"\(Self.n(y2))\" stroke=\"currentColor\" "
      + "stroke-width=\"\(Self.n(width))\"\(fade)/>\n"
  }

  mutating func text(
    _ text: String, _ x: Double, _ y: Double, anchor: Anchor = .start, size: Double = 12, rotated: Bool = false,
    bold: Bool = false
  ) {
    let turn = rotated ? " transform=\"rotate(-90 \(Self.n(x)) \(Self.n(y)))\"" : ""
    let weight = bold ? " font-weight=\"600\"" : ""
    body += "<text x=\"\(Self.n(x))\" y=\"\(Self.n(y))\" text-anchor=\"\(anchor.rawValue)\" font-size=\"\(Self.n(size))\" "
      + "fill=\"currentColor\"\(weight)\(turn)>\(Self.escaped(text))</text>\n"
  }

  mutating func rectangle(_ x: Double, _ y: Double, _ width: Double, _ height: Double, color: String, tooltip: String) {
    body += "<rect x=\"\(Self.n(x))\" y=\"\(Self.n(y))\" width=\"\(Self.n(width))\" height=\"\(Self.n(height))\" "
      + "fill=\"\(color)\"><title>\(Self.escaped(tooltip))</title></rect>\n"
  }

  mutating func path(_ points: [(Double, Double)], color: String, dash: String) {
    body += "<polyline points=\"\(Self.list(points))\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"2\"\(dash)/>\n"
  }

  mutating func area(_ points: [(Double, Double)], color: String) {
    body += "<polygon points=\"\(Self.list(points))\" fill=\"\(color)\" fill-opacity=\"0.18\" stroke=\"none\"/>\n"
  }

  mutating func dot(_ x: Double, _ y: Double, color: String, tooltip: String) {
    body += "<circle cx=\"\(Self.n(x))\" cy=\"\(Self.n(y))\" r=\"2.5\" fill=\"\(color)\">"
      + "<title>\(Self.escaped(tooltip))</title></circle>\n"
  }

  private static func list(_ points: [(Double, Double)]) -> String {
    points.map { "\(n($0.0)),\(n($0.1))" }.joined(separator: " ")
  }

  func svg(title: String) -> String {
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Self.n(width)) \(Self.n(height))\" "
      + "width=\"\(Self.n(width))\" height=\"\(Self.n(height))\" role=\"img\" font-family=\"system-ui, sans-serif\">\n"
      + "<title>\(Self.escaped(title))</title>\n"
      + body + "</svg>\n"
  }
}
