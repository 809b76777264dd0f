/// Reads the statements of a template, by Jinja's grammar.
struct TemplateParser {
  let source: String
  let limits: TemplateLimits
  private let tokens: [TemplateToken]
  private var index = 0
  private var depth = 0
  private var loopDepth = 0
  private var scopeDepth = 0

  static func parse(_ text: String, source: String, limits: TemplateLimits) throws -> [TemplateStatement] {
    var parser = TemplateParser(
      source: source, limits: limits, tokens: try TemplateLexer.tokens(of: text, source: source, limits: limits))
    return try parser.parseStatements(until: [])
  }

  private init(source: String, limits: TemplateLimits, tokens: [TemplateToken]) {
    self.source = source
    self.limits = limits
    self.tokens = tokens
  }

  // MARK: Tokens

  var token: TemplateToken { tokens[index] }

  /// What follows the token; the end of the template comes again and again.
  var next: TemplateToken { tokens[min(index + 1, tokens.count - 1)] }

  mutating func advance() { index = min(index + 1, tokens.count - 1) }

  func isSymbol(_ symbol: String) -> Bool { token.kind == .symbol(symbol) }
  func isName(_ name: String) -> Bool { token.kind == .name(name) }

  mutating func skip(_ kind: TemplateToken.Kind) -> Bool {
    guard token.kind == kind else { return false }
    advance()
    return true
  }

  mutating func expect(_ kind: TemplateToken.Kind) throws {
    guard skip(kind) else { throw unexpected(TemplateToken(kind: kind, line: 0).description) }
  }

  mutating func expectName(_ what: String) throws -> String {
    guard case .name(let name) = token.kind else { throw unexpected(what) }
    advance()
    return name
  }

  func unexpected(_ expected: String) -> TemplateError { error(.syntax(expected: expected, found: token.description)) }
  func error(_ reason: TemplateError.Reason) -> TemplateError {
    TemplateError(source: source, line: token.line, reason: reason)
  }

  /// One level further in.
  mutating func nested<Result>(_ body: (inout TemplateParser) throws -> Result) throws -> Result {
    depth += 1
    defer { depth -= 1 }
    guard depth <= limits.depth else { throw error(.limit("levels of blocks and brackets", maximum: limits.depth)) }
    return try body(&self)
  }

  // MARK: Statements

  /// Up to one of the tags, which is left behind the `{%`; with no tags, up to the end of the template.
  private mutating func parseStatements(until ends: [String]) throws -> [TemplateStatement] {
    try nested { parser in
      let opening = parser.token.line
      var statements: [TemplateStatement] = []
      while true {
        let line = parser.token.line
        switch parser.token.kind {
        case .data(let text):
          parser.advance()
          statements.append(TemplateStatement(line: line, kind: .text(text)))
        case .variableBegin:
          parser.advance()
          let expression = try parser.parseTuple()
          try parser.expect(.variableEnd)
          statements.append(TemplateStatement(line: line, kind: .print(expression)))
        case .blockBegin:
          parser.advance()
          let tag = try parser.expectName("the name of a tag")
          if ends.contains(tag) {
            parser.index -= 1
            return statements
          }
          if let kind = try parser.parseStatement(tag, line: line, ends: ends) {
            statements.append(TemplateStatement(line: line, kind: kind))
          }
        default:
          guard ends.isEmpty else {
            throw TemplateError(
              source: parser.source, line: parser.token.line,
              reason: .syntax(
                expected: ends.map { "'\($0)'" }.joined(separator: " or ") + " for the block of line \(opening)",
                found: parser.token.description))
          }
          return statements
        }
      }
    }
  }

  private mutating func parseStatement(_ tag: String, line: Int, ends: [String]) throws -> TemplateStatement.Kind? {
    switch tag {
    case "if": return try parseIf()
    case "for": return try parseFor()
    case "set": return try parseSet()
    case "macro": return try parseMacro(line: line)
    case "generation":
      try expect(.blockEnd)
      return .scope(try parseScope(until: "endgeneration"))
    case "break", "continue":
      guard loopDepth > 0 else {
        throw TemplateError(source: source, line: line, reason: .syntax(expected: "a loop around '\(tag)'", found: "none"))
      }
      try expect(.blockEnd)
      return tag == "break" ? .breakLoop : .continueLoop
    case "elif", "else", "endif", "endfor", "endset", "endmacro", "endgeneration", "endraw":
      let expected = ends.isEmpty ? "no block to end" : ends.map { "'\($0)'" }.joined(separator: " or ")
      throw TemplateError(source: source, line: line, reason: .syntax(expected: expected, found: "'\(tag)'"))
    default: throw TemplateError(source: source, line: line, reason: .unsupported("tag '\(tag)'"))
    }
  }

