/// A plan as boxes and arrows on a grid: what both drawings start from.
struct PlanGraph {
  struct Box: Equatable {
    let title: String
    /// Settings; may be empty.
    let detail: String
    /// From 0, left to right.
    let column: Int
    /// From 0, top to bottom; halves where a box stands between rows.
    let row: Double
    let isStage: Bool
  }

  struct Arrow: Equatable {
    let from: Int
    let to: Int
    /// What flows.
    let kind: ValueKind
  }

  private(set) var boxes: [Box] = []
  private(set) var arrows: [Arrow] = []
  private(set) var columns = 0
  private(set) var rows = 0

  init(_ plan: PlanDescription) {
    boxes.append(Box(title: Self.noun(plan.input), detail: "", column: 0, row: 0, isStage: false))
    let drawn = add(plan, from: 0, column: 1, row: 0)
    boxes[0] = Box(title: Self.noun(plan.input), detail: "", column: 0, row: Double(drawn.rows - 1) / 2, isStage: false)
    boxes.append(
      Box(
        title: Self.noun(plan.output), detail: "", column: drawn.column, row: Double(drawn.rows - 1) / 2, isStage: false))
    arrows.append(Arrow(from: drawn.exit, to: boxes.count - 1, kind: plan.output))
    columns = drawn.column + 1
    rows = drawn.rows
  }

  /// Draws a part behind a box.
  ///
  /// - Returns: The part's last box, the first free column, and how many rows it takes.
  private mutating func add(
    _ plan: PlanDescription, from source: Int, column: Int, row: Int
  ) -> (exit: Int, column: Int, rows: Int) {
    switch plan.operation {
    case .stage:
      return (box(plan, from: [(source, plan.input)], column: column, row: Double(row)), column + 1, 1)
    case .then:
      let height = plan.parts.map(\.height).max() ?? 1
      var (exit, next) = (source, column)
      for part in plan.parts {
        // A part that is lower than the others stands in their middle.
        let drawn = add(part, from: exit, column: next, row: row, within: height)
        (exit, next) = (drawn.exit, drawn.column)
      }
      return (exit, next, height)
    case .cut, .scale:
      let inner = add(plan.parts[0], from: source, column: column, row: row)
      let middle = Double(row) + Double(inner.rows - 1) / 2
      return (box(plan, from: [(inner.exit, .list)], column: inner.column, row: middle), inner.column + 1, inner.rows)
    default:
      var exits: [(Int, ValueKind)] = []
      var (next, height) = (column, 0)
      for part in plan.parts {
        let drawn = add(part, from: source, column: column, row: row + height)
        exits.append((drawn.exit, .list))
        next = max(next, drawn.column)
        height += drawn.rows
      }
      let middle = Double(row) + Double(height - 1) / 2
      return (box(plan, from: exits, column: next, row: middle), next + 1, height)
    }
  }

  private mutating func add(
    _ plan: PlanDescription, from source: Int, column: Int, row: Int, within height: Int
  ) -> (exit: Int, column: Int, rows: Int) {
    let first = boxes.count
    let drawn = add(plan, from: source, column: column, row: row)
    let shift = Double(height - drawn.rows) / 2
    for index in first..<boxes.count {
      let box = boxes[index]
      boxes[index] = Box(
        title: box.title, detail: box.detail, column: box.column, row: box.row + shift, isStage: box.isStage)
    }
    return drawn
  }

  private mutating func box(_ plan: PlanDescription, from sources: [(Int, ValueKind)], column: Int, row: Double) -> Int {
    boxes.append(
      Box(title: plan.title, detail: plan.settingsText, column: column, row: row, isStage: plan.operation == .stage))
    for (source, kind) in sources { arrows.append(Arrow(from: source, to: boxes.count - 1, kind: kind)) }
    return boxes.count - 1
  }

  private static func noun(_ kind: ValueKind) -> String {
    switch kind {
    case .query: "queries"
    case .list: "lists"
    case .document: "documents"
    case .answer: "answers"
    }
  }
}

extension PlanDescription {
  /// Rows that the part takes when drawn.
  fileprivate var height: Int {
    switch operation {
    case .stage: 1
    case .then, .cut, .scale: parts.map(\.height).max() ?? 1
    default: parts.reduce(0) { $0 + $1.height }
    }
  }
}
