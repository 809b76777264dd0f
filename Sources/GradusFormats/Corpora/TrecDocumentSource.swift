import GradusCore

/// TREC's documents: `<DOC><DOCNO>..</DOCNO>...</DOC>`, one after the other.
///
/// The title is the first TITLE, HEADLINE, HEAD, HL, TTL or TI. The text is what stands in TEXT, BODY, LP, LEADPARA or
/// ABSTRACT; where a document has none of these, all that is neither its docno nor its title. Tags inside are dropped,
/// entities resolved, white space squeezed.
final class TrecDocumentSource: DocumentSource {
  private let reader: LineReader
  private var document: [UInt8] = []

  init(_ reader: LineReader) { self.reader = reader }

  func next(into fields: inout DocumentFields) throws -> Bool {
    document.removeAll(keepingCapacity: true)
    var startLine = 0
    while let line = try reader.next() {
      let isStart = Self.isTag("<doc>", at: line)
      if startLine == 0 {
        if line.allSatisfy(FieldSplitter.isSpace) { continue }
        guard isStart else {
          throw CorpusFormatError(file: reader.path, line: reader.lineNumber, reason: .unclosedDocument)
        }
        startLine = reader.lineNumber
      } else if isStart {
        throw CorpusFormatError(file: reader.path, line: startLine, reason: .unclosedDocument)
      }
      document.append(contentsOf: line)
      document.append(0x0A)
      if Self.endsDocument(line) {
        fields.file = reader.path
        fields.line = startLine
        try parse(into: &fields)
        return true
      }
    }
    guard startLine == 0 else {
      throw CorpusFormatError(file: reader.path, line: startLine, reason: .unclosedDocument)
    }
    return false
  }

  private func parse(into fields: inout DocumentFields) throws {
    enum Part { case docno, title, text, skipped }
    var other: [UInt8] = []
    var open: [(name: String, part: Part)] = []
    var titleTag: String?
    var hasText = false
    document.withUnsafeBufferPointer { bytes in
      var markup = Markup(bytes)
      while let piece = markup.next() {
        switch piece {
        case .tag(let name, isEnd: true, _):
          if let last = open.lastIndex(where: { $0.name == name }) { open.removeSubrange(last...) }
        case .tag(let name, isEnd: false, _):
          switch name {
          case "docno": open.append((name, .docno))
          case "title", "headline", "head", "hl", "ttl", "ti":
            if titleTag == nil { titleTag = name }
            open.append((name, titleTag == name && fields.title.isEmpty ? .title : .text))
          case "text", "body", "lp", "leadpara", "abstract":
            hasText = true
            open.append((name, .text))
          case "docid", "dochdr", "fileid": open.append((name, .skipped))
          default: break
          }
        case .text(let range):
          switch open.last?.part {
          case .docno: Markup.appendText(bytes[range], to: &fields.docno)
          case .title: Self.append(bytes[range], to: &fields.title)
          case .text: Self.append(bytes[range], to: &fields.text)
          case .skipped: break
          case nil: Self.append(bytes[range], to: &other)
          }
        }
      }
    }
    if !hasText { fields.text = other }
    Self.trim(&fields.docno)
    Self.trim(&fields.title)
    Self.trim(&fields.text)
    guard !fields.docno.isEmpty else {
      throw CorpusFormatError(file: reader.path, line: fields.line, reason: .missing("<DOCNO>"))
    }
  }

  /// A tag between two words separates them.
  private static func append(_ text: Slice<UnsafeBufferPointer<UInt8>>, to output: inout [UInt8]) {
    if let last = output.last, last != 0x20 { output.append(0x20) }
    Markup.appendText(text, to: &output)
  }

  private static func trim(_ text: inout [UInt8]) {
    while text.last == 0x20 { text.removeLast() }
    if text.first == 0x20 { text.removeFirst() }
  }

  private static func isTag(_ tag: StaticString, at line: UnsafeBufferPointer<UInt8>) -> Bool {
    let start = line.firstIndex { !FieldSplitter.isSpace($0) } ?? line.count
    let end = start + tag.utf8CodeUnitCount
    return end <= line.count && (start..<end).allSatisfy { lowered(line[$0]) == tag.utf8Start[$0 - start] }
  }

  private static func endsDocument(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
    let tag: StaticString = "</doc>"
    var end = line.count
    while end > 0, FieldSplitter.isSpace(line[end - 1]) { end -= 1 }
    let start = end - tag.utf8CodeUnitCount
    return start >= 0 && (start..<end).allSatisfy { lowered(line[$0]) == tag.utf8Start[$0 - start] }
  }

  private static func lowered(_ byte: UInt8) -> UInt8 { byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte }
}
