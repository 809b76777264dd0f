/// Renders the statements of a template, within limits.
struct TemplateInterpreter {
  let source: String
  let limits: TemplateLimits
  let date: TemplateDate?
  /// The caller's variables, those of the template, and those of each block inside.
  var scopes: [[String: TemplateValue]]
  var namespaces: [TemplateDictionary] = []
  private var macros: [TemplateMacro] = []
  private var output: [UInt32] = []
  private var steps = 0
  private var depth = 0
  /// Of what is being computed.
  var line = 1

  private enum Flow { case next, breakLoop, continueLoop }

  static func render(
    _ statements: [TemplateStatement], source: String, variables: [String: TemplateValue], date: TemplateDate?,
    limits: TemplateLimits
  ) throws -> TemplateText {
    var interpreter = TemplateInterpreter(source: source, limits: limits, date: date, scopes: [variables, [:]])
    _ = try interpreter.execute(statements)
    return TemplateText(interpreter.output)
  }

  private init(source: String, limits: TemplateLimits, date: TemplateDate?, scopes: [[String: TemplateValue]]) {
    self.source = source
    self.limits = limits
    self.date = date
    self.scopes = scopes
  }

  // MARK: Limits

  func error(_ reason: TemplateError.Reason) -> TemplateError { TemplateError(source: source, line: line, reason: reason) }

  mutating func charge(_ amount: Int = 1) throws {
    // No amount comes near Int.max: texts and lists are bounded.
    steps += amount
    guard steps <= limits.steps else { throw error(.limit("steps", maximum: limits.steps)) }
  }

  /// A text that was made.
  mutating func made(_ text: TemplateText) throws -> TemplateValue {
    try check(characters: text.count)
    try charge(text.count)
    return .text(text)
  }

  /// Before a text of this length is made.
  func check(characters: Int) throws {
    guard characters <= limits.outputCharacters else {
      throw error(.limit("characters of text", maximum: limits.outputCharacters))
    }
  }

  mutating func madeList(_ items: [TemplateValue], isTuple: Bool = false) throws -> TemplateValue {
    try charge(items.count * 8)
    let list = TemplateList(items)
    let value = isTuple ? TemplateValue.tuple(list) : .list(list)
    try check(depth: value)
    return value
  }

  func check(depth value: TemplateValue) throws {
    guard value.depth <= limits.valueDepth else {
      throw error(.limit("lists and mappings inside each other", maximum: limits.valueDepth))
    }
  }

  mutating func nested<Result>(_ body: (inout TemplateInterpreter) throws -> Result) throws -> Result {
    depth += 1
    defer { depth -= 1 }
    guard depth <= limits.depth * 2 else {
      throw error(.limit("blocks, expressions and macros inside each other", maximum: limits.depth * 2))
    }
    return try body(&self)
  }

  // MARK: Variables

  func lookUp(_ name: String) -> TemplateValue {
    for scope in scopes.reversed() { if let value = scope[name] { return value } }
    if let function = TemplateFunction(rawValue: name), function != .now || date != nil { return .function(function) }
    return .undefined("'\(name)' is undefined")
  }

  private mutating func set(_ name: String, _ value: TemplateValue) { scopes[scopes.count - 1][name] = value }

  private mutating func assign(_ target: TemplateTarget, _ value: TemplateValue) throws {
    switch target {
    case .name(let name): set(name, value)
    case .names(let names):
      let items = try elements(of: value, for: "unpacking")
      guard items.count == names.count else {
        throw error(.value("\(names.count) names cannot take \(items.count) values"))
      }
      for (name, item) in zip(names, items) { set(name, item) }
    case .attribute(let name, let attribute):
      guard case .namespace(let number) = lookUp(name) else {
        throw error(.kind(of: "the assignment to '\(name).\(attribute)'", expected: "a namespace", found: lookUp(name).kind))
      }
      namespaces[number][attribute] = value
      try check(depth: .dictionary(namespaces[number]))
    }
  }

  // MARK: Statements

