extension PlanDescription {
  private static let cell = (width: 190, height: 64)
  private static let box = (width: 150, height: 44)
  private static let margin = 12
  /// Characters of a line in a box.
  private static let lineLength = 24

  /// The plan as a picture: boxes for stages, rounded ones for operators, arrows with the kind of value that flows. It takes
  /// the colour of the page's text, so it suits light and dark pages; a title and a description are there for screen readers.
  public func svg() -> String {
    let graph = PlanGraph(self)
    let width = graph.columns * Self.cell.width - (Self.cell.width - Self.box.width) + 2 * Self.margin
    let height = graph.rows * Self.cell.height - (Self.cell.height - Self.box.height) + 2 * Self.margin
    var text = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(width) \(height)\" width=\"\(width)\" "
    text += "height=\"\(height)\" role=\"img\" font-family=\"sans-serif\" fill=\"none\" stroke=\"currentColor\">\n"
    text += "<title>Plan of a pipeline</title>\n<desc>\(Self.escaped(self.text))</desc>\n"
    text += "<defs><marker id=\"plan-arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" "
    text += "orient=\"auto\"><path d=\"M0 0 8 4 0 8z\" fill=\"currentColor\" stroke=\"none\"/></marker></defs>\n"
    for arrow in graph.arrows { text += Self.draw(arrow, graph) }
    for box in graph.boxes { text += Self.draw(box) }
    return text + "</svg>\n"
  }

  private static func place(_ box: PlanGraph.Box) -> (x: Int, y: Int) {
    (margin + box.column * cell.width, margin + Int((box.row * Double(cell.height)).rounded()))
  }

  private static func draw(_ arrow: PlanGraph.Arrow, _ graph: PlanGraph) -> String {
    let (from, to) = (place(graph.boxes[arrow.from]), place(graph.boxes[arrow.to]))
    let start = (x: from.x + box.width, y: from.y + box.height / 2)
    let end = (x: to.x, y: to.y + box.height / 2)
    // The bend stands in the last gap, so that long arrows do not cross boxes of their own row.
    let bend = end.x - (cell.width - box.width) / 2
    let line = start.y == end.y ? "M\(start.x) \(start.y)H\(end.x)" : "M\(start.x) \(start.y)H\(bend)V\(end.y)H\(end.x)"
    let label = "<text x=\"\(end.x - 12)\" y=\"\(end.y - 5)\" font-size=\"10\" text-anchor=\"end\" fill=\"currentColor\" "
      + "stroke=\"none\">\(arrow.kind.rawValue)</text>\n"
    return "<path d=\"\(line)\" marker-end=\"url(#plan-arrow)\"/>\n" + label
  }

  private static func draw(_ box: PlanGraph.Box) -> String {
    let (x, y) = place(box)
    let (middle, radius) = (x + Self.box.width / 2, box.isStage ? 4 : Self.box.height / 2)
    var text = "<g><title>\(escaped(box.detail.isEmpty ? box.title : "\(box.title): \(box.detail)"))</title>"
    text += "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(Self.box.width)\" height=\"\(Self.box.height)\" rx=\"\(radius)\"/>"
    let lines = box.detail.isEmpty ? [(box.title, 13, 27)] : [(box.title, 13, 19), (box.detail, 10, 35)]
    for (line, size, offset) in lines {
      text += "<text x=\"\(middle)\" y=\"\(y + offset)\" font-size=\"\(size)\" text-anchor=\"middle\" fill=\"currentColor\" "
      text += "stroke=\"none\">\(escaped(shortened(line)))</text>"
    }
    return text + "</g>\n"
  }

  private static func shortened(_ text: String) -> String {
    text.count <= lineLength ? text : text.prefix(lineLength - 3) + "..."
  }

  private static func escaped(_ text: String) -> String {
    text.map { character in
      switch character {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      case "\"": "&quot;"
      default: String(character)
      }
    }.joined()
  }
}

extension Pipeline {
  /// See ``PlanDescription/svg()``.
  public func svg() -> String { plan.svg() }

  /// See ``PlanDescription/mermaid()``.
  public func mermaid() -> String { plan.mermaid() }
}