  /// A body and its end tag; a loop around it cannot be left from inside.
  private mutating func parseScope(until end: String) throws -> [TemplateStatement] {
    let outer = loopDepth
    loopDepth = 0
    scopeDepth += 1
    defer {
      loopDepth = outer
      scopeDepth -= 1
    }
    let body = try parseStatements(until: [end])
    advance()
    try expect(.blockEnd)
    return body
  }

  private mutating func parseIf() throws -> TemplateStatement.Kind {
    var branches: [(condition: TemplateExpression, body: [TemplateStatement])] = []
    while true {
      let condition = try parseTuple(withConditional: false)
      try expect(.blockEnd)
      branches.append((condition, try parseStatements(until: ["elif", "else", "endif"])))
      let tag = try expectName("a tag")
      if tag == "elif" { continue }
      try expect(.blockEnd)
      guard tag == "else" else { return .conditional(branches, otherwise: []) }
      let otherwise = try parseStatements(until: ["endif"])
      advance()
      try expect(.blockEnd)
      return .conditional(branches, otherwise: otherwise)
    }
  }

  private mutating func parseFor() throws -> TemplateStatement.Kind {
    let target = try parseTarget()
    try expect(.name("in"))
    let items = try parseTuple(withConditional: false)
    let filter = skip(.name("if")) ? try parseExpression() : nil
    if isName("recursive") { throw error(.unsupported("a recursive loop")) }
    try expect(.blockEnd)
    loopDepth += 1
    scopeDepth += 1
    let body = try parseStatements(until: ["endfor", "else"])
    loopDepth -= 1
    var otherwise: [TemplateStatement] = []
    if skip(.name("else")) {
      try expect(.blockEnd)
      otherwise = try parseStatements(until: ["endfor"])
    }
    scopeDepth -= 1
    advance()
    try expect(.blockEnd)
    return .loop(TemplateLoop(target: target, items: items, filter: filter, body: body, otherwise: otherwise))
  }

  private mutating func parseTarget() throws -> TemplateTarget {
    let isBracketed = skip(.symbol("("))
    var names = [try expectName("a name to assign to")]
    if !isBracketed, skip(.symbol(".")) { return .attribute(namespace: names[0], name: try expectName("an attribute's name")) }
    var isTuple = false
    while skip(.symbol(",")) {
      isTuple = true
      guard case .name(let name) = token.kind, name != "in" else { break }
      names.append(name)
      advance()
    }
    if isBracketed { try expect(.symbol(")")) }
    for name in names where ["true", "false", "none", "True", "False", "None", "loop"].contains(name) {
      throw error(.syntax(expected: "a name to assign to", found: "'\(name)'"))
    }
    return isTuple ? .names(names) : .name(names[0])
  }

  private mutating func parseSet() throws -> TemplateStatement.Kind {
    let target = try parseTarget()
    if skip(.symbol("=")) {
      let value = try parseTuple()
      try expect(.blockEnd)
      return .assignment(target, value)
    }
    let filters = try parseFilters()
    try expect(.blockEnd)
    return .capture(target, filters: filters, body: try parseScope(until: "endset"))
  }

  private mutating func parseMacro(line: Int) throws -> TemplateStatement.Kind {
    guard scopeDepth == 0 else {
      throw TemplateError(
        source: source, line: line, reason: .unsupported("a macro inside a loop, a macro or a block with variables"))
    }
    let name = try expectName("the macro's name")
    try expect(.symbol("("))
    var parameters: [(name: String, standard: TemplateExpression?)] = []
    while !isSymbol(")") {
      if !parameters.isEmpty { try expect(.symbol(",")) }
      let parameter = try expectName("a parameter's name")
      if skip(.symbol("=")) {
        parameters.append((parameter, try parseExpression()))
      } else if parameters.last?.standard != nil {
        throw unexpected("'=': parameters with a default come last")
      } else {
        parameters.append((parameter, nil))
      }
    }
    advance()
    try expect(.blockEnd)
    return .macro(TemplateMacro(name: name, parameters: parameters, body: try parseScope(until: "endmacro")))
  }
}
