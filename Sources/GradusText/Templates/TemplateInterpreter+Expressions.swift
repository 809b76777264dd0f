/// The arguments of a call, computed.
struct TemplateCall {
  var positional: [TemplateValue] = []
  var named: [(name: String, value: TemplateValue)] = []
}

extension TemplateInterpreter {
  mutating func evaluate(_ expression: TemplateExpression) throws -> TemplateValue {
    line = expression.line
    try charge()
    switch expression.kind {
    case .constant(let value): return value
    case .name(let name): return lookUp(name)
    default: return try nested { try $0.evaluateComposite(expression) }
    }
  }

  private mutating func evaluateComposite(_ expression: TemplateExpression) throws -> TemplateValue {
    switch expression.kind {
    case .constant(let value): return value
    case .name(let name): return lookUp(name)
    case .list(let items): return try madeList(try values(of: items))
    case .tuple(let items): return try madeList(try values(of: items), isTuple: true)
    case .dictionary(let entries): return try dictionary(entries)
    case .negative(let operand): return try negated(try evaluate(operand))
    case .positive(let operand):
      let value = try evaluate(operand)
      guard value.number != nil else { throw error(.kind(of: "'+'", expected: "a number", found: value.kind)) }
      return value.integer.map { .integer($0) } ?? value
    case .not(let operand): return .bool(!(try evaluate(operand).isTrue))
    case .arithmetic(let first, let rest):
      var value = try evaluate(first)
      for (operation, operand) in rest { value = try calculate(value, operation, try evaluate(operand)) }
      return value
    case .concatenation(let operands): return try concatenation(of: operands)
    case .comparison(let first, let rest): return try comparison(first, rest)
    case .all(let operands): return try firstValue(of: operands) { !$0.isTrue }
    case .any(let operands): return try firstValue(of: operands) { $0.isTrue }
    case .conditional(let condition, let then, let otherwise):
      if try evaluate(condition).isTrue { return try evaluate(then) }
      return try otherwise.map { try evaluate($0) } ?? .undefined("the inline if has no else")
    case .postfix(let operand, let parts):
      var value = try evaluate(operand)
      for part in parts { value = try apply(part, to: value) }
      return value
    }
  }

  private mutating func values(of expressions: [TemplateExpression]) throws -> [TemplateValue] {
    var values: [TemplateValue] = []
    for expression in expressions { values.append(try evaluate(expression)) }
    return values
  }

  /// The first value that decides, or the last one.
  private mutating func firstValue(
    of operands: [TemplateExpression], deciding: (TemplateValue) -> Bool
  ) throws -> TemplateValue {
    var value = TemplateValue.null
    for operand in operands {
      value = try evaluate(operand)
      if deciding(value) { break }
    }
    return value
  }

  private mutating func dictionary(
    _ entries: [(key: TemplateExpression, value: TemplateExpression)]
  ) throws -> TemplateValue {
    var dictionary = TemplateDictionary()
    for entry in entries {
      let key = try evaluate(entry.key)
      guard let hash = key.key else {
        throw error(.kind(of: "a mapping", expected: "strings or numbers as keys", found: key.kind))
      }
      dictionary.set(key, hash, try evaluate(entry.value))
    }
    try charge(entries.count * 8)
    try check(depth: .dictionary(dictionary))
    return .dictionary(dictionary)
  }

  private mutating func concatenation(of operands: [TemplateExpression]) throws -> TemplateValue {
    var result = TemplateText()
    for operand in operands {
      let value = try evaluate(operand)
      let part = try text(of: value)
      try check(characters: result.count + part.count)
      result.scalars += part.scalars
    }
    return try made(result)
  }

  private mutating func comparison(
    _ first: TemplateExpression, _ rest: [(operation: String, operand: TemplateExpression)]
  ) throws -> TemplateValue {
    var left = try evaluate(first)
    for (operation, operand) in rest {
      let right = try evaluate(operand)
      guard try compare(left, operation, right) else { return .bool(false) }
      left = right
    }
    return .bool(true)
  }

  // MARK: Parts

  mutating func apply(_ part: TemplatePostfix, to value: TemplateValue) throws -> TemplateValue {
    line = part.line
    try charge()
    switch part.kind {
    case .attribute(let name): return try attribute(name, of: value)
    case .item(let expression):
      let key = try evaluate(expression)
      return try item(key, of: value)
    case .slice(let from, let to, let step): return try slice(value, from, to, step)
    case .call(let arguments): return try call(value, try computed(arguments))
    case .filter(let name, let arguments): return try filter(name, value, try computed(arguments))
    case .test(let name, let arguments, let isNegated):
      let result = try test(name, value, try computed(arguments))
      return .bool(result != isNegated)
    }
  }

