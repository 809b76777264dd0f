extension TemplateInterpreter {
  private static let textMethods: Set<String> = [
    "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "startswith", "endswith", "upper", "lower", "title",
    "capitalize",
    "replace", "find", "count", "join", "removeprefix", "removesuffix", "isdigit",
  ]
  private static let dictionaryMethods: Set<String> = ["items", "get", "keys", "values"]

  /// What Python's types bring along.
  func method(_ name: String, of value: TemplateValue) -> TemplateValue? {
    let names: Set<String> =
      switch value {
      case .text: Self.textMethods
      case .dictionary: Self.dictionaryMethods
      case .loop: ["cycle"]
      default: []
      }
    return names.contains(name) ? .method(receiver: value, name: name) : nil
  }

  mutating func call(_ callee: TemplateValue, _ arguments: TemplateCall) throws -> TemplateValue {
    switch callee {
    case .macro(let number): return try nested { try $0.call(macro: number, arguments) }
    case .function(let function): return try call(function, arguments)
    case .method(let receiver, let name):
      switch receiver {
      case .text(let text): return try call(name, of: text, arguments)
      case .dictionary(let dictionary): return try call(name, of: dictionary, arguments)
      case .loop(let loop):
        guard !arguments.positional.isEmpty else { throw error(.value("loop.cycle needs something to cycle through")) }
        return arguments.positional[loop.index % arguments.positional.count]
      default: throw error(.kind(of: "a call", expected: "a function", found: receiver.kind))
      }
    case .undefined(let what): throw error(.undefined(what))
    default: throw error(.kind(of: "a call", expected: "a function", found: callee.kind))
    }
  }

  // MARK: Functions

  private mutating func call(_ function: TemplateFunction, _ arguments: TemplateCall) throws -> TemplateValue {
    var reader = TemplateArgumentReader(function.rawValue, arguments)
    switch function {
    case .raiseException:
      let message = try text(of: try reader.value("message", in: self))
      throw error(.raised(message.string))
    case .namespace, .dictionary:
      var dictionary = TemplateDictionary()
      if let value = arguments.positional.first {
        guard case .dictionary(let start) = value, arguments.positional.count == 1 else {
          throw error(.kind(of: function.rawValue, expected: "one mapping and named values", found: value.kind))
        }
        dictionary = start
      }
      for (name, value) in arguments.named { dictionary[name] = value }
      try charge(dictionary.entries.count * 8)
      try check(depth: .dictionary(dictionary))
      if function == .dictionary { return .dictionary(dictionary) }
      namespaces.append(dictionary)
      return .namespace(namespaces.count - 1)
    case .range:
      let first = try reader.integer("stop", in: self)
      let second = try reader.optionalInteger("end", in: self)
      let step = try reader.optionalInteger("step", in: self) ?? 1
      try reader.finish(in: self)
      guard step != 0 else { throw error(.value("the step of a range is 0")) }
      let (start, end) = second.map { (first, $0) } ?? (0, first)
      guard start != end, (end > start) == (step > 0) else { return try madeList([]) }
      let (distance, overflows) = end.subtractingReportingOverflow(start)
      let count = overflows ? .max : (distance.magnitude - 1) / step.magnitude + 1
      guard count <= UInt(limits.rangeCount) else { throw error(.limit("elements of a range", maximum: limits.rangeCount)) }
      return try madeList((0..<Int(count)).map { .integer(start + $0 * step) })
    case .now:
      let format = try reader.text("format", in: self)
      try reader.finish(in: self)
      guard let date else { throw error(.unsupported("the date, which was not given,")) }
      do {
        return try made(TemplateText(try date.formatted(format.string)))
      } catch let reason as TemplateError.Reason {
        throw error(reason)
      }
    }
  }

  // MARK: Methods

  private mutating func call(
    _ name: String, of dictionary: TemplateDictionary, _ arguments: TemplateCall
  ) throws -> TemplateValue {
    var reader = TemplateArgumentReader("'\(name)'", arguments)
    if name == "get" {
      let key = try reader.value("key", in: self)
      let standard = reader.optional("default") ?? .null
      try reader.finish(in: self)
      guard let hash = key.key else { throw error(.kind(of: "'get'", expected: "a string or a number", found: key.kind)) }
      return dictionary[hash] ?? standard
    }
    try reader.finish(in: self)
    switch name {
    case "keys": return try madeList(dictionary.entries.map(\.key))
    case "values": return try madeList(dictionary.entries.map(\.value))
    default: return try items(of: dictionary)
    }
  }

  mutating func items(of dictionary: TemplateDictionary) throws -> TemplateValue {
    try charge(dictionary.entries.count * 16)
    return try madeList(dictionary.entries.map { .tuple(TemplateList([$0.key, $0.value])) })
  }

  private mutating func call(_ name: String, of text: TemplateText, _ arguments: TemplateCall) throws -> TemplateValue {
    try charge(text.count)
    var reader = TemplateArgumentReader("'\(name)'", arguments)
    let result: TemplateValue
    switch name {
    case "strip", "lstrip", "rstrip":
      let characters = try reader.optionalText("chars", in: self)
      result = try made(text.stripped(left: name != "rstrip", right: name != "lstrip", of: characters))
    case "split", "rsplit":
      let separator = try reader.optionalText("sep", in: self)
      let limit = try reader.optionalInteger("maxsplit", in: self) ?? -1
      if let separator, separator.isEmpty { throw error(.value("'\(name)' needs a separator that is not empty")) }
      guard name == "split" || limit < 0 else { throw error(.unsupported("'rsplit' with a limit")) }
      let cuts = limit < 0 ? Int.max : limit
      // Charged before the parts are made: each takes an array of its own.
      try charge(text.count * 8)
      let parts = separator.map { text.split(at: $0, limit: cuts) } ?? text.splitAtSpaces(limit: cuts)
      result = try madeList(parts.map { .text($0) })
    case "splitlines":
      try charge(text.count * 8)
      result = try madeList(text.lines().map { .text($0) })
    case "startswith", "endswith":
      let affixes = try reader.value("prefix", in: self)
      var found = false
      for affix in affixes.items ?? [affixes] {
        guard let affix = affix.text else { throw error(.kind(of: "'\(name)'", expected: "a string", found: affix.kind)) }
        try charge(min(affix.count, text.count))
        if name == "startswith" ? text.starts(with: affix) : text.ends(with: affix) { found = true }
      }
      result = .bool(found)
    case "removeprefix", "removesuffix":
      let affix = try reader.text("prefix", in: self)
      let isPrefix = name == "removeprefix"
      guard isPrefix ? text.starts(with: affix) : text.ends(with: affix) else { return .text(text) }
      result = try made(TemplateText(isPrefix ? text.scalars[affix.count...] : text.scalars[..<(text.count - affix.count)]))
    case "replace": result = try replaced(text, &reader)
    case "find", "count":
      let part = try reader.text("sub", in: self)
      try charge(part.count)
      let places = part.isEmpty ? [] : text.occurrences(of: part, limit: name == "find" ? 1 : .max)
      if name == "find" {
        result = .integer(part.isEmpty ? 0 : places.first ?? -1)
      } else {
        result = .integer(part.isEmpty ? text.count + 1 : places.count)
      }
    case "join":
      let items = try elements(of: try reader.value("iterable", in: self), for: "'join'")
      for item in items where item.text == nil { throw error(.kind(of: "'join'", expected: "strings", found: item.kind)) }
      result = try joined(items, text)
    case "isdigit":
      result = .bool(
        !text.isEmpty
          && text.scalars.allSatisfy { TemplateText.scalar($0)?.properties.numericType.map { $0 != .numeric } ?? false })
    case "upper": result = try made(text.uppercased())
    case "lower": result = try made(text.lowercased())
    case "title": result = try made(text.titled())
    default: result = try made(text.capitalized())
    }
    try reader.finish(in: self)
    return result
  }

  /// Arguments `old`, `new` and `count`, for the method and the filter.
  mutating func replaced(_ text: TemplateText, _ reader: inout TemplateArgumentReader) throws -> TemplateValue {
    let old = try self.text(of: try reader.value("old", in: self))
    let new = try self.text(of: try reader.value("new", in: self))
    let limit = try reader.optionalInteger("count", in: self) ?? -1
    let most = limit < 0 ? Int.max : limit
    try charge(text.count + old.count)
    let places = old.isEmpty ? min(text.count + 1, most) : text.occurrences(of: old, limit: most).count
    let (growth, overflows) = places.multipliedReportingOverflow(by: max(0, new.count - old.count))
    try check(characters: overflows ? .max : text.count + growth)
    return try made(text.replacing(old, with: new, limit: most))
  }

  mutating func joined(_ items: [TemplateValue], _ separator: TemplateText) throws -> TemplateValue {
    var result = TemplateText()
    for (index, item) in items.enumerated() {
      let part = try text(of: item)
      try check(characters: result.count + part.count + separator.count)
      try charge(separator.count)
      if index > 0 { result.scalars += separator.scalars }
      result.scalars += part.scalars
    }
    return try made(result)
  }
}
