import GradusCore

/// A JSON value as a tree, for the small parts of a file.
enum JSONNode: Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONNode])
  case object([String: JSONNode])

  init(_ scanner: inout JSONScanner) throws(JSONError) {
    switch try scanner.peek() {
    case .null:
      try scanner.readNull()
      self = .null
    case .boolean: self = .bool(try scanner.readBoolean())
    case .number: self = .number(try scanner.readNumber())
    case .string: self = .string(try scanner.readString())
    case .array:
      var values: [JSONNode] = []
      try scanner.beginArray()
      while try scanner.nextElement() { values.append(try JSONNode(&scanner)) }
      self = .array(values)
    case .object:
      var values: [String: JSONNode] = [:]
      var key: [UInt8] = []
      try scanner.beginObject()
      while try scanner.nextKey(into: &key) { values[String(decoding: key, as: UTF8.self)] = try JSONNode(&scanner) }
      self = .object(values)
    }
  }

  subscript(key: String) -> JSONNode { if case .object(let values) = self { values[key] ?? .null } else { .null } }
  var string: String? { if case .string(let value) = self { value } else { nil } }
  var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  var array: [JSONNode]? { if case .array(let values) = self { values } else { nil } }
  var isNull: Bool { self == .null }
  /// An id of at most 10,000,000, beyond all vocabularies.
  var id: Int32? {
    if case .number(let value) = self, value >= 0, value < 10_000_000, value == value.rounded() { Int32(value) } else { nil }
  }
}
