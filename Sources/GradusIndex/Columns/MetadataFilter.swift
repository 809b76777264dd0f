import GradusCore

/// A condition on the documents' metadata.
///
///     let filter = try MetadataFilter(parsing: "year>=1990 year<2000 lang=en|de")
///
/// Comparisons stand one after the other, separated by spaces, and all must hold: `name=value`, `name!=value`, and for numbers
/// and dates `<`, `<=`, `>` and `>=`. With `=` and `!=` several values may be separated by `|`. A value with spaces, or with
/// other signs of this language, stands in double quotes. A document without a value passes no comparison, `!=` included.
public struct MetadataFilter: Sendable, Equatable {
  /// The sign between a column and its values.
  public enum Comparison: String, Sendable, CaseIterable {
    // Two-character signs first: that is the order in which they are looked for.
    case notEqual = "!=", atMost = "<=", atLeast = ">="
    case equal = "=", below = "<", above = ">"
  }

  /// One column's part of a filter.
  public struct Condition: Sendable, Equatable {
    public let column: String
    public let comparison: Comparison
    /// Several only for `=` and `!=`.
    public let values: [String]

    public init(_ column: String, _ comparison: Comparison, _ values: [String]) {
      self.column = column
      self.comparison = comparison
      self.values = values
    }
  }

  /// All must hold.
  public var conditions: [Condition]

  public init(_ conditions: [Condition]) { self.conditions = conditions }

  /// - Throws: ``IndexError/invalidQuery(_:)``.
  public init(parsing text: String) throws {
    conditions = []
    var rest = Substring(text)
    while true {
      rest = rest.drop { $0.isWhitespace }
      if rest.isEmpty { break }
      let name = rest.prefix { !"!<>=\"".contains($0) && !$0.isWhitespace }
      rest = rest.dropFirst(name.count)
      guard !name.isEmpty, let comparison = Comparison.allCases.first(where: { rest.hasPrefix($0.rawValue) }) else {
        throw IndexError.invalidQuery("filter '\(text)': expected name=value, or another of != < <= > >=, at '\(name)\(rest)'")
      }
      rest = rest.dropFirst(comparison.rawValue.count)
      var values: [String] = []
      repeat {
        if rest.first == "|" { rest = rest.dropFirst() }
        values.append(try Self.value(&rest, of: text))
      } while rest.first == "|"
      guard values.count == 1 || comparison == .equal || comparison == .notEqual else {
        throw IndexError.invalidQuery("filter '\(text)': \(comparison.rawValue) takes one value")
      }
      conditions.append(Condition(String(name), comparison, values))
    }
    if conditions.isEmpty { throw IndexError.invalidQuery("the filter is empty; expected comparisons such as year>=1990") }
  }

  private static func value(_ rest: inout Substring, of text: String) throws -> String {
    if rest.first == "\"" {
      let inner = rest.dropFirst()
      guard let end = inner.firstIndex(of: "\"") else {
        throw IndexError.invalidQuery("filter '\(text)': a quotation mark is not closed")
      }
      rest = inner[inner.index(after: end)...]
      return String(inner[..<end])
    }
    let value = rest.prefix { $0 != "|" && !$0.isWhitespace }
    guard !value.isEmpty else { throw IndexError.invalidQuery("filter '\(text)': a value is missing") }
    rest = rest.dropFirst(value.count)
    return String(value)
  }
}