  private mutating func computed(_ arguments: TemplateArguments) throws -> TemplateCall {
    var call = TemplateCall(positional: try values(of: arguments.positional))
    for argument in arguments.named { call.named.append((argument.name, try evaluate(argument.value))) }
    return call
  }

  /// `value.name`: what belongs to the kind of value, then a mapping's entry.
  func attribute(_ name: String, of value: TemplateValue) throws -> TemplateValue {
    if let method = method(name, of: value) { return method }
    switch value {
    case .undefined(let what): throw error(.undefined(what))
    case .dictionary(let dictionary): return dictionary[name] ?? missing(name, value)
    case .namespace(let number): return namespaces[number][name] ?? missing(name, value)
    case .loop(let loop): return loop.attribute(name) ?? missing(name, value)
    default: return missing(name, value)
    }
  }

  private func missing(_ name: String, _ value: TemplateValue) -> TemplateValue {
    .undefined("\(value.kind) has no '\(name)'")
  }

  /// `value[key]`: an element or a mapping's entry, then what belongs to the kind of value.
  func item(_ key: TemplateValue, of value: TemplateValue) throws -> TemplateValue {
    switch value {
    case .undefined(let what): throw error(.undefined(what))
    case .dictionary(let dictionary):
      if let found = key.key.flatMap({ dictionary[$0] }) { return found }
    case .namespace(let number):
      if let found = key.key.flatMap({ namespaces[number][$0] }) { return found }
    case .list(let list), .tuple(let list):
      if let index = key.integer {
        return position(index, list.items.count).map { list.items[$0] }
          ?? .undefined("index \(index) is outside a list of \(list.items.count)")
      }
    case .text(let text):
      if let index = key.integer {
        return position(index, text.count).map { .text(TemplateText([text.scalars[$0]])) }
          ?? .undefined("index \(index) is outside a string of \(text.count)")
      }
    default: break
    }
    guard let name = key.text else { return .undefined("\(value.kind) has no such element") }
    return method(name.string, of: value) ?? missing(name.string, value)
  }

  /// Counted from the end where negative; nil outside.
  private func position(_ index: Int, _ count: Int) -> Int? {
    if index >= 0 { return index < count ? index : nil }
    return index >= -count ? index + count : nil
  }

  /// Python's slices.
  private mutating func slice(
    _ value: TemplateValue, _ from: TemplateExpression?, _ to: TemplateExpression?, _ step: TemplateExpression?
  ) throws -> TemplateValue {
    func bound(_ expression: TemplateExpression?, _ interpreter: inout TemplateInterpreter) throws -> Int? {
      guard let bound = try expression.map({ try interpreter.evaluate($0) }) else { return nil }
      if case .null = bound { return nil }
      guard let integer = bound.integer else {
        throw interpreter.error(.kind(of: "a slice", expected: "integers", found: bound.kind))
      }
      return integer
    }
    let (start, end, stride) = (try bound(from, &self), try bound(to, &self), try bound(step, &self) ?? 1)
    guard stride != 0 else { throw error(.value("the step of a slice is 0")) }
    func indices(_ count: Int) -> StrideTo<Int> {
      let (low, high) = stride > 0 ? (0, count) : (-1, count - 1)
      func clamped(_ bound: Int?, _ standard: Int) -> Int {
        guard let bound else { return standard }
        return min(max(bound < 0 ? max(bound, -count - 1) + count : bound, low), high)
      }
      let step = min(max(stride, -count - 1), count + 1)
      let first = clamped(start, stride > 0 ? low : high)
      return Swift.stride(from: first, to: clamped(end, stride > 0 ? high : low), by: step)
    }
    switch value {
    case .text(let text): return try made(TemplateText(indices(text.count).map { text.scalars[$0] }))
    case .list(let list): return try madeList(indices(list.items.count).map { list.items[$0] })
    case .tuple(let list): return try madeList(indices(list.items.count).map { list.items[$0] }, isTuple: true)
    case .undefined(let what): throw error(.undefined(what))
    default: throw error(.kind(of: "a slice", expected: "a string or a list", found: value.kind))
    }
  }

  /// What a loop over the value meets.
  mutating func elements(of value: TemplateValue, for user: String) throws -> [TemplateValue] {
    let elements: [TemplateValue]
    switch value {
    case .undefined: elements = []
    case .list(let list), .tuple(let list): elements = list.items
    case .dictionary(let dictionary): elements = dictionary.entries.map(\.key)
    case .text(let text):
      try charge(text.count * 8)
      elements = text.scalars.map { .text(TemplateText([$0])) }
    default: throw error(.kind(of: user, expected: "a list, a mapping or a string", found: value.kind))
    }
    try charge(elements.count)
    return elements
  }
}
