import GradusCore

/// The outputs of a stage as bytes: numbers little-endian, scores as their 64 bits, texts with their length before them.
enum StageCoding {
  static func encode(_ output: StageOutput) -> [UInt8] {
    var writer = Writer()
    writer.number(UInt64(output.truncatedTokens))
    writer.number(UInt64(output.values.count))
    for value in output.values {
      switch value {
      case .query(let query):
        writer.number(0)
        writer.query(query)
      case .list(let list):
        writer.number(1)
        writer.query(list.query)
        writer.text(list.scoreKind.rawValue)
        writer.number(UInt64(list.featureNames.count))
        for name in list.featureNames { writer.text(name) }
        writer.number(UInt64(list.documents.count))
        for (position, document) in list.documents.enumerated() {
          writer.text(document.docno)
          writer.number(document.score.bitPattern)
          for feature in list.features.isEmpty ? [] : list.features[position] { writer.number(feature.bitPattern) }
        }
      case .document(let document):
        writer.number(2)
        for text in [document.docno, document.title, document.text] { writer.text(text) }
        writer.number(UInt64(document.metadata.count))
        for (key, value) in document.metadata.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
          writer.text(key)
          writer.text(value)
        }
      case .answer(let answer):
        writer.number(3)
        writer.text(answer.qid)
        writer.text(answer.text)
        writer.number(UInt64(answer.citations.count))
        for docno in answer.citations { writer.text(docno) }
      }
    }
    return writer.bytes
  }

  /// Nil for bytes that ``encode(_:)`` did not write.
  static func decode(_ bytes: UnsafeRawBufferPointer) -> StageOutput? {
    var reader = Reader(bytes)
    guard let truncated = reader.count(limit: .max), let count = reader.count(limit: bytes.count) else { return nil }
    var output = StageOutput(values: [], truncatedTokens: truncated)
    output.values.reserveCapacity(count)
    for _ in 0..<count {
      guard let value = reader.value() else { return nil }
      output.values.append(value)
    }
    return reader.isAtEnd ? output : nil
  }

  private struct Writer {
    var bytes: [UInt8] = []

    mutating func number(_ value: UInt64) { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }

    mutating func text(_ text: String) {
      var text = text
      text.withUTF8 { utf8 in
        number(UInt64(utf8.count))
        bytes.append(contentsOf: utf8)
      }
    }

    mutating func query(_ query: Query) {
      text(query.qid)
      text(query.text)
    }
  }

  private struct Reader {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { offset == bytes.count }

    mutating func number() -> UInt64? {
      guard bytes.count - offset >= 8 else { return nil }
      defer { offset += 8 }
      return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// A number of things, each of at least one byte where `limit` is the number of bytes.
    mutating func count(limit: Int) -> Int? {
      guard let number = number(), let count = Int(exactly: number), count <= limit else { return nil }
      return count
    }

    mutating func text() -> String? {
      guard let count = count(limit: bytes.count - offset), count <= bytes.count - offset else { return nil }
      defer { offset += count }
      return String(decoding: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]), as: UTF8.self)
    }

    mutating func double() -> Double? { number().map(Double.init(bitPattern:)) }

    mutating func query() -> Query? {
      guard let qid = text(), let text = text() else { return nil }
      return Query(qid: qid, text: text)
    }

    mutating func texts() -> [String]? {
      guard let count = count(limit: bytes.count) else { return nil }
      var texts: [String] = []
      for _ in 0..<count {
        guard let text = text() else { return nil }
        texts.append(text)
      }
      return texts
    }

    mutating func value() -> PipelineBox? {
      switch number() {
      case 0: return query().map(PipelineBox.query)
      case 1: return list().map(PipelineBox.list)
      case 2:
        guard let docno = text(), let title = text(), let body = text(), let pairs = count(limit: bytes.count) else { return nil }
        var metadata: [String: String] = [:]
        for _ in 0..<pairs {
          guard let key = text(), let value = text() else { return nil }
          metadata[key] = value
        }
        return .document(Document(docno: docno, title: title, text: body, metadata: metadata))
      case 3:
        guard let qid = text(), let text = text(), let citations = texts() else { return nil }
        return .answer(Answer(qid: qid, text: text, citations: citations))
      default: return nil
      }
    }

    private mutating func list() -> RankedList? {
      guard let query = query(), let kind = text().flatMap(ScoreKind.init(rawValue:)), let names = texts(),
        let count = count(limit: bytes.count)
      else { return nil }
      var documents: [ScoredDocument] = []
      var features: [[Double]] = []
      documents.reserveCapacity(count)
      for _ in 0..<count {
        guard let docno = text(), let score = double() else { return nil }
        documents.append(ScoredDocument(docno: docno, score: score))
        guard !names.isEmpty else { continue }
        var vector: [Double] = []
        for _ in names {
          guard let value = double() else { return nil }
          vector.append(value)
        }
        features.append(vector)
      }
      return RankedList(query: query, scoreKind: kind, ordered: documents, featureNames: names, features: features)
    }
  }
}
