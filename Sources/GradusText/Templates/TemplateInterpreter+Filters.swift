extension TemplateInterpreter {
  /// `value | name(arguments)`
  mutating func filter(_ name: String, _ value: TemplateValue, _ arguments: TemplateCall) throws -> TemplateValue {
    var reader = TemplateArgumentReader("filter '\(name)'", arguments)
    let result: TemplateValue
    switch name {
    case "trim":
      let characters = try reader.optionalText("chars", in: self)
      result = try made(try chargedText(of: value).stripped(of: characters))
    case "upper": result = try made(try chargedText(of: value).uppercased())
    case "lower": result = try made(try chargedText(of: value).lowercased())
    case "capitalize": result = try made(try chargedText(of: value).capitalized())
    case "title": result = try made(try chargedText(of: value).titledWords())
    case "string", "safe": result = .text(try text(of: value))
    case "replace": result = try replaced(try text(of: value), &reader)
    case "indent": result = try indented(try chargedText(of: value), &reader)
    case "length", "count": result = try length(of: value)
    case "list": result = try madeList(try elements(of: value, for: "filter 'list'"))
    case "first", "last":
      let items = try elements(of: value, for: "filter '\(name)'")
      result = (name == "first" ? items.first : items.last) ?? .undefined("\(value.kind) has no \(name) element, it is empty")
    case "reverse":
      if case .text(let text) = value {
        result = try made(TemplateText(text.scalars.reversed()))
      } else {
        result = try madeList(try elements(of: value, for: "filter 'reverse'").reversed())
      }
    case "join":
      let separator = try reader.optional("d").map { try text(of: $0) } ?? TemplateText()
      let attribute = try reader.optionalText("attribute", in: self)
      var items = try elements(of: value, for: "filter 'join'")
      if let attribute { items = try items.map { try member(attribute, of: $0) } }
      result = try joined(items, separator)
    case "default", "d":
      let standard = reader.optional("default_value") ?? .text(TemplateText())
      let replacesFalse = reader.optional("boolean")?.isTrue ?? false
      result = value.isUndefined || replacesFalse && !value.isTrue ? standard : value
    case "items":
      switch value {
      case .dictionary(let dictionary): result = try items(of: dictionary)
      case .undefined: result = try madeList([])
      default: throw error(.kind(of: "filter 'items'", expected: "a mapping", found: value.kind))
      }
    case "tojson": result = try json(value, &reader)
    case "int", "float": return try number(name, value, &reader)
    case "abs":
      guard value.number != nil else { throw error(.kind(of: "filter 'abs'", expected: "a number", found: value.kind)) }
      result = (value.number ?? 0) < 0 ? try negated(value) : value.integer.map { .integer($0) } ?? value
    case "map": return try mapped(value, arguments)
    case "select", "reject", "selectattr", "rejectattr": return try selected(name, value, arguments)
    default: throw error(.unsupported("filter '\(name)'"))
    }
    try reader.finish(in: self)
    return result
  }

  private mutating func chargedText(of value: TemplateValue) throws -> TemplateText {
    let text = try text(of: value)
    try charge(text.count)
    return text
  }

  private func length(of value: TemplateValue) throws -> TemplateValue {
    switch value {
    case .undefined: return .integer(0)
    case .text(let text): return .integer(text.count)
    case .list(let list), .tuple(let list): return .integer(list.items.count)
    case .dictionary(let dictionary): return .integer(dictionary.entries.count)
    case .loop(let loop): return .integer(loop.items.items.count)
    default: throw error(.kind(of: "filter 'length'", expected: "a string, a list or a mapping", found: value.kind))
    }
  }

  /// Lines but the first begin with spaces; empty lines only where `blank` says so.
  private mutating func indented(_ text: TemplateText, _ reader: inout TemplateArgumentReader) throws -> TemplateValue {
    let width = reader.optional("width") ?? .integer(4)
    let isFirst = reader.optional("first")?.isTrue ?? false
    let isBlank = reader.optional("blank")?.isTrue ?? false
    guard let indention = width.text ?? width.integer.map({ TemplateText(String(repeating: " ", count: min(max($0, 0), 1000))) })
    else {
      throw error(.kind(of: "filter 'indent'", expected: "a width or a string", found: width.kind))
    }
    let newline = TemplateText("\n")
    var lines = TemplateText(text.scalars + newline.scalars).lines()
    let (growth, overflows) = (lines.count + 1).multipliedReportingOverflow(by: indention.count + 1)
    try check(characters: overflows ? .max : text.count + growth)
    for index in lines.indices where index == 0 ? isFirst : isBlank || !lines[index].isEmpty {
      lines[index].scalars.insert(contentsOf: indention.scalars, at: 0)
    }
    return try joined(lines.map { .text($0) }, newline)
  }

  // MARK: Numbers

  private mutating func number(
    _ name: String, _ value: TemplateValue, _ reader: inout TemplateArgumentReader
  ) throws -> TemplateValue {
    let standard = reader.optional("default") ?? (name == "int" ? .integer(0) : .float(0))
    try reader.finish(in: self)
    if name == "int", let integer = value.integer { return .integer(integer) }
    var number = value.number
    if let text = value.text {
      let digits = text.stripped().string.split(separator: "_", omittingEmptySubsequences: false)
      guard digits.allSatisfy({ !$0.isEmpty }), text.count < 1000 else { return standard }
      let word = digits.joined()
      if name == "int", let integer = Int(word) { return .integer(integer) }
      number = word.utf8.allSatisfy { "0123456789+-.eE".utf8.contains($0) } ? Double(word) : nil
    }
    guard let number else { return standard }
    if name == "float" { return .float(number) }
    return Int(exactly: number.rounded(.towardZero)).map { .integer($0) } ?? standard
  }

  // MARK: Lists

  /// `a.b.0` of a value.
  private func member(_ path: TemplateText, of value: TemplateValue) throws -> TemplateValue {
    var value = value
    for part in path.string.split(separator: ".", omittingEmptySubsequences: false) {
      value = try item(Int(part).map { .integer($0) } ?? .string(String(part)), of: value)
    }
    return value
  }

  /// `map(attribute=...)` or `map(filter, arguments)`.
  private mutating func mapped(_ value: TemplateValue, _ arguments: TemplateCall) throws -> TemplateValue {
    var results: [TemplateValue] = []
    let items = try elements(of: value, for: "filter 'map'")
    if arguments.positional.isEmpty {
      var reader = TemplateArgumentReader("filter 'map'", arguments)
      let attribute = try reader.text("attribute", in: self)
      let standard = reader.optional("default")
      try reader.finish(in: self)
      for item in items {
        let found = try member(attribute, of: item)
        results.append(found.isUndefined ? standard ?? found : found)
      }
    } else {
      guard let name = arguments.positional[0].text?.string else {
        throw error(.kind(of: "filter 'map'", expected: "the name of a filter", found: arguments.positional[0].kind))
      }
      let rest = TemplateCall(positional: Array(arguments.positional.dropFirst()), named: arguments.named)
      for item in items { results.append(try nested { try $0.filter(name, item, rest) }) }
    }
    return try madeList(results)
  }

  /// Items that pass a test, or an attribute of which does; without a test, those that are true.
  private mutating func selected(
    _ name: String, _ value: TemplateValue, _ arguments: TemplateCall
  ) throws -> TemplateValue {
    var rest = arguments
    var attribute: TemplateText?
    if name.hasSuffix("attr") {
      guard let path = rest.positional.first?.text else {
        throw error(
          .kind(of: "filter '\(name)'", expected: "the name of an attribute", found: rest.positional.first?.kind ?? "none"))
      }
      attribute = path
      rest.positional.removeFirst()
    }
    var test: String?
    if !rest.positional.isEmpty {
      guard let word = rest.positional.removeFirst().text else {
        throw error(.kind(of: "filter '\(name)'", expected: "the name of a test", found: "another value"))
      }
      test = word.string
    }
    var kept: [TemplateValue] = []
    for item in try elements(of: value, for: "filter '\(name)'") {
      let part = try attribute.map { try member($0, of: item) } ?? item
      let passes = try test.map { try self.test($0, part, rest) } ?? part.isTrue
      if passes == name.hasPrefix("select") { kept.append(item) }
    }
    return try madeList(kept)
  }
}
