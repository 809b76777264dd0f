/// A value while a template is rendered: what Python's would be.
enum TemplateValue: Sendable {
  /// Prints as nothing; its text says what is not there.
  case undefined(String)
  case null
  case bool(Bool)
  case integer(Int)
  case float(Double)
  case text(TemplateText)
  case list(TemplateList)
  /// A list that prints in round brackets.
  case tuple(TemplateList)
  case dictionary(TemplateDictionary)
  /// The loop's own variable.
  case loop(TemplateLoopState)
  /// By number: assignments change what all copies see.
  case namespace(Int)
  case macro(Int)
  case function(TemplateFunction)
  indirect case method(receiver: TemplateValue, name: String)

  static func string(_ text: String) -> TemplateValue { .text(TemplateText(text)) }

  var isUndefined: Bool { if case .undefined = self { true } else { false } }

  /// How deep lists and mappings stand inside each other.
  var depth: Int {
    switch self {
    case .list(let list), .tuple(let list): list.depth
    case .dictionary(let dictionary): dictionary.depth
    case .loop(let loop): loop.items.depth + 1
    case .method(let receiver, _): receiver.depth + 1
    default: 0
    }
  }

  /// Python's truth.
  var isTrue: Bool {
    switch self {
    case .undefined, .null: false
    case .bool(let value): value
    case .integer(let value): value != 0
    case .float(let value): value != 0
    case .text(let text): !text.isEmpty
    case .list(let list), .tuple(let list): !list.items.isEmpty
    case .dictionary(let dictionary): !dictionary.entries.isEmpty
    case .loop, .namespace, .macro, .function, .method: true
    }
  }

  /// For errors.
  var kind: String {
    switch self {
    case .undefined: "an undefined value"
    case .null: "none"
    case .bool: "a Boolean"
    case .integer: "an integer"
    case .float: "a float"
    case .text: "a string"
    case .list: "a list"
    case .tuple: "a tuple"
    case .dictionary: "a mapping"
    case .loop: "a loop"
    case .namespace: "a namespace"
    case .macro: "a macro"
    case .function, .method: "a function"
    }
  }

  /// A Boolean counts as 0 or 1, as in Python.
  var integer: Int? {
    switch self {
    case .integer(let value): value
    case .bool(let value): value ? 1 : 0
    default: nil
    }
  }

  var number: Double? { if case .float(let value) = self { value } else { integer.map(Double.init) } }
  var text: TemplateText? { if case .text(let text) = self { text } else { nil } }
  var items: [TemplateValue]? {
    switch self {
    case .list(let list), .tuple(let list): list.items
    default: nil
    }
  }

  /// What a mapping finds this value by; nil where it cannot be a key.
  var key: TemplateDictionary.Key? {
    switch self {
    case .null: .null
    case .bool, .integer: integer.map { .integer($0) }
    case .float(let value): Int(exactly: value).map { .integer($0) } ?? .float(value)
    case .text(let text): .text(text.values)
    default: nil
    }
  }
}

struct TemplateList: Sendable {
  let items: [TemplateValue]
  let depth: Int

  init(_ items: [TemplateValue]) {
    self.items = items
    depth = 1 + (items.lazy.map(\.depth).max() ?? 0)
  }
}

/// A mapping that keeps the order of its keys.
struct TemplateDictionary: Sendable {
  enum Key: Hashable, Sendable {
    case null
    case integer(Int)
    case float(Double)
    case text([UInt32])
  }

  private(set) var entries: [(key: TemplateValue, value: TemplateValue)] = []
  private var places: [Key: Int] = [:]
  private(set) var depth = 1

  init() {}

  /// From names that differ.
  init(_ entries: KeyValuePairs<String, TemplateValue>) {
    for (name, value) in entries { self[name] = value }
  }

  subscript(key: Key) -> TemplateValue? { places[key].map { entries[$0].value } }

  subscript(name: String) -> TemplateValue? {
    get { self[.text(name.unicodeScalars.map(\.value))] }
    set {
      guard let newValue else { return }
      set(.string(name), .text(name.unicodeScalars.map(\.value)), newValue)
    }
  }

  /// The last of equal keys gives the value, the first its place.
  mutating func set(_ key: TemplateValue, _ hash: Key, _ value: TemplateValue) {
    depth = max(depth, 1 + value.depth)
    if let place = places[hash] {
      entries[place].value = value
    } else {
      places[hash] = entries.count
      entries.append((key, value))
    }
  }
}

/// Where a loop stands.
struct TemplateLoopState: Sendable {
  let items: TemplateList
  let index: Int

  func attribute(_ name: String) -> TemplateValue? {
    let count = items.items.count
    return switch name {
    case "index": .integer(index + 1)
    case "index0": .integer(index)
    case "revindex": .integer(count - index)
    case "revindex0": .integer(count - index - 1)
    case "first": .bool(index == 0)
    case "last": .bool(index == count - 1)
    case "length": .integer(count)
    // Only recursive loops go deeper.
    case "depth": .integer(1)
    case "depth0": .integer(0)
    case "previtem": index > 0 ? items.items[index - 1] : .undefined("there is no previous item")
    case "nextitem": index + 1 < count ? items.items[index + 1] : .undefined("there is no next item")
    default: nil
    }
  }
}

/// Functions that every template finds.
enum TemplateFunction: String, CaseIterable, Sendable {
  case raiseException = "raise_exception"
  case namespace
  case range
  case dictionary = "dict"
  /// Only where the caller gives a date.
  case now = "strftime_now"
}
