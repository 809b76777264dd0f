import GradusCore

extension ColumnStore {
  /// The documents whose metadata fit a filter, for an index under a path.
  ///
  /// - Parameter store: Nil for an index without columns.
  /// - Throws: ``IndexError/notBuilt(path:what:)`` for a column that there is not, ``IndexError/invalidQuery(_:)`` for a
  ///   comparison or value that does not suit the column.
  static func documents(
    matching filter: MetadataFilter, in store: ColumnStore?, documents: Int, path: String
  ) throws -> DocumentSet {
    var result = DocumentSet.all(documents: documents)
    for condition in filter.conditions {
      guard let found = try store?.documents(matching: condition) else {
        let names = store?.columns.map(\.name) ?? []
        let known = names.isEmpty ? "it has no columns" : "its columns: \(names.joined(separator: ", "))"
        throw IndexError.notBuilt(path: path, what: "column '\(condition.column)' (\(known))")
      }
      result.formIntersection(found)
    }
    return result
  }

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
    let spans = try condition.values.map { try Span($0, of: column) }
    let first = spans[0]
    return try documents(column.name) { value in
      switch condition.comparison {
      case .equal: spans.contains { $0.contains(value) }
      case .notEqual: !value.isNaN && !spans.contains { $0.contains(value) }
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

    init(_ text: String, of column: MetadataColumn) throws {
      if column.kind == .date {
        guard let date = DateInterval(text) else {
          throw IndexError.invalidQuery("'\(text)' is no date for '\(column.name)'; expected 2021, 2021-04 or 2021-04-30")
        }
        (start, end) = (date.start, date.end)
        return
      }
      guard let number = Double(text), number.isFinite else {
        throw IndexError.invalidQuery("'\(text)' is no number for '\(column.name)'")
      }
      (start, end) = (number, number)
    }

    func contains(_ value: Double) -> Bool { value == start || (value > start && value < end) }
  }
}

extension InvertedIndex {
  /// Columns that the index was built with.
  public var columns: [MetadataColumn] { segments[0].segment.columns }

  /// The documents whose metadata fit a filter.
  ///
  /// - Throws: ``IndexError/notBuilt(path:what:)`` for a column that the index does not have, ``IndexError/invalidQuery(_:)``
  ///   for a comparison or value that does not suit the column.
  /// - Complexity: O(documents) for each condition.
  public func documents(matching filter: MetadataFilter) throws -> DocumentSet {
    var result = DocumentSet(documents: statistics.documents)
    for view in segments {
      let here = try ColumnStore.documents(
        matching: filter, in: view.segment.columnStore, documents: view.live.documents, path: path)
      if segments.count == 1, view.live.set == nil { return here }
      view.live.insert(here, into: &result, from: view.firstDocument)
    }
    return result
  }
}
