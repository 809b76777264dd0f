/// A JSON value whose objects keep the order of their keys, so that the same report is always the same bytes.
indirect enum OrderedJSON {
  case object([(String, OrderedJSON)])
  case array([OrderedJSON])
  case string(String)
  /// Written with the fewest digits that read back as the same number; null where not finite, which JSON cannot say.
  case number(Double)
  case integer(Int)
  case boolean(Bool)
  case null

  static func optional(_ value: Double?) -> OrderedJSON { value.map(OrderedJSON.number) ?? .null }

  static func interval(_ value: ConfidenceInterval?) -> OrderedJSON {
    value.map { .array([.number($0.lower), .number($0.upper)]) } ?? .null
  }

  /// On one line, with a space after each comma and colon.
  var text: String {
    var output = ""
    write(to: &output)
    return output
  }

  private func write(to output: inout String) {
    switch self {
    case .object(let members):
      output += "{"
      for (index, member) in members.enumerated() {
        if index > 0 { output += ", " }
        Self.write(string: member.0, to: &output)
        output += ": "
        member.1.write(to: &output)
      }
      output += "}"
    case .array(let elements):
      output += "["
      for (index, element) in elements.enumerated() {
        if index > 0 { output += ", " }
        element.write(to: &output)
      }
      output += "]"
    case .string(let text): Self.write(string: text, to: &output)
    case .number(let value): output += value.isFinite ? "\(value)" : "null"
    case .integer(let value): output += "\(value)"
    case .boolean(let value): output += value ? "true" : "false"
    case .null: output += "null"
    }
  }

  private static func write(string: String, to output: inout String) {
    output += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\r": output += "\\r"
      case "\t": output += "\\t"
      case _ where scalar.value < 0x20:
        let hex = String(scalar.value, radix: 16)
        output += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: output.unicodeScalars.append(scalar)
      }
    }
    output += "\""
  }
}
