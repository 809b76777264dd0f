extension PlanDescription {
  /// The plan in Mermaid's language, which many Markdown viewers draw.
  public func mermaid() -> String {
    let graph = PlanGraph(self)
    var text = "flowchart LR\n"
    for (number, box) in graph.boxes.enumerated() {
      let label = Self.escaped(box.title) + (box.detail.isEmpty ? "" : "<br/><small>\(Self.escaped(box.detail))</small>")
      text += box.isStage ? "  n\(number)[\"\(label)\"]\n" : "  n\(number)([\"\(label)\"])\n"
    }
    for arrow in graph.arrows { text += "  n\(arrow.from) -->|\(arrow.kind.rawValue)| n\(arrow.to)\n" }
    return text
  }

  /// Characters that would end the label or be read as markup, as Mermaid's entities.
  private static func escaped(_ text: String) -> String {
    text.map { character in
      switch character {
      case "\"": "#quot;"
      case "<": "#lt;"
      case ">": "#gt;"
      case "#": "#35;"
      case "&": "#amp;"
      case "\n", "\r\n": " "
      default: String(character)
      }
    }.joined()
  }
}
