/// A strict pull parser for JSON (RFC 8259) over bytes, for formats that general decoders read too slowly or too loosely.
///
/// A decoder that collects keys in a `Dictionary` of `String` hides duplicate keys, which safetensors forbids, and merges
/// keys that are canonically equivalent, which vocabularies contain. This one hands over every key as its bytes, in file
/// order, and allocates nothing of its own.
///
///     var scanner = JSONScanner(bytes), key: [UInt8] = []
///     try scanner.beginObject()
///     while try scanner.nextKey(into: &key) {
///       if key.elementsEqual("count".utf8) { count = try scanner.readInteger() } else { try scanner.skipValue() }
///     }
///     try scanner.finish()
///
/// The caller vouches that the bytes are UTF-8 (``UTF8Validation``) and that they outlive the scanner.
public struct JSONScanner {
  /// What the next value is, before it is read.
  public enum Kind: Sendable { case object, array, string, number, boolean, null }

  /// Values may stand this deep inside each other.
  public static let maximumDepth = 128

  private let bytes: UnsafeBufferPointer<UInt8>
  /// Where the scanner stands, in bytes from the start.
  public private(set) var offset = 0
  private var depth = 0
  private var expectsComma = false

  public init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  // MARK: Structure

  /// The kind of the value that comes next, without consuming it.
  public mutating func peek() throws(JSONError) -> Kind {
    switch try nextSignificantByte() {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
    case UInt8(ascii: "n"): return .null
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    default: throw JSONError(offset: offset, reason: .expected("a value"))
    }
  }

  /// Passes over the brace; ``nextKey(into:)`` then gives the keys.
  public mutating func beginObject() throws(JSONError) { try begin(UInt8(ascii: "{"), "an object") }
  /// Passes over the bracket; ``nextElement()`` then says whether there is a value.
  public mutating func beginArray() throws(JSONError) { try begin(UInt8(ascii: "["), "an array") }

  /// Reads the next key of the object and the colon after it; false at the end of the object, which is then consumed.
  public mutating func nextKey(into key: inout [UInt8]) throws(JSONError) -> Bool {
    guard try advance(closing: UInt8(ascii: "}")) else { return false }
    key.removeAll(keepingCapacity: true)
    try readString(appendingTo: &key)
    try expect(UInt8(ascii: ":"), "a colon after the key")
    return true
  }

  /// True where another element of the array follows; false at its end, which is then consumed.
  public mutating func nextElement() throws(JSONError) -> Bool { try advance(closing: UInt8(ascii: "]")) }

  /// Makes sure that nothing but white space follows.
  public mutating func finish() throws(JSONError) {
    skipWhiteSpace()
    guard offset == bytes.count else { throw JSONError(offset: offset, reason: .trailingBytes) }
  }

  // MARK: Values

