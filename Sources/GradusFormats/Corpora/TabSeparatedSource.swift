import GradusCore

/// MS MARCO's `collection.tsv` (pid, passage) and `msmarco-docs.tsv` (docid, url, title, body).
final class TabSeparatedSource: DocumentSource {
  private let reader: LineReader

  init(_ reader: LineReader) { self.reader = reader }

  func next(into fields: inout DocumentFields) throws -> Bool {
    while let line = try reader.next() {
      if line.isEmpty { continue }
      fields.file = reader.path
      fields.line = reader.lineNumber
      let count = TabSplitter.count(in: line)
      var columns = TabSplitter(line)
      guard count == 2 || count == 4, let docno = columns.next() else {
        throw CorpusFormatError(file: reader.path, line: reader.lineNumber, reason: .fieldCount(found: count))
      }
      fields.docno.append(contentsOf: docno)
      if count == 4, let url = columns.next(), let title = columns.next() {
        fields.metadata["url"] = String(utf8: url)
        fields.title.append(contentsOf: title)
      }
      if let text = columns.next() { fields.text.append(contentsOf: text) }
      return true
    }
    return false
  }
}
