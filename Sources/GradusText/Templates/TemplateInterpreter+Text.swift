extension TemplateInterpreter {
  /// What Python's `str` gives; nothing for an undefined value.
  mutating func text(of value: TemplateValue) throws -> TemplateText {
    switch value {
    case .text(let text): return text
    case .undefined: return TemplateText()
    default:
      var output: [UInt32] = []
      try represent(value, &output)
      return TemplateText(output)
    }
  }

  private mutating func append(_ text: String, _ output: inout [UInt32]) throws {
    try charge(text.utf8.count)
    for scalar in text.unicodeScalars { output.append(scalar.value) }
    try check(characters: output.count)
  }

  /// Python's `repr`.
  private mutating func represent(_ value: TemplateValue, _ output: inout [UInt32]) throws {
    switch value {
    case .undefined: try append("Undefined", &output)
    case .null: try append("None", &output)
    case .bool(let value): try append(value ? "True" : "False", &output)
    case .integer(let value): try append("\(value)", &output)
    case .float(let value): try append(Self.python(value), &output)
    case .text(let text): try quote(text, &output)
    case .list(let list):
      try append("[", &output)
      try represent(list.items, &output)
      try append("]", &output)
    case .tuple(let list):
      try append("(", &output)
      try represent(list.items, &output)
      try append(list.items.count == 1 ? ",)" : ")", &output)
    case .dictionary(let dictionary):
      try append("{", &output)
      for (index, entry) in dictionary.entries.enumerated() {
        if index > 0 { try append(", ", &output) }
        try represent(entry.key, &output)
        try append(": ", &output)
        try represent(entry.value, &output)
      }
      try append("}", &output)
    case .loop, .namespace, .macro, .function, .method: throw error(.unsupported("printing \(value.kind)"))
    }
  }

  private mutating func represent(_ items: [TemplateValue], _ output: inout [UInt32]) throws {
    for (index, item) in items.enumerated() {
      if index > 0 { try append(", ", &output) }
      try represent(item, &output)
    }
  }

  private static func python(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    return value.isInfinite ? (value < 0 ? "-inf" : "inf") : value.description
  }

  private mutating func quote(_ text: TemplateText, _ output: inout [UInt32]) throws {
    try charge(text.count)
    let values = text.values
    let mark = values.contains(0x27) && !values.contains(0x22) ? "\"" : "'"
    try append(mark, &output)
    for scalar in text.scalars {
      let value = scalar & TemplateText.valueMask
      let name: String? =
        switch value {
        case 0x5C: "\\\\"
        case 0x0A: "\\n"
        case 0x0D: "\\r"
        case 0x09: "\\t"
        case 0x27 where mark == "'": "\\'"
        case _ where Self.isPrintable(value): nil
        case ..<0x100: "\\x" + Self.hexadecimal(value, 2)
        case ..<0x10000: "\\u" + Self.hexadecimal(value, 4)
        default: "\\U" + Self.hexadecimal(value, 8)
        }
      if let name {
        for part in name.unicodeScalars { output.append(part.value | scalar & TemplateText.inputFlag) }
      } else {
        output.append(scalar)
      }
    }
    try append(mark, &output)
  }

  private static func isPrintable(_ value: UInt32) -> Bool {
    switch TemplateText.scalar(value)?.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator, nil: false
    case .spaceSeparator: value == 0x20
    default: true
    }
  }

  private static func hexadecimal(_ value: UInt32, _ width: Int) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  // MARK: JSON

  /// `json.dumps` as Hugging Face calls it: other characters than ASCII stay as they are.
  mutating func json(_ value: TemplateValue, _ reader: inout TemplateArgumentReader) throws -> TemplateValue {
    let escapes = reader.optional("ensure_ascii")?.isTrue ?? false
    let indent = try reader.optionalInteger("indent", in: self)
    var separators = (item: indent == nil ? ", " : ",", key: ": ")
    if let pair = reader.optional("separators"), let parts = pair.items {
      guard parts.count == 2, let item = parts[0].text, let key = parts[1].text else {
        throw error(.kind(of: "argument 'separators' of filter 'tojson'", expected: "two strings", found: pair.kind))
      }
      separators = (item.string, key.string)
    }
    let sorts = reader.optional("sort_keys")?.isTrue ?? false
    guard !sorts else { throw error(.unsupported("sort_keys of filter 'tojson'")) }
    var style = JSONStyle(escapes: escapes, indent: indent.map { min(max(0, $0), 100) }, separators: separators)
    var output: [UInt32] = []
    try write(value, &style, &output)
    return .text(TemplateText(output))
  }

  private struct JSONStyle {
    let escapes: Bool
    let indent: Int?
    let separators: (item: String, key: String)
    var level = 0

    var lineStart: String { indent.map { "\n" + String(repeating: " ", count: $0 * level) } ?? "" }
  }

  private mutating func write(_ value: TemplateValue, _ style: inout JSONStyle, _ output: inout [UInt32]) throws {
    switch value {
    case .null: try append("null", &output)
    case .bool(let value): try append(value ? "true" : "false", &output)
    case .integer(let value): try append("\(value)", &output)
    case .float(let value): try append(Self.javaScript(value), &output)
    case .text(let text): try writeString(text, style, &output)
    case .list(let list), .tuple(let list):
      try writeGroup(list.items.count, "[", "]", &style, &output) { interpreter, index, style, output in
        try interpreter.write(list.items[index], &style, &output)
      }
    case .dictionary(let dictionary):
      try writeGroup(dictionary.entries.count, "{", "}", &style, &output) { interpreter, index, style, output in
        let entry = dictionary.entries[index]
        if case .text(let key) = entry.key {
          try interpreter.writeString(key, style, &output)
        } else {
          try interpreter.append("\"", &output)
          try interpreter.write(entry.key, &style, &output)
          try interpreter.append("\"", &output)
        }
        try interpreter.append(style.separators.key, &output)
        try interpreter.write(entry.value, &style, &output)
      }
    default: throw error(.kind(of: "filter 'tojson'", expected: "a value that JSON has", found: value.kind))
    }
  }

  private mutating func writeGroup(
    _ count: Int, _ open: String, _ close: String, _ style: inout JSONStyle, _ output: inout [UInt32],
    _ body: (inout TemplateInterpreter, Int, inout JSONStyle, inout [UInt32]) throws -> Void
  ) throws {
    try append(open, &output)
    style.level += 1
    for index in 0..<count {
      try append((index > 0 ? style.separators.item : "") + style.lineStart, &output)
      try body(&self, index, &style, &output)
    }
    style.level -= 1
    if count > 0 { try append(style.lineStart, &output) }
    try append(close, &output)
  }

  private static func javaScript(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    return value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : value.description
  }

  private mutating func writeString(_ text: TemplateText, _ style: JSONStyle, _ output: inout [UInt32]) throws {
    try charge(text.count)
    try append("\"", &output)
    for scalar in text.scalars {
      let value = scalar & TemplateText.valueMask
      let name: String? =
        switch value {
        case 0x22: "\\\""
        case 0x5C: "\\\\"
        case 0x0A: "\\n"
        case 0x0D: "\\r"
        case 0x09: "\\t"
        case 0x08: "\\b"
        case 0x0C: "\\f"
        case ..<0x20: "\\u" + Self.hexadecimal(value, 4)
        case 0x10000... where style.escapes:
          "\\u" + Self.hexadecimal(0xD800 + (value - 0x10000) >> 10, 4) + "\\u"
            + Self.hexadecimal(0xDC00 + (value - 0x10000) & 0x3FF, 4)
        case 0x7F... where style.escapes && value != 0x7F: "\\u" + Self.hexadecimal(value, 4)
        default: nil
        }
      if let name {
        for part in name.unicodeScalars { output.append(part.value | scalar & TemplateText.inputFlag) }
      } else {
        output.append(scalar)
      }
    }
    try append("\"", &output)
  }
}