  private mutating func execute(_ statements: [TemplateStatement]) throws -> Flow {
    try nested { interpreter in
      for statement in statements {
        interpreter.line = statement.line
        try interpreter.charge()
        let flow = try interpreter.execute(statement)
        if flow != .next { return flow }
      }
      return .next
    }
  }

  private mutating func execute(_ statement: TemplateStatement) throws -> Flow {
    switch statement.kind {
    case .text(let text): try write(text)
    case .print(let expression):
      let value = try evaluate(expression)
      try write(try text(of: value).scalars)
    case .conditional(let branches, let otherwise):
      for branch in branches where try evaluate(branch.condition).isTrue { return try execute(branch.body) }
      return try execute(otherwise)
    case .loop(let loop): try run(loop)
    case .assignment(let target, let expression):
      let value = try evaluate(expression)
      try assign(target, value)
    case .capture(let target, let filters, let body):
      var value = TemplateValue.text(try captured { try $0.inScope([:]) { _ = try $0.execute(body) } })
      for filter in filters { value = try apply(filter, to: value) }
      try assign(target, value)
    case .macro(let macro):
      set(macro.name, .macro(macros.count))
      macros.append(macro)
    case .scope(let body): try inScope([:]) { _ = try $0.execute(body) }
    case .breakLoop: return .breakLoop
    case .continueLoop: return .continueLoop
    }
    return .next
  }

  private mutating func write(_ text: [UInt32]) throws {
    try check(characters: output.count + text.count)
    try charge(text.count)
    output += text
  }

  private mutating func inScope(
    _ scope: [String: TemplateValue], _ body: (inout TemplateInterpreter) throws -> Void
  ) throws {
    scopes.append(scope)
    defer { scopes.removeLast() }
    try body(&self)
  }

  /// What the body prints.
  private mutating func captured(_ body: (inout TemplateInterpreter) throws -> Void) throws -> TemplateText {
    let outer = output
    output = []
    defer { output = outer }
    try body(&self)
    return TemplateText(output)
  }

  private mutating func run(_ loop: TemplateLoop) throws {
    var items = try elements(of: try evaluate(loop.items), for: "a loop")
    if let filter = loop.filter {
      var kept: [TemplateValue] = []
      for item in items {
        try inScope([:]) {
          try $0.assign(loop.target, item)
          if try $0.evaluate(filter).isTrue { kept.append(item) }
        }
      }
      items = kept
    }
    if items.isEmpty { return try inScope([:]) { _ = try $0.execute(loop.otherwise) } }
    try charge(items.count)
    let list = TemplateList(items)
    for (index, item) in items.enumerated() {
      var flow = Flow.next
      let state = TemplateLoopState(items: list, index: index)
      try inScope(["loop": .loop(state)]) {
        try $0.assign(loop.target, item)
        flow = try $0.execute(loop.body)
      }
      if flow == .breakLoop { break }
    }
  }

  // MARK: Macros

  mutating func call(macro number: Int, _ arguments: TemplateCall) throws -> TemplateValue {
    let macro = macros[number]
    guard arguments.positional.count <= macro.parameters.count else {
      throw error(.value("macro '\(macro.name)' takes \(macro.parameters.count) arguments, found \(arguments.positional.count)"))
    }
    var values: [String: TemplateValue] = [:]
    for (parameter, value) in zip(macro.parameters, arguments.positional) { values[parameter.name] = value }
    for (name, value) in arguments.named {
      guard macro.parameters.contains(where: { $0.name == name }), values[name] == nil else {
        throw error(.value("macro '\(macro.name)' takes no argument '\(name)', or has it already"))
      }
      values[name] = value
    }
    // A macro sees the variables of the template, not those where it is called.
    let (outerScopes, outerLine) = (scopes, line)
    defer { (scopes, line) = (outerScopes, outerLine) }
    scopes = [scopes[0], scopes[1], values]
    let text = try captured { interpreter in
      for parameter in macro.parameters where values[parameter.name] == nil {
        let value = try parameter.standard.map { try interpreter.evaluate($0) }
        interpreter.set(parameter.name, value ?? .undefined("parameter '\(parameter.name)' was not given"))
      }
      _ = try interpreter.execute(macro.body)
    }
    return .text(text)
  }
}
