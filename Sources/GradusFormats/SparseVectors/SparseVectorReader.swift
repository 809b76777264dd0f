import GradusCore

/// A text as weights of terms, as DeepImpact, uniCOIL and SPLADE are exchanged.
public struct SparseVectorRecord: Sendable, Equatable {
  public let name: String
  /// The text, where the file has it.
  public let content: String
  /// Each term once, in the order of the file; finite weights from 0 up. May be empty.
  public let terms: [(term: String, weight: Double)]

  public static func == (first: SparseVectorRecord, second: SparseVectorRecord) -> Bool {
    first.name == second.name && first.content == second.content
      && first.terms.elementsEqual(second.terms) { $0 == $1 }
  }
}

/// Streams JSON lines of weighted texts: `{"id": "d1", "content": "...", "vector": {"heat": 1.4, "flow": 0.7}}`.
///
///     let reader = try SparseVectorReader(path: "unicoil.jsonl.gz")
///     while let record = try reader.next() { print(record.name, record.terms.count) }
///
/// `_id`, `docno`, `docid` and `qid` are read as `id`, `contents` and `text` as `content`; other keys are left alone. Reads plain
/// and gzip files and `-` for standard input.
public final class SparseVectorReader {
  public let path: String
  private let reader: LineReader
  private var key: [UInt8] = []
  private var met: Set<String> = []
  private var names: [String: Int] = [:]

  /// - Throws: `FileError`, ``GzipError``.
  public init(path: String) throws {
    self.path = path
    reader = try LineReader(path: path)
  }

  /// The part of the file that has been read, 0 to 1; nil for pipes.
  public var partRead: Double? { reader.partRead }

  /// The next record, or nil after the last; empty lines are skipped.
  ///
  /// - Throws: ``SparseVectorError``, ``TextFileError``, ``GzipError``, `FileError`.
  public func next() throws -> SparseVectorRecord? {
    while let line = try reader.next() {
      if line.allSatisfy(FieldSplitter.isSpace) { continue }
      do {
        return try parse(line)
      } catch let error as JSONError {
        throw failure(.json(error))
      }
    }
    return nil
  }

  private func failure(_ reason: SparseVectorError.Reason) -> SparseVectorError {
    SparseVectorError(file: path, line: reader.lineNumber, reason: reason)
  }

  private func parse(_ line: UnsafeBufferPointer<UInt8>) throws -> SparseVectorRecord {
    var scanner = JSONScanner(line)
    var name: String?
    var content = ""
    var terms: [(term: String, weight: Double)]?
    try scanner.beginObject()
    while try scanner.nextKey(into: &key) {
      switch String(decoding: key, as: UTF8.self) {
      case "id", "_id", "docno", "docid", "qid":
        name = try scanner.peek() == .number ? String(try scanner.readInteger()) : try scanner.readString()
      case "content", "contents", "text":
        if try scanner.peek() == .string { content = try scanner.readString() } else { try scanner.skipValue() }
      case "vector": terms = try vector(&scanner, line)
      default: try scanner.skipValue()
      }
    }
    try scanner.finish()
    guard let name else { throw failure(.missing("id")) }
    guard let terms else { throw failure(.missing("vector")) }
    guard !name.isEmpty, !name.utf8.contains(where: FieldSplitter.isSpace) else { throw failure(.name(name)) }
    if let first = names.updateValue(reader.lineNumber, forKey: name) { throw failure(.duplicate(name, firstLine: first)) }
    return SparseVectorRecord(name: name, content: content, terms: terms)
  }

  private func vector(
    _ scanner: inout JSONScanner, _ line: UnsafeBufferPointer<UInt8>
  ) throws -> [(term: String, weight: Double)] {
    var terms: [(term: String, weight: Double)] = []
    met.removeAll(keepingCapacity: true)
    try scanner.beginObject()
    while try scanner.nextKey(into: &key) {
      let term = String(decoding: key, as: UTF8.self)
      guard !term.isEmpty else { throw failure(.emptyTerm) }
      guard met.insert(term).inserted else { throw failure(.duplicateTerm(term)) }
      let start = scanner.offset
      let weight: Double
      do {
        weight = try scanner.readNumber()
      } catch {
        // NaN and Infinity, which JSON does not know and some writers write, end here.
        let found = line[start...].prefix { $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "}") }
        let text = String(decoding: found.drop { $0 == UInt8(ascii: ":") || FieldSplitter.isSpace($0) }, as: UTF8.self)
        throw failure(.weight(term: term, found: text))
      }
      guard weight >= 0, weight <= Double(Float.greatestFiniteMagnitude) else {
        throw failure(.weight(term: term, found: "\(weight)"))
      }
      terms.append((term, weight))
    }
    return terms
  }
}

/// A file of weighted texts that cannot be read, with file and line.
public struct SparseVectorError: LineError {
  public enum Reason: Equatable, Sendable {
    case json(JSONError)
    /// A record without the key.
    case missing(String)
    /// An id that is empty or holds white space.
    case name(String)
    case duplicate(String, firstLine: Int)
    case emptyTerm
    case duplicateTerm(String)
    /// Negative, not a number, infinite, or no number at all.
    case weight(term: String, found: String)
  }

  public let file: String
  public let line: Int
  public let reason: Reason

  public init(file: String, line: Int, reason: Reason) {
    self.file = file
    self.line = line
    self.reason = reason
  }

  public var problem: String {
    switch reason {
    case .json(let error): error.description
    case .missing(let key):
      "the record has no '\(key)'; expected {\"id\": ..., \"vector\": {\"term\": weight, ...}}"
    case .name(let name): "id '\(name)' is empty or holds white space"
    case .duplicate(let name, let firstLine): "id '\(name)' occurs already on line \(firstLine)"
    case .emptyTerm: "a weight belongs to a term without letters"
    case .duplicateTerm(let term): "term '\(term)' has two weights"
    case .weight(let term, let found):
      "the weight of term '\(term)' is \(found); expected a finite number from 0 up"
    }
  }
}
