extension TemplateParser {
  /// Expressions with commas between them are a tuple.
  mutating func parseTuple(withConditional: Bool = true) throws -> TemplateExpression {
    let line = token.line
    let first = try withConditional ? parseExpression() : parseOr()
    guard isSymbol(",") else { return first }
    var items = [first]
    while skip(.symbol(",")) {
      switch token.kind {
      case .variableEnd, .blockEnd, .symbol(")"): break
      default:
        items.append(try withConditional ? parseExpression() : parseOr())
        continue
      }
      break
    }
    return TemplateExpression(line: line, kind: .tuple(items))
  }

  /// `value if condition else other`, and all that binds tighter.
  mutating func parseExpression() throws -> TemplateExpression {
    try nested { parser in
      let line = parser.token.line
      var expression = try parser.parseOr()
      while parser.skip(.name("if")) {
        let condition = try parser.parseOr()
        let otherwise = parser.skip(.name("else")) ? try parser.parseExpression() : nil
        expression = TemplateExpression(
          line: line, kind: .conditional(condition: condition, then: expression, otherwise: otherwise))
        // Jinja reads `a if b if c` as a condition on a condition; here the tree must not grow deeper than its brackets.
        if otherwise == nil, parser.isName("if") { throw parser.unexpected("'else'") }
      }
      return expression
    }
  }

  private mutating func parseOr() throws -> TemplateExpression {
    try parseSeries(.name("or"), TemplateExpression.Kind.any) { parser in
      try parser.parseSeries(.name("and"), TemplateExpression.Kind.all) { try $0.parseNot() }
    }
  }

  /// Operands with one operator between them.
  private mutating func parseSeries(
    _ separator: TemplateToken.Kind, _ kind: ([TemplateExpression]) -> TemplateExpression.Kind,
    _ operand: (inout TemplateParser) throws -> TemplateExpression
  ) throws -> TemplateExpression {
    let line = token.line
    let first = try operand(&self)
    guard token.kind == separator else { return first }
    var operands = [first]
    while skip(separator) { operands.append(try operand(&self)) }
    return TemplateExpression(line: line, kind: kind(operands))
  }

  private mutating func parseNot() throws -> TemplateExpression {
    guard isName("not") else { return try parseComparison() }
    return try nested { parser in
      let line = parser.token.line
      parser.advance()
      return TemplateExpression(line: line, kind: .not(try parser.parseNot()))
    }
  }

  private mutating func parseComparison() throws -> TemplateExpression {
    let line = token.line
    let first = try parseArithmetic(0)
    var rest: [(operation: String, operand: TemplateExpression)] = []
    while true {
      switch token.kind {
      case .symbol(let symbol) where ["==", "!=", "<", "<=", ">", ">="].contains(symbol):
        advance()
        rest.append((symbol, try parseArithmetic(0)))
        continue
      case .name("in"):
        advance()
        rest.append(("in", try parseArithmetic(0)))
        continue
      case .name("not") where next.kind == .name("in"):
        advance()
        advance()
        rest.append(("not in", try parseArithmetic(0)))
        continue
      default: break
      }
      return rest.isEmpty ? first : TemplateExpression(line: line, kind: .comparison(first, rest))
    }
  }

  /// Operators by how tightly they bind, the loosest first; `~` stands between the second and the third.
  private static let levels: [Set<String>] = [["+", "-"], ["~"], ["*", "/", "//", "%"], ["**"]]

  private mutating func parseArithmetic(_ level: Int) throws -> TemplateExpression {
    guard level < Self.levels.count else { return try parseUnary() }
    if level == 1 { return try parseSeries(.symbol("~"), TemplateExpression.Kind.concatenation) { try $0.parseArithmetic(2) } }
    let line = token.line
    let first = try parseArithmetic(level + 1)
    var rest: [(operation: String, operand: TemplateExpression)] = []
    while case .symbol(let symbol) = token.kind, Self.levels[level].contains(symbol) {
      advance()
      rest.append((symbol, try parseArithmetic(level + 1)))
    }
    return rest.isEmpty ? first : TemplateExpression(line: line, kind: .arithmetic(first, rest))
  }

  private mutating func parseUnary(withFilters: Bool = true) throws -> TemplateExpression {
    let line = token.line
    var expression: TemplateExpression
    if isSymbol("-") || isSymbol("+") {
      let isNegative = isSymbol("-")
      expression = try nested { parser in
        parser.advance()
        let operand = try parser.parseUnary(withFilters: false)
        return TemplateExpression(line: line, kind: isNegative ? .negative(operand) : .positive(operand))
      }
    } else {
      expression = try parsePrimary()
    }
    var parts: [TemplatePostfix] = []
    while let part = try parsePostfix(withFilters: withFilters, after: parts.last) { parts.append(part) }
    if !parts.isEmpty { expression = TemplateExpression(line: line, kind: .postfix(expression, parts)) }
    return expression
  }

  // MARK: Operands

