/// Strings as JSON, always in the same bytes.
enum JSONText {
  /// Appends the string in quotes. Escaped are quotes, backslashes, control characters, and the line breaks that Unicode
  /// knows beside LF (NEL, LS, PS), so that a line is a line for every reader; all else stays UTF-8.
  static func appendQuoted(_ text: String, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": output.append(contentsOf: "\\\"".utf8)
      case "\\": output.append(contentsOf: "\\\\".utf8)
      case "\n": output.append(contentsOf: "\\n".utf8)
      case "\r": output.append(contentsOf: "\\r".utf8)
      case "\t": output.append(contentsOf: "\\t".utf8)
      case "\0"..<" ", "\u{7F}", "\u{85}", "\u{2028}", "\u{2029}":
        let digits = String(scalar.value, radix: 16)
        output.append(contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.utf8.count))\(digits)".utf8)
      default: output.append(contentsOf: UTF8.encode(scalar).unsafelyUnwrapped)
      }
    }
    output.append(UInt8(ascii: "\""))
  }

  /// Appends an object of strings, keys in byte order.
  static func appendObject(_ object: [String: String], to output: inout [UInt8]) {
    output.append(UInt8(ascii: "{"))
    let ordered = object.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    for (index, (key, value)) in ordered.enumerated() {
      if index > 0 { output.append(contentsOf: ", ".utf8) }
      appendQuoted(key, to: &output)
      output.append(contentsOf: ": ".utf8)
      appendQuoted(value, to: &output)
    }
    output.append(UInt8(ascii: "}"))
  }
}
