import GradusCore

/// TREC's topics in SGML (`<top>`, closing tags optional) and XML (`<topic number="1">`).
struct TrecTopics {
  private enum Part { case number, title, description, narrative }

  private let bytes: UnsafeBufferPointer<UInt8>
  private let file: String
  private let field: TopicField
  private var queries: [Query] = []
  private var seen: Set<[UInt8]> = []

  /// The topic being read: where it starts and the texts of its parts.
  private var startLine: Int?
  private var texts: [Part: [UInt8]] = [:]
  private var part: Part?

  static func parse(_ bytes: UnsafeBufferPointer<UInt8>, file: String, field: TopicField) throws -> [Query] {
    var parser = TrecTopics(bytes: bytes, file: file, field: field)
    return try parser.parse()
  }

  private init(bytes: UnsafeBufferPointer<UInt8>, file: String, field: TopicField) {
    self.bytes = bytes
    self.file = file
    self.field = field
  }

  private mutating func parse() throws -> [Query] {
    var markup = Markup(bytes)
    while let piece = markup.next() {
      switch piece {
      case .tag(let name, let isEnd, let attributes) where name == "top" || name == "topic":
        try closeTopic()
        guard !isEnd else { continue }
        startLine = bytes[..<markup.offset].count { $0 == 0x0A } + 1
        texts[.number] = Self.attribute("number", in: bytes[attributes])
      case .tag(let name, isEnd: true, _):
        if Self.part(named: name) == part { part = nil }
      case .tag(let name, _, _):
        // Other tags, such as emphasis, do not end a part.
        part = Self.part(named: name) ?? part
      case .text(let range):
        if let part, startLine != nil { Markup.appendText(bytes[range], to: &texts[part, default: []]) }
      }
    }
    try closeTopic()
    guard !queries.isEmpty else { throw failure(1, .unknownFormat) }
    return queries
  }

  private mutating func closeTopic() throws(TopicsFormatError) {
    guard let line = startLine else { return }
    startLine = nil
    part = nil
    let (wanted, label): (Part, String) =
      switch field {
      case .title: (.title, "Topic:")
      case .description: (.description, "Description:")
      case .narrative: (.narrative, "Narrative:")
      }
    let qid = texts[.number].map { Self.trimmed($0, label: "Number:") } ?? ""
    let text = texts[wanted].map { Self.trimmed($0, label: label) } ?? ""
    texts = [:]
    guard !qid.isEmpty else { throw failure(line, .missing("number")) }
    guard qid.isColumn else { throw failure(line, .name(qid)) }
    guard !text.isEmpty else { throw failure(line, .missing(field.rawValue)) }
    guard seen.insert(Array(qid.utf8)).inserted else { throw failure(line, .duplicate(qid: qid)) }
    queries.append(Query(qid: qid, text: text))
  }

  private func failure(_ line: Int, _ reason: TopicsFormatError.Reason) -> TopicsFormatError {
    TopicsFormatError(file: file, line: line, reason: reason)
  }

  private static func part(named name: String) -> Part? {
    switch name {
    case "num", "number": .number
    case "title", "query": .title
    case "desc", "description", "question": .description
    case "narr", "narrative": .narrative
    default: nil
    }
  }

  /// The value of `name="..."`, with either kind of quotes.
  private static func attribute(_ name: String, in bytes: Slice<UnsafeBufferPointer<UInt8>>) -> [UInt8]? {
    let parts = bytes.split(separator: UInt8(ascii: "="), maxSplits: 1)
    guard parts.count == 2, parts[0].filter({ !FieldSplitter.isSpace($0) }).elementsEqual(name.utf8) else { return nil }
    guard let quote = parts[1].first(where: { !FieldSplitter.isSpace($0) }),
      quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'")
    else { return nil }
    let quoted = parts[1].split(separator: quote, maxSplits: 2, omittingEmptySubsequences: false)
    return quoted.count == 3 ? Array(quoted[1]) : nil
  }

  /// The text without its label and without white space around it.
  private static func trimmed(_ text: [UInt8], label: String) -> String {
    var rest = text[...]
    while let first = rest.first, FieldSplitter.isSpace(first) { rest.removeFirst() }
    if rest.starts(with: label.utf8) { rest.removeFirst(label.utf8.count) }
    while let first = rest.first, FieldSplitter.isSpace(first) { rest.removeFirst() }
    while let last = rest.last, FieldSplitter.isSpace(last) { rest.removeLast() }
    return String(decoding: rest, as: UTF8.self)
  }
}
