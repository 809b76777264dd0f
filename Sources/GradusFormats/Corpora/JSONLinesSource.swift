import GradusCore

/// One JSON object a line: BEIR's corpus, Pyserini's JSON collections and their kin.
final class JSONLinesSource: DocumentSource {
  private let reader: LineReader
  private var key: [UInt8] = []

  init(_ reader: LineReader) { self.reader = reader }

  func next(into fields: inout DocumentFields) throws -> Bool {
    while let line = try reader.next() {
      if line.allSatisfy(FieldSplitter.isSpace) { continue }
      fields.file = reader.path
      fields.line = reader.lineNumber
      do {
        try parse(line, into: &fields)
      } catch let error as JSONError {
        throw CorpusFormatError(file: reader.path, line: reader.lineNumber, reason: .json(error))
      }
      return true
    }
    return false
  }

  private func parse(_ line: UnsafeBufferPointer<UInt8>, into fields: inout DocumentFields) throws {
    var scanner = JSONScanner(line)
    var hasDocno = false
    var hasText = false
    try scanner.beginObject()
    while try scanner.nextKey(into: &key) {
      switch Field(key) {
      case .docno:
        fields.docno.removeAll(keepingCapacity: true)
        if try scanner.peek() == .number {
          fields.docno.append(contentsOf: String(try scanner.readInteger()).utf8)
        } else {
          try scanner.readString(appendingTo: &fields.docno)
        }
        hasDocno = true
      case .title:
        if try scanner.peek() == .null {
          try scanner.readNull()
        } else {
          fields.title.removeAll(keepingCapacity: true)
          try scanner.readString(appendingTo: &fields.title)
        }
      case .text:
        fields.text.removeAll(keepingCapacity: true)
        try scanner.readString(appendingTo: &fields.text)
        hasText = true
      case .metadata where try scanner.peek() == .object: try readMetadata(&scanner, line, into: &fields)
      case .metadata, .other: try scanner.skipValue()
      }
    }
    try scanner.finish()
    guard hasDocno else {
      throw CorpusFormatError(file: reader.path, line: reader.lineNumber, reason: .missing("_id, id, docno or docid"))
    }
    guard hasText else {
      throw CorpusFormatError(file: reader.path, line: reader.lineNumber, reason: .missing("text or contents"))
    }
  }

  /// Strings as they are, other values as their JSON text; null is left out.
  private func readMetadata(
    _ scanner: inout JSONScanner, _ line: UnsafeBufferPointer<UInt8>, into fields: inout DocumentFields
  ) throws {
    try scanner.beginObject()
    while try scanner.nextKey(into: &key) {
      let name = String(decoding: key, as: UTF8.self)
      switch try scanner.peek() {
      case .string: fields.metadata[name] = try scanner.readString()
      case .null: try scanner.readNull()
      default:
        let start = scanner.offset
        try scanner.skipValue()
        fields.metadata[name] = String(decoding: line[start..<scanner.offset], as: UTF8.self)
      }
    }
  }

  private enum Field {
    case docno, title, text, metadata, other

    init(_ key: [UInt8]) {
      switch String(decoding: key, as: UTF8.self) {
      case "_id", "id", "docno", "docid": self = .docno
      case "title": self = .title
      case "text", "contents": self = .text
      case "metadata": self = .metadata
      default: self = .other
      }
    }
  }
}
