extension MetadataFilter {
  /// Whether a document's metadata fit, for indexes without columns: each value is read as what it looks like.
  ///
  /// Two numbers are compared as numbers, else two dates (2021, 2021-04, 2021-04-30, with a time where wanted) as dates, else
  /// texts as texts, for equality alone. A document without the attribute fits no condition on it, `!=` included.
  ///
  /// - Throws: ``IndexError/invalidQuery(_:)`` for an order asked of a value that is neither number nor date.
  public func matches(_ metadata: [String: String]) throws -> Bool {
    for condition in conditions {
      switch condition.comparison {
      case .equal, .notEqual: break
      default:
        for text in condition.values where Double(text)?.isFinite != true && DateInterval(text) == nil {
          throw IndexError.invalidQuery("'\(text)' is neither number nor date: only = and != compare it")
        }
      }
      guard let value = metadata[condition.column], condition.matches(value) else { return false }
    }
    return true
  }
}

extension MetadataFilter.Condition {
  fileprivate func matches(_ value: String) -> Bool {
    switch comparison {
    case .equal: return values.contains { Self.isEqual(value, $0) }
    case .notEqual: return !values.contains { Self.isEqual(value, $0) }
    default: break
    }
    guard let first = values.first, let (own, span) = Self.places(value, first) else { return false }
    switch comparison {
    case .below: return own < span.start
    case .atMost: return own < span.end || own == span.start
    case .above: return own >= span.end && own > span.start
    default: return own >= span.start
    }
  }

  private static func isEqual(_ value: String, _ wanted: String) -> Bool {
    if value == wanted { return true }
    guard let (own, span) = places(value, wanted) else { return false }
    return own == span.start || (own > span.start && own < span.end)
  }

  /// Where two values stand as numbers or as dates; what is wanted may be all of a day, month or year.
  private static func places(_ value: String, _ wanted: String) -> (own: Double, span: (start: Double, end: Double))? {
    if let own = Double(value), let number = Double(wanted), own.isFinite, number.isFinite { return (own, (number, number)) }
    guard let own = DateInterval(value), let date = DateInterval(wanted) else { return nil }
    return (own.start, (date.start, date.end))
  }
}

extension MetadataFilter {
  /// The documents that fit: conditions on columns are looked up there, the others in the metadata of the documents that are
  /// left.
  ///
  /// - Parameter metadata: Of a document by number.
  func documents(
    count: Int, columns: ColumnStore?, metadata: (Int) throws -> [String: String]
  ) throws -> DocumentSet {
    var fitting = DocumentSet.all(documents: count)
    var others = MetadataFilter([])
    for condition in conditions {
      if let found = try columns?.documents(matching: condition) {
        fitting.formIntersection(found)
      } else {
        others.conditions.append(condition)
      }
    }
    guard !others.conditions.isEmpty else { return fitting }
    var left = DocumentSet(documents: count)
    for document in fitting.numbers() where try others.matches(metadata(Int(document))) { left.insert(Int(document)) }
    return left
  }
}

extension VectorIndex {
  /// Allows the documents whose metadata fit. O(documents in the index): a pass over the columns that are named, and for a name
  /// that is no column, over the stored documents that are left.
  ///
  /// - Throws: ``VectorIndexError/invalidOption(_:)`` where the index does not store documents; as
  ///   ``MetadataFilter/matches(_:)`` and, for a column, ``InvertedIndex/documents(matching:)``.
  public func filter(matching filter: MetadataFilter) throws -> VectorFilter {
    guard storesDocuments || count == 0 else {
      throw VectorIndexError.invalidOption("\(path) stores no documents, whose metadata a filter is about; build it with them")
    }
    return self.filter(try segments.map { try $0.rows(matching: filter) })
  }
}

extension TokenIndex {
  /// The documents whose metadata fit. Cost and errors as ``VectorIndex/filter(matching:)``.
  public func documents(matching filter: MetadataFilter) throws -> DocumentSet {
    guard storesDocuments || count == 0 else {
      throw VectorIndexError.invalidOption("\(path) stores no documents, whose metadata a filter is about; build it with them")
    }
    var documents = DocumentSet(documents: numberCount)
    for segment in segments {
      for row in try segment.rows(matching: filter) { documents.insert(segment.firstDocument + Int(row)) }
    }
    return documents
  }
}

extension ImpactIndex {
  /// Columns that the index was built with.
  public var columns: [MetadataColumn] { segments[0].documents.columns ?? [] }

  /// The documents whose metadata fit. Cost as ``VectorIndex/filter(matching:)``.
  ///
  /// - Throws: As ``MetadataFilter/matches(_:)`` and, for a column, ``InvertedIndex/documents(matching:)``.
  public func documents(matching filter: MetadataFilter) throws -> DocumentSet {
    var documents = DocumentSet(documents: statistics.documents)
    for segment in segments {
      segment.live.insert(
        try segment.documents.positions(matching: filter), into: &documents, from: segment.firstDocument)
    }
    return documents
  }
}
