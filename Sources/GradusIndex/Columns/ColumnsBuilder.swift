import GradusCore

/// Collects the columns of the documents of an index that is being built, and writes them.
///
/// The directory is JSON. The data of a column begins at a multiple of 8 bytes. Numbers and dates: f64 per document, NaN where
/// there is no value. Keywords: u64 values, u64 places of their texts and of the end, u32 per document with 1 + the number of
/// its value in byte order or 0, then the texts.
struct ColumnsBuilder {
  /// One column in the directory.
  struct Entry: Codable, Equatable {
    let column: MetadataColumn
    let offset: Int
    let bytes: Int
  }

  private var columns: [Column] = []

  private struct Column {
    let definition: MetadataColumn
    var numbers: [Double] = []
    var keywords: [UInt32] = []
    var texts: [String] = []
    var places: [String: UInt32] = [:]
  }

  /// - Throws: ``IndexError/invalidQuery(_:)`` for a column that is listed twice.
  init(_ definitions: [MetadataColumn]) throws {
    var names: Set<String> = []
    for definition in definitions {
      guard names.insert(definition.name).inserted else {
        throw IndexError.invalidQuery("column '\(definition.name)' is listed twice")
      }
      columns.append(Column(definition: definition))
    }
  }

  /// Adds a document's values; a refused document changes nothing.
  ///
  /// - Throws: ``IndexError/invalidColumnValue(docno:column:value:expected:)``.
  mutating func append(_ document: Document) throws {
    let numbers = try numbers(of: document)
    for place in columns.indices {
      let definition = columns[place].definition
      guard definition.kind == .keyword else {
        columns[place].numbers.append(numbers[place])
        continue
      }
      guard let text = document.metadata[definition.name] else {
        columns[place].keywords.append(0)
        continue
      }
      let known = columns[place].places[text]
      let keyword = known ?? UInt32(columns[place].texts.count + 1)
      if known == nil {
        columns[place].texts.append(text)
        columns[place].places[text] = keyword
      }
      columns[place].keywords.append(keyword)
    }
  }

  /// Throws what ``append(_:)`` would.
  func check(_ document: Document) throws { _ = try numbers(of: document) }

  /// By column; NaN for keywords and where there is no value.
  private func numbers(of document: Document) throws -> [Double] {
    try columns.map { column in
      guard column.definition.kind != .keyword, let text = document.metadata[column.definition.name] else { return .nan }
      return try Self.number(text, of: column.definition, docno: document.docno)
    }
  }

  private static func number(_ text: String, of column: MetadataColumn, docno: String) throws -> Double {
    func invalid(_ expected: String) -> IndexError {
      .invalidColumnValue(docno: docno, column: column.name, value: text, expected: expected)
    }
    if column.kind == .date {
      guard let date = DateInterval(text) else { throw invalid("a date such as 2021, 2021-04 or 2021-04-30") }
      return date.start
    }
    guard let value = Double(text), value.isFinite else { throw invalid("a finite number") }
    return value
  }

  /// Writes the file of columns of a segment, if there are any.
  func write(to directory: String, number: Int, calls: SystemCalls) throws -> IndexManifest.File? {
    guard !columns.isEmpty else { return nil }
    let name = IndexFolder.segmentName(generation: number, kind: "columns")
    let file = try SectionFileWriter(path: directory + "/" + name, kind: .columns, calls: calls)
    try write(to: file)
    return IndexManifest.File(name: name, bytes: try file.finish())
  }

  private func write(to file: SectionFileWriter) throws {
    try file.begin(.columnData)
    var entries: [Entry] = []
    for column in columns {
      let start = file.sectionCount
      switch column.definition.kind {
      case .number, .date: try column.numbers.withUnsafeBytes { try file.append($0) }
      case .keyword: try writeKeywords(column, to: file)
      }
      entries.append(Entry(column: column.definition, offset: start, bytes: file.sectionCount - start))
      try file.append([UInt8](repeating: 0, count: (8 - file.sectionCount % 8) % 8))
    }
    try file.begin(.columnDirectory)
    try file.append(try Self.encode(entries))
  }

  private func writeKeywords(_ column: Column, to file: SectionFileWriter) throws {
    let order = column.texts.indices.sorted { column.texts[$0].utf8.lexicographicallyPrecedes(column.texts[$1].utf8) }
    var ranks = [UInt32](repeating: 0, count: order.count + 1)
    var offsets: [UInt64] = [0]
    for (rank, place) in order.enumerated() {
      ranks[place + 1] = UInt32(rank + 1)
      offsets.append(offsets[rank] + UInt64(column.texts[place].utf8.count))
    }
    try file.append([UInt64(order.count)])
    try file.append(offsets)
    try file.append(column.keywords.map { ranks[Int($0)] })
    for place in order { try file.append(Array(column.texts[place].utf8)) }
  }
}
