extension ColumnStore {
  /// The documents that fit a condition; nil where there is no such column.
  ///
  /// - Throws: ``IndexError/invalidQuery(_:)`` for a comparison or value that does not suit the column.
  func documents(matching condition: MetadataFilter.Condition) throws -> DocumentSet? {
    guard let column = column(condition.column) else { return nil }
    guard column.kind != .keyword else {
      guard condition.comparison == .equal || condition.comparison == .notEqual else {
        throw IndexError.invalidQuery("'\(column.name)' holds keywords: only = and != compare them")
      }
      var found = try documents(column.name, in: condition.values)
      if condition.comparison == .notEqual {
        found.formComplement()
        found.formIntersection(try documentsWithKeyword(column.name))
      }
      return found
    }
    let intervals = try condition.values.map { try Self.interval($0, of: column) }
    let first = intervals[0]
    return try documents(column.name) { value in
      switch condition.comparison {
      case .equal: intervals.contains { $0.contains(value) }
      case .notEqual: !value.isNaN && !intervals.contains { $0.contains(value) }
      case .below: value < first.start
      case .atMost: value < first.start || first.contains(value)
      case .above: value > first.start && !first.contains(value)
      case .atLeast: value >= first.start
      }
    }
  }

  /// What a value in a filter stands for: a number for itself alone, a date for all of its day, month or year.
  private struct Span {
    let start: Double
    let end: Double

    func contains(_ value: Double) -> Bool { value == start || (value > start && value < end) }
  }

  private static func interval(_ text: String, of column: MetadataColumn) throws -> Span {
    if column.kind == .date {
      guard let date = DateInterval(text) else {
        throw IndexError.invalidQuery("'\(text)' is no date for '\(column.name)'; expected 2021, 2021-04 or 2021-04-30")
      }
      return Span(start: date.start, end: date.end)
    }
    guard let number = Double(text), number.isFinite else {
      throw IndexError.invalidQuery("'\(text)' is no number for '\(column.name)'")
    }
    return Span(start: number, end: number)
  }
}
