import GradusCore

/// A query with one relevant and one other document, by name.
public struct TrainingTriple: Sendable, Hashable {
  public let qid: String
  public let positive: String
  public let negative: String

  public init(qid: String, positive: String, negative: String) {
    self.qid = qid
    self.positive = positive
    self.negative = negative
  }
}

/// Streams MS MARCO's training triples of ids: `qid pid+ pid-`, separated by any white space.
///
///     let triples = try TriplesReader(path: "qidpidtriples.train.full.2.tsv.gz")
///     while let triple = try triples.next() { print(triple.qid) }
public final class TriplesReader {
  private let reader: LineReader

  public init(path: String) throws { reader = try LineReader(path: path) }

  /// The next triple, or nil after the last.
  ///
  /// - Throws: ``TriplesFormatError`` where a line has not three fields; ``TextFileError``, ``GzipError``, `FileError`.
  public func next() throws -> TrainingTriple? {
    while let line = try reader.next() {
      var fields = FieldSplitter(line)
      guard let qid = fields.next() else { continue }
      guard let positive = fields.next(), let negative = fields.next(), fields.next() == nil else {
        throw TriplesFormatError(
          file: reader.path, line: reader.lineNumber, found: FieldSplitter.count(in: line))
      }
      return TrainingTriple(qid: String(utf8: qid), positive: String(utf8: positive), negative: String(utf8: negative))
    }
    return nil
  }
}

/// A line of a triples file that has not three fields.
public struct TriplesFormatError: LineError {
  public let file: String
  /// From 1.
  public let line: Int
  public let found: Int

  public init(file: String, line: Int, found: Int) {
    self.file = file
    self.line = line
    self.found = found
  }

  public var problem: String { "expected 3 fields (qid, relevant pid, other pid), found \(found)" }
}
