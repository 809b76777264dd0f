extension TemplateInterpreter {
  // MARK: Arithmetic

  func negated(_ value: TemplateValue) throws -> TemplateValue {
    if let integer = value.integer {
      let (result, overflows) = 0.subtractingReportingOverflow(integer)
      guard !overflows else { throw overflow }
      return .integer(result)
    }
    guard case .float(let number) = value else {
      if case .undefined(let what) = value { throw error(.undefined(what)) }
      throw error(.kind(of: "'-'", expected: "a number", found: value.kind))
    }
    return .float(-number)
  }

  private var overflow: TemplateError { error(.value("an integer leaves the range of 64 bits")) }

  /// Python's arithmetic: `/` gives a float, `//` and `%` round down.
  mutating func calculate(_ left: TemplateValue, _ operation: String, _ right: TemplateValue) throws -> TemplateValue {
    for case .undefined(let what) in [left, right] { throw error(.undefined(what)) }
    if let first = left.integer, let second = right.integer { return try calculate(first, operation, second) }
    if let first = left.number, let second = right.number { return try calculate(first, operation, second) }
    switch (left, operation, right) {
    case (.text(let first), "+", .text(let second)):
      try check(characters: first.count + second.count)
      return try made(TemplateText(first.scalars + second.scalars))
    case (.list(let first), "+", .list(let second)): return try madeList(first.items + second.items)
    case (.tuple(let first), "+", .tuple(let second)): return try madeList(first.items + second.items, isTuple: true)
    case (.text, "*", _) where right.integer != nil: return try repeated(left, right.integer ?? 0)
    case (_, "*", .text) where left.integer != nil: return try repeated(right, left.integer ?? 0)
    case (.list, "*", _) where right.integer != nil: return try repeated(left, right.integer ?? 0)
    case (_, "*", .list) where left.integer != nil: return try repeated(right, left.integer ?? 0)
    case (.text, "%", _): throw error(.unsupported("formatting with '%'"))
    default:
      let isNumber = left.number != nil
      throw error(
        .kind(
          of: "'\(operation)' after \(left.kind)", expected: isNumber ? "a number" : "another value of its kind",
          found: right.kind))
    }
  }

  private mutating func repeated(_ value: TemplateValue, _ times: Int) throws -> TemplateValue {
    let times = max(0, times)
    func count(_ one: Int) throws -> Int {
      let (total, overflows) = one.multipliedReportingOverflow(by: times)
      try check(characters: overflows ? .max : total)
      return total
    }
    if case .text(let text) = value {
      let total = try count(text.count)
      try charge(total)
      var scalars: [UInt32] = []
      scalars.reserveCapacity(total)
      for _ in 0..<(text.isEmpty ? 0 : times) { scalars += text.scalars }
      return .text(TemplateText(scalars))
    }
    let items = value.items ?? []
    try charge(try count(items.count) * 8)
    return try madeList((0..<(items.isEmpty ? 0 : times)).flatMap { _ in items })
  }

  private func calculate(_ left: Int, _ operation: String, _ right: Int) throws -> TemplateValue {
    let result: (partialValue: Int, overflow: Bool)
    switch operation {
    case "+": result = left.addingReportingOverflow(right)
    case "-": result = left.subtractingReportingOverflow(right)
    case "*": result = left.multipliedReportingOverflow(by: right)
    case "**": return try power(left, right)
    default:
      guard right != 0 else { throw error(.value("division by zero")) }
      if operation == "/" { return .float(Double(left) / Double(right)) }
      let (quotient, overflows) = left.dividedReportingOverflow(by: right)
      guard !overflows else { throw overflow }
      let remainder = left - quotient * right
      let isDown = remainder != 0 && (remainder < 0) != (right < 0)
      return .integer(operation == "//" ? (isDown ? quotient - 1 : quotient) : (isDown ? remainder + right : remainder))
    }
    guard !result.overflow else { throw overflow }
    return .integer(result.partialValue)
  }

  private func power(_ base: Int, _ exponent: Int) throws -> TemplateValue {
    guard exponent >= 0 else { throw error(.unsupported("a negative power")) }
    if base == 0 || base == 1 || exponent == 0 { return .integer(exponent == 0 ? 1 : base) }
    if base == -1 { return .integer(exponent % 2 == 0 ? 1 : -1) }
    var result = 1
    for _ in 0..<min(exponent, 64) {
      let (product, overflows) = result.multipliedReportingOverflow(by: base)
      guard !overflows else { throw overflow }
      result = product
    }
    return .integer(result)
  }

  private func calculate(_ left: Double, _ operation: String, _ right: Double) throws -> TemplateValue {
    switch operation {
    case "+": return .float(left + right)
    case "-": return .float(left - right)
    case "*": return .float(left * right)
    case "**": throw error(.unsupported("a power of floats"))
    default:
      guard right != 0 else { throw error(.value("division by zero")) }
      if operation == "/" { return .float(left / right) }
      var remainder = left.truncatingRemainder(dividingBy: right)
      if remainder != 0, (remainder < 0) != (right < 0) { remainder += right }
      return .float(operation == "%" ? remainder : ((left - remainder) / right).rounded())
    }
  }

  // MARK: Comparison

  mutating func compare(_ left: TemplateValue, _ operation: String, _ right: TemplateValue) throws -> Bool {
    switch operation {
    case "==": return try equal(left, right)
    case "!=": return !(try equal(left, right))
    case "in": return try contains(right, left)
    case "not in": return !(try contains(right, left))
    case "<": return try precedes(left, right)
    case ">": return try precedes(right, left)
    // With NaN, neither holds.
    case "<=": return try precedes(left, right) || equal(left, right)
    default: return try precedes(right, left) || equal(left, right)
    }
  }

  mutating func equal(_ left: TemplateValue, _ right: TemplateValue) throws -> Bool {
    try charge()
    if let first = left.integer, let second = right.integer { return first == second }
    if let first = left.number, let second = right.number { return first == second }
    switch (left, right) {
    case (.undefined, .undefined), (.null, .null): return true
    case (.text(let first), .text(let second)):
      try charge(min(first.count, second.count))
      return first == second
    case (.list(let first), .list(let second)), (.tuple(let first), .tuple(let second)):
      guard first.items.count == second.items.count else { return false }
      for (one, other) in zip(first.items, second.items) where !(try equal(one, other)) { return false }
      return true
    case (.dictionary(let first), .dictionary(let second)):
      guard first.entries.count == second.entries.count else { return false }
      for entry in first.entries {
        guard let other = entry.key.key.flatMap({ second[$0] }), try equal(entry.value, other) else { return false }
      }
      return true
    case (.namespace(let first), .namespace(let second)): return first == second
    case (.macro(let first), .macro(let second)): return first == second
    default: return false
    }
  }

  private mutating func precedes(_ left: TemplateValue, _ right: TemplateValue) throws -> Bool {
    for case .undefined(let what) in [left, right] { throw error(.undefined(what)) }
    if let first = left.integer, let second = right.integer { return first < second }
    if let first = left.number, let second = right.number { return first < second }
    if let first = left.text, let second = right.text {
      try charge(min(first.count, second.count))
      return first.precedes(second)
    }
    if let first = left.items, let second = right.items, left.kind == right.kind {
      for (one, other) in zip(first, second) where !(try equal(one, other)) { return try precedes(one, other) }
      return first.count < second.count
    }
    throw error(.kind(of: "a comparison with \(left.kind)", expected: "another value of its kind", found: right.kind))
  }

  /// `value in container`
  mutating func contains(_ container: TemplateValue, _ value: TemplateValue) throws -> Bool {
    switch container {
    case .text(let text):
      guard let part = value.text else {
        throw error(.kind(of: "'in' before a string", expected: "a string", found: value.kind))
      }
      try charge(text.count + part.count)
      return part.isEmpty || !text.occurrences(of: part, limit: 1).isEmpty
    case .dictionary(let dictionary):
      guard let key = value.key else {
        throw error(.kind(of: "a mapping", expected: "strings or numbers as keys", found: value.kind))
      }
      return dictionary[key] != nil
    case .list, .tuple, .undefined:
      for item in container.items ?? [] where try equal(item, value) { return true }
      return false
    default: throw error(.kind(of: "'in'", expected: "a list, a mapping or a string", found: container.kind))
    }
  }
}
