import GradusCore

extension Stage {
  /// `bm25(depth=100,k1=0.9,b=0.4)`.
  var label: String {
    settings.isEmpty ? name : name + "(" + settings.map { "\($0.name)=\($0.value)" }.joined(separator: ",") + ")"
  }
}

extension PlanNode {
  /// The last part alone, for reports.
  var label: String {
    switch self {
    case .stage(let stage): stage.label
    case .then(_, let second): second.label
    case .cut(_, let depth): "% \(depth)"
    case .scale(_, let weight): "* \(weight)"
    case .join(let join, _): join.name
    }
  }

  /// The whole as one writes it in Swift, with the brackets that it needs.
  var expression: String { text(in: .alone) }

  /// What a part stands in, which decides about its brackets.
  private enum Place {
    /// Nothing beside it.
    case alone
    /// A side of `>>>`.
    case then(isSecond: Bool)
    /// Left of `%` or `*`.
    case factor
    /// A side of this operator.
    case operand(String)
  }

  private func text(in place: Place) -> String {
    let text: String
    let needsBrackets: Bool
    switch self {
    case .stage(let stage): return stage.label
    case .then(let first, let second):
      text = first.text(in: .then(isSecond: false)) + " >>> " + second.text(in: .then(isSecond: true))
      needsBrackets =
        switch place {
        case .alone, .then(isSecond: false): false
        default: true
        }
    case .cut(let part, let depth):
      text = part.text(in: .factor) + " % \(depth)"
      needsBrackets = Self.bracketsProduct(place)
    case .scale(let part, let weight):
      text = part.text(in: .factor) + " * \(weight)"
      needsBrackets = Self.bracketsProduct(place)
    case .join(let join, let parts):
      guard let symbol = join.symbol else {
        return "\(join.name)[" + parts.map { $0.text(in: .alone) }.joined(separator: ", ") + "]"
      }
      text = parts.map { $0.text(in: .operand(symbol)) }.joined(separator: " \(symbol) ")
      if case .alone = place { needsBrackets = false } else { needsBrackets = true }
    }
    return needsBrackets ? "(\(text))" : text
  }

  /// A cut or weight binds tighter than `>>>` and `+`, and like another cut or weight; the rest has no order with it.
  private static func bracketsProduct(_ place: Place) -> Bool {
    if case .operand(let symbol) = place { return symbol != "+" }
    return false
  }
}

extension Pipeline: CustomStringConvertible {
  /// The pipeline as one line, such as `bm25(depth=100,k1=0.9,b=0.4) >>> rerank(top=50) % 10`.
  public var description: String { node.expression }

  /// The pipeline as a tree, a part on each line: what it is, from which kind of value to which, with which settings.
  ///
  ///     then                Q -> R
  ///       bm25              Q -> R   retriever  depth=100 k1=0.9 b=0.4   [4f1c0a7be2d1]
  ///       cut               R -> R   10
  ///
  /// In brackets the first digits of the hash under which outputs are stored; `[not stored]` where there is none.
  public var planText: String { plan.text }

  /// The plan as data.
  public var plan: PlanDescription { PlanDescription(node, input: Input.valueKind) }

  /// The plan as JSON with sorted keys, which ``PlanDescription/init(json:)`` reads back.
  public func planJSON() throws -> String { try plan.json() }
}
