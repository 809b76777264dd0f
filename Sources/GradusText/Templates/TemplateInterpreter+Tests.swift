extension TemplateInterpreter {
  /// `value is name(arguments)`
  mutating func test(_ name: String, _ value: TemplateValue, _ arguments: TemplateCall) throws -> Bool {
    var reader = TemplateArgumentReader("test '\(name)'", arguments)
    let result: Bool
    switch name {
    case "defined": result = !value.isUndefined
    case "undefined": result = value.isUndefined
    case "none": if case .null = value { result = true } else { result = false }
    case "string": result = value.text != nil
    case "mapping": if case .dictionary = value { result = true } else { result = false }
    case "boolean": if case .bool = value { result = true } else { result = false }
    case "true": if case .bool(true) = value { result = true } else { result = false }
    case "false": if case .bool(false) = value { result = true } else { result = false }
    case "integer": if case .integer = value { result = true } else { result = false }
    case "float": if case .float = value { result = true } else { result = false }
    case "number": result = value.number != nil
    case "iterable", "sequence":
      switch value {
      case .undefined, .text, .list, .tuple, .dictionary: result = true
      case .loop: result = name == "iterable"
      default: result = false
      }
    case "callable":
      switch value {
      case .macro, .function, .method: result = true
      default: result = false
      }
    case "odd", "even", "divisibleby":
      guard let integer = value.integer else {
        throw error(.kind(of: "test '\(name)'", expected: "an integer", found: value.kind))
      }
      let divisor = name == "divisibleby" ? try reader.integer("num", in: self) : 2
      guard divisor != 0 else { throw error(.value("division by zero")) }
      result = (divisor == -1 || integer % divisor == 0) == (name != "odd")
    case "upper", "lower":
      let text = try text(of: value)
      try charge(text.count)
      let isCased = text.scalars.contains { TemplateText.scalar($0)?.properties.isCased ?? false }
      result = isCased && (name == "upper" ? text.uppercased() : text.lowercased()) == text
    case "eq", "equalto", "==", "ne", "lt", "lessthan", "le", "gt", "greaterthan", "ge", "in":
      let operations = [
        "ne": "!=", "lt": "<", "lessthan": "<", "le": "<=", "gt": ">", "greaterthan": ">", "ge": ">=", "in": "in",
      ]
      result = try compare(value, operations[name] ?? "==", try reader.value(name == "in" ? "seq" : "b", in: self))
    default: throw error(.unsupported("test '\(name)'"))
    }
    try reader.finish(in: self)
    return result
  }
}

/// Hands out arguments by place or name, and refuses those that nobody took.
struct TemplateArgumentReader {
  private let user: String
  private let call: TemplateCall
  private var position = 0
  private var taken = 0

  init(_ user: String, _ call: TemplateCall) {
    self.user = user
    self.call = call
  }

  mutating func optional(_ name: String) -> TemplateValue? {
    defer { position += 1 }
    if position < call.positional.count { return call.positional[position] }
    guard let argument = call.named.first(where: { $0.name == name }) else { return nil }
    taken += 1
    return argument.value
  }

  mutating func value(_ name: String, in interpreter: TemplateInterpreter) throws -> TemplateValue {
    guard let value = optional(name) else {
      throw interpreter.error(.kind(of: user, expected: "argument '\(name)'", found: "none"))
    }
    return value
  }

  mutating func text(_ name: String, in interpreter: TemplateInterpreter) throws -> TemplateText {
    let value = try value(name, in: interpreter)
    guard let text = value.text else {
      throw interpreter.error(.kind(of: "argument '\(name)' of \(user)", expected: "a string", found: value.kind))
    }
    return text
  }

  /// Nil where it is not given, or none.
  mutating func optionalText(_ name: String, in interpreter: TemplateInterpreter) throws -> TemplateText? {
    guard let value = optional(name) else { return nil }
    if case .null = value { return nil }
    guard let text = value.text else {
      throw interpreter.error(.kind(of: "argument '\(name)' of \(user)", expected: "a string", found: value.kind))
    }
    return text
  }

  mutating func integer(_ name: String, in interpreter: TemplateInterpreter) throws -> Int {
    let value = try value(name, in: interpreter)
    guard let integer = value.integer else {
      throw interpreter.error(.kind(of: "argument '\(name)' of \(user)", expected: "an integer", found: value.kind))
    }
    return integer
  }

  mutating func optionalInteger(_ name: String, in interpreter: TemplateInterpreter) throws -> Int? {
    guard let value = optional(name) else { return nil }
    if case .null = value { return nil }
    guard let integer = value.integer else {
      throw interpreter.error(.kind(of: "argument '\(name)' of \(user)", expected: "an integer", found: value.kind))
    }
    return integer
  }

  func finish(in interpreter: TemplateInterpreter) throws {
    if position < call.positional.count {
      throw interpreter.error(.value("\(user) takes \(position) arguments, found \(call.positional.count)"))
    }
    if taken < call.named.count {
      let names = call.named.map { "'\($0.name)'" }.joined(separator: ", ")
      throw interpreter.error(.unsupported("one of the arguments \(names) of \(user)"))
    }
  }
}