  private mutating func parsePrimary() throws -> TemplateExpression {
    let line = token.line
    func made(_ kind: TemplateExpression.Kind) -> TemplateExpression { TemplateExpression(line: line, kind: kind) }
    switch token.kind {
    case .name(let name):
      advance()
      switch name {
      case "true", "True": return made(.constant(.bool(true)))
      case "false", "False": return made(.constant(.bool(false)))
      case "none", "None": return made(.constant(.null))
      default: return made(.name(name))
      }
    case .string:
      var text: [UInt32] = []
      while case .string(let part) = token.kind {
        text += part
        advance()
      }
      return made(.constant(.text(TemplateText(text))))
    case .integer(let value):
      advance()
      return made(.constant(.integer(value)))
    case .float(let value):
      advance()
      return made(.constant(.float(value)))
    case .symbol("("):
      advance()
      if skip(.symbol(")")) { return made(.tuple([])) }
      let inner = try parseTuple()
      try expect(.symbol(")"))
      return inner
    case .symbol("["):
      advance()
      return made(.list(try parseItems(until: "]") { try $0.parseExpression() }))
    case .symbol("{"):
      advance()
      return made(
        .dictionary(
          try parseItems(until: "}") { parser in
            let key = try parser.parseExpression()
            try parser.expect(.symbol(":"))
            return (key, try parser.parseExpression())
          }))
    default: throw unexpected("an expression")
    }
  }

  /// Items with commas between them, and perhaps after the last, and the closing bracket.
  private mutating func parseItems<Item>(
    until end: String, _ item: (inout TemplateParser) throws -> Item
  ) throws -> [Item] {
    var items: [Item] = []
    while !skip(.symbol(end)) {
      if !items.isEmpty {
        try expect(.symbol(","))
        if skip(.symbol(end)) { break }
      }
      items.append(try item(&self))
    }
    return items
  }

  // MARK: What follows an operand

  /// Filters and tests come after all that binds tighter; only a call may follow them, as in Jinja.
  private mutating func parsePostfix(withFilters: Bool, after last: TemplatePostfix?) throws -> TemplatePostfix? {
    let line = token.line
    func made(_ kind: TemplatePostfix.Kind) -> TemplatePostfix { TemplatePostfix(line: line, kind: kind) }
    let followsFilter =
      switch last?.kind {
      case .filter, .test: true
      default: false
      }
    switch token.kind {
    case .symbol("."), .symbol("["):
      if followsFilter { return nil }
    default: break
    }
    switch token.kind {
    case .symbol("."):
      advance()
      if case .integer(let index) = token.kind {
        advance()
        return made(.item(TemplateExpression(line: line, kind: .constant(.integer(index)))))
      }
      return made(.attribute(try expectName("a name or a number after '.'")))
    case .symbol("["):
      advance()
      return made(try parseSubscript())
    case .symbol("("):
      advance()
      return made(.call(try parseArguments()))
    case .symbol("|") where withFilters:
      advance()
      return made(try parseFilter())
    case .name("is") where withFilters:
      advance()
      return made(try parseTest())
    default: return nil
    }
  }

  private mutating func parseSubscript() throws -> TemplatePostfix.Kind {
    func isEnd(_ parser: TemplateParser) -> Bool { parser.isSymbol(":") || parser.isSymbol("]") }
    let first = isSymbol(":") ? nil : try parseExpression()
    guard skip(.symbol(":")) else {
      guard let first else { throw unexpected("an index") }
      try expect(.symbol("]"))
      return .item(first)
    }
    let end = isEnd(self) ? nil : try parseExpression()
    let step = skip(.symbol(":")) && !isEnd(self) ? try parseExpression() : nil
    try expect(.symbol("]"))
    return .slice(from: first, to: end, step: step)
  }

  private mutating func parseArguments() throws -> TemplateArguments {
    var arguments = TemplateArguments()
    _ = try parseItems(until: ")") { parser in
      if parser.isSymbol("*") || parser.isSymbol("**") { throw parser.error(.unsupported("an argument with '*'")) }
      if case .name(let name) = parser.token.kind, parser.next.kind == .symbol("=") {
        parser.advance()
        parser.advance()
        arguments.named.append((name, try parser.parseExpression()))
      } else {
        guard arguments.named.isEmpty else { throw parser.unexpected("an argument with a name") }
        arguments.positional.append(try parser.parseExpression())
      }
    }
    return arguments
  }

  private mutating func parseFilter() throws -> TemplatePostfix.Kind {
    let name = try expectName("the name of a filter")
    return .filter(name, skip(.symbol("(")) ? try parseArguments() : TemplateArguments())
  }

  /// The filters of a block that captures its output.
  mutating func parseFilters() throws -> [TemplatePostfix] {
    var filters: [TemplatePostfix] = []
    while isSymbol("|") {
      let line = token.line
      advance()
      filters.append(TemplatePostfix(line: line, kind: try parseFilter()))
    }
    return filters
  }

  private mutating func parseTest() throws -> TemplatePostfix.Kind {
    let isNegated = skip(.name("not"))
    let name = try expectName("the name of a test")
    var arguments = TemplateArguments()
    switch token.kind {
    case .symbol("("):
      advance()
      arguments = try parseArguments()
    case .name("else"), .name("or"), .name("and"): break
    case .name("is"): throw unexpected("one test at a time")
    case .name, .string, .integer, .float, .symbol("["), .symbol("{"):
      arguments.positional = [
        try nested { parser in
          let line = parser.token.line
          let primary = try parser.parsePrimary()
          var parts: [TemplatePostfix] = []
          while let part = try parser.parsePostfix(withFilters: false, after: nil) { parts.append(part) }
          return parts.isEmpty ? primary : TemplateExpression(line: line, kind: .postfix(primary, parts))
        }
      ]
    default: break
    }
    return .test(name, arguments, isNegated: isNegated)
  }
}
