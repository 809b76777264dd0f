#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusFormats
import Yams

/// A mapping of a YAML file whose keys are taken out one by one; what nobody took is an error with its line.
struct YAMLMapping {
  let file: String
  /// From 1.
  let line: Int
  private let entries: [(key: String, line: Int, value: Node)]
  private var known: [String] = []

  /// The mapping that a file holds.
  ///
  /// - Throws: ``RecipeError`` for what is not YAML, or no mapping; `FileError`.
  static func read(_ path: String) throws -> YAMLMapping {
    let source = try MappedFile(path: path)
    let text = withExtendedLifetime(source) { String(decoding: source.bytes, as: UTF8.self) }
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw RecipeError(file: path, line: line(of: error), reason: .syntax(problem(of: error)))
    }
    guard let root else {
      throw RecipeError(file: path, line: 1, reason: .kind(key: "the file", expected: "a mapping of keys to values"))
    }
    return try YAMLMapping(root, key: "the file", file: path)
  }

  private init(_ node: Node, key: String, file: String) throws {
    guard case .mapping(let mapping) = node else {
      throw RecipeError(
        file: file, line: node.mark?.line ?? 1, reason: .kind(key: key, expected: "a mapping of keys to values"))
    }
    self.file = file
    line = node.mark?.line ?? 1
    entries = try mapping.map { key, value in
      guard let name = key.scalar?.string else {
        throw RecipeError(file: file, line: key.mark?.line ?? 1, reason: .kind(key: "a key", expected: "text"))
      }
      return (name, key.mark?.line ?? 1, value)
    }
  }

  private mutating func take(_ key: String) -> (line: Int, value: Node)? {
    known.append(key)
    return entries.first { $0.key == key }.map { ($0.line, $0.value) }
  }

  func error(_ line: Int, _ reason: RecipeError.Reason) -> RecipeError { RecipeError(file: file, line: line, reason: reason) }

  /// The line of a key, or of the mapping where it has none of that name.
  func line(of key: String) -> Int { entries.first { $0.key == key }?.line ?? line }

  func has(_ key: String) -> Bool { entries.contains { $0.key == key } }

  mutating func text(_ key: String) throws -> String? {
    guard let (line, value) = take(key) else { return nil }
    guard let text = value.scalar?.string else { throw error(line, .kind(key: key, expected: "one value")) }
    return text
  }

  mutating func neededText(_ key: String) throws -> String {
    guard let text = try text(key) else { throw error(line, .missingKey(key)) }
    return text
  }

  mutating func count(_ key: String) throws -> Int? {
    guard let text = try text(key) else { return nil }
    guard let number = Int(text), number >= 1 else {
      throw error(line(of: key), .value(key: key, found: text, expected: "a whole number of at least 1"))
    }
    return number
  }

  mutating func number(_ key: String) throws -> Double? {
    guard let text = try text(key) else { return nil }
    guard let number = Double(text), number.isFinite else {
      throw error(line(of: key), .value(key: key, found: text, expected: "a number"))
    }
    return number
  }

  /// A list of values, or one value.
  mutating func list(_ key: String) throws -> [String]? {
    guard let (line, value) = take(key) else { return nil }
    if let text = value.scalar?.string { return [text] }
    guard case .sequence(let items) = value else { throw error(line, .kind(key: key, expected: "a list of values")) }
    return try items.map { item in
      guard let text = item.scalar?.string else {
        throw error(item.mark?.line ?? line, .kind(key: key, expected: "a list of values"))
      }
      return text
    }
  }

  mutating func mapping(_ key: String) throws -> YAMLMapping? {
    guard let (_, value) = take(key) else { return nil }
    return try YAMLMapping(value, key: key, file: file)
  }

  mutating func mappings(_ key: String) throws -> [YAMLMapping]? {
    guard let (line, value) = take(key) else { return nil }
    guard case .sequence(let items) = value else { throw error(line, .kind(key: key, expected: "a list")) }
    return try items.map { try YAMLMapping($0, key: "an entry of \(key)", file: file) }
  }

  /// All keys and values as text, in order.
  func texts() throws -> [(key: String, value: String, line: Int)] {
    try entries.map { entry in
      guard let text = entry.value.scalar?.string else { throw error(entry.line, .kind(key: entry.key, expected: "one value")) }
      return (entry.key, text, entry.line)
    }
  }

  /// All keys, each with its values, in order: a list, or one value.
  func textLists() throws -> [(key: String, values: [String], line: Int)] {
    var copy = self
    return try entries.map { ($0.key, try copy.list($0.key) ?? [], $0.line) }
  }

  /// - Throws: ``RecipeError/Reason/unknownKey(_:nearest:)`` for the first key that was not asked for.
  func finish() throws {
    for entry in entries where !known.contains(entry.key) {
      throw error(entry.line, .unknownKey(entry.key, nearest: Spelling.nearest(to: entry.key, among: known)))
    }
  }

  private static func line(of error: YamlError) -> Int {
    switch error {
    case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _): mark.line
    case .duplicatedKeysInMapping(_, let context): context.mark.line
    default: 1
    }
  }

  private static func problem(of error: YamlError) -> String {
    switch error {
    case .scanner(_, let problem, _, _), .parser(_, let problem, _, _), .composer(_, let problem, _, _):
      "not YAML: \(problem)"
    case .duplicatedKeysInMapping(let keys, _): "the key '\(keys.map { "\($0)" }.joined(separator: "', '"))' occurs twice"
    default: "not YAML"
    }
  }
}