  /// Appends the string's UTF-8 bytes, escapes resolved.
  public mutating func readString(appendingTo output: inout [UInt8]) throws(JSONError) {
    try expect(UInt8(ascii: "\""), "a string")
    var start = offset
    while true {
      offset = Self.endOfPlainText(bytes, from: offset)
      guard offset < bytes.count else { throw JSONError(offset: offset, reason: .unexpectedEnd) }
      if offset > start { output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<offset])) }
      let byte = bytes[offset]
      if byte == UInt8(ascii: "\"") {
        offset += 1
        expectsComma = true
        return
      }
      guard byte == UInt8(ascii: "\\") else { throw JSONError(offset: offset, reason: .controlCharacter) }
      try readEscape(appendingTo: &output)
      start = offset
    }
  }

  /// The next value, a string, with its escapes resolved.
  public mutating func readString() throws(JSONError) -> String {
    var output: [UInt8] = []
    try readString(appendingTo: &output)
    return String(decoding: output, as: UTF8.self)
  }

  /// The nearest `Double`; infinite where the number is beyond its range.
  public mutating func readNumber() throws(JSONError) -> Double {
    let range = try numberRange()
    guard let value = DecimalParser.double(UnsafeBufferPointer(rebasing: bytes[range])) else {
      throw JSONError(offset: range.lowerBound, reason: .expected("a number"))
    }
    return value
  }

  /// A number without fraction and exponent that fits `Int`.
  public mutating func readInteger() throws(JSONError) -> Int {
    let range = try numberRange()
    guard let value = DecimalParser.integer(UnsafeBufferPointer(rebasing: bytes[range])) else {
      throw JSONError(offset: range.lowerBound, reason: .expected("an integer"))
    }
    return value
  }

  /// The next value, `true` or `false`.
  public mutating func readBoolean() throws(JSONError) -> Bool {
    if try nextSignificantByte() == UInt8(ascii: "t") {
      try readLiteral("true")
      return true
    }
    try readLiteral("false")
    return false
  }

  /// Passes over the next value, `null`.
  public mutating func readNull() throws(JSONError) {
    skipWhiteSpace()
    try readLiteral("null")
  }

  /// Checks and passes over the next value, whatever it is.
  public mutating func skipValue() throws(JSONError) {
    switch try peek() {
    case .string: try skipString()
    case .number: _ = try numberRange()
    case .boolean: _ = try readBoolean()
    case .null: try readNull()
    case .array:
      try beginArray()
      while try nextElement() { try skipValue() }
    case .object:
      try beginObject()
      while try advance(closing: UInt8(ascii: "}")) {
        try skipString()
        try expect(UInt8(ascii: ":"), "a colon after the key")
        try skipValue()
      }
    }
  }

  // MARK: Pieces

  private mutating func begin(_ bracket: UInt8, _ wanted: String) throws(JSONError) {
    try expect(bracket, wanted)
    depth += 1
    guard depth <= Self.maximumDepth else { throw JSONError(offset: offset, reason: .tooDeep) }
    expectsComma = false
  }

  /// Stands at the next member and returns true, or consumes the closing bracket and returns false.
  private mutating func advance(closing bracket: UInt8) throws(JSONError) -> Bool {
    if try nextSignificantByte() == bracket {
      offset += 1
      depth -= 1
      expectsComma = true
      return false
    }
    if expectsComma { try expect(UInt8(ascii: ","), "a comma") }
    return true
  }

  private mutating func skipString() throws(JSONError) {
    try expect(UInt8(ascii: "\""), "a string")
    var ignored: [UInt8] = []
    while true {
      offset = Self.endOfPlainText(bytes, from: offset)
      guard offset < bytes.count else { throw JSONError(offset: offset, reason: .unexpectedEnd) }
      switch bytes[offset] {
      case UInt8(ascii: "\""):
        offset += 1
        expectsComma = true
        return
      case UInt8(ascii: "\\"): try readEscape(appendingTo: &ignored)
      default: throw JSONError(offset: offset, reason: .controlCharacter)
      }
    }
  }

  private mutating func readEscape(appendingTo output: inout [UInt8]) throws(JSONError) {
    let start = offset
    guard start + 1 < bytes.count else { throw JSONError(offset: bytes.count, reason: .unexpectedEnd) }
    offset += 2
    switch bytes[start + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): output.append(bytes[start + 1])
    case UInt8(ascii: "b"): output.append(0x08)
    case UInt8(ascii: "f"): output.append(0x0C)
    case UInt8(ascii: "n"): output.append(0x0A)
    case UInt8(ascii: "r"): output.append(0x0D)
    case UInt8(ascii: "t"): output.append(0x09)
    case UInt8(ascii: "u"):
      var value = try fourHexDigits()
      if value & 0xFC00 == 0xD800, offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"),
        bytes[offset + 1] == UInt8(ascii: "u")
      {
        offset += 2
        let low = try fourHexDigits()
        guard low & 0xFC00 == 0xDC00 else { throw JSONError(offset: start, reason: .invalidEscape) }
        value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(value) else { throw JSONError(offset: start, reason: .invalidEscape) }
      output.append(contentsOf: UTF8.encode(scalar).unsafelyUnwrapped)
    default: throw JSONError(offset: start, reason: .invalidEscape)
    }
  }

  private mutating func fourHexDigits() throws(JSONError) -> UInt32 {
    guard offset + 4 <= bytes.count else { throw JSONError(offset: bytes.count, reason: .unexpectedEnd) }
    var value: UInt32 = 0
    for index in offset..<offset + 4 {
      let digit: UInt8
      switch bytes[index] {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = bytes[index] - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = bytes[index] - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = bytes[index] - UInt8(ascii: "A") + 10
      default: throw JSONError(offset: index, reason: .invalidEscape)
      }
      value = value << 4 | UInt32(digit)
    }
    offset += 4
    return value
  }

  /// Consumes a number by JSON's grammar: no leading zeros, no bare point, no plus sign.
  private mutating func numberRange() throws(JSONError) -> Range<Int> {
    skipWhiteSpace()
    let start = offset
    if offset < bytes.count, bytes[offset] == UInt8(ascii: "-") { offset += 1 }
    let leading = offset
    try skipDigits()
    guard offset == leading + 1 || bytes[leading] != UInt8(ascii: "0") else {
      throw JSONError(offset: leading, reason: .expected("a number without leading zeros"))
    }
    if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
      offset += 1
      try skipDigits()
    }
    if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
      offset += 1
      if offset < bytes.count, bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-") { offset += 1 }
      try skipDigits()
    }
    expectsComma = true
    return start..<offset
  }

  private mutating func skipDigits() throws(JSONError) {
    let start = offset
    while offset < bytes.count, bytes[offset] &- UInt8(ascii: "0") < 10 { offset += 1 }
    guard offset > start else { throw JSONError(offset: start, reason: .expected("a digit")) }
  }

  private mutating func readLiteral(_ literal: StaticString) throws(JSONError) {
    let count = literal.utf8CodeUnitCount
    for index in 0..<count {
      guard offset + index < bytes.count else { throw JSONError(offset: bytes.count, reason: .unexpectedEnd) }
      guard bytes[offset + index] == literal.utf8Start[index] else {
        throw JSONError(offset: offset, reason: .expected("\(literal)"))
      }
    }
    offset += count
    expectsComma = true
  }

  private mutating func expect(_ byte: UInt8, _ wanted: String) throws(JSONError) {
    guard try nextSignificantByte() == byte else { throw JSONError(offset: offset, reason: .expected(wanted)) }
    offset += 1
  }

  private mutating func nextSignificantByte() throws(JSONError) -> UInt8 {
    skipWhiteSpace()
    guard offset < bytes.count else { throw JSONError(offset: offset, reason: .unexpectedEnd) }
    return bytes[offset]
  }

  private mutating func skipWhiteSpace() {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x0A, 0x0D, 0x09: offset += 1
      default: return
      }
    }
  }

  /// The first quote, backslash or control character at or after `start`; eight bytes at a time.
  private static func endOfPlainText(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs = ones &* 0x80
    let raw = UnsafeRawBufferPointer(bytes)
    var index = start
    while index + 8 <= bytes.count {
      let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      let quote = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
      let backslash = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
      // A byte's high bit is set where the byte is below the subtrahend; bits above the first hit may be wrong.
      let hits = (((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | ((word &- ones &* 0x20) & ~word)) & highs
      if hits != 0 { return index + hits.trailingZeroBitCount >> 3 }
      index += 8
    }
    while index < bytes.count {
      let byte = bytes[index]
      if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { break }
      index += 1
    }
    return index
  }
}
