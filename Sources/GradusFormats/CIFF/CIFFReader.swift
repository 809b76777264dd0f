import GradusCore

/// Reads a file in the Common Index File Format: the header, then all postings lists, then all document records.
///
///     let reader = try CIFFReader(path: "robust04.ciff.gz")
///     while let list = try reader.nextPostingsList() { print(list.term, list.documentFrequency) }
///     while let document = try reader.nextDocument() { print(document.docno) }
///
/// A message is preceded by its length. Document numbers in lists are gaps; the reader adds them up.
public final class CIFFReader {
  public let path: String
  public let header: CIFFHeader
  private let stream: MessageStream
  private var listsRead = 0
  private var documentsRead = 0

  /// - Throws: ``CIFFError``; `FileError` and `GzipError` where the file cannot be read.
  public init(path: String) throws {
    self.path = path
    stream = try MessageStream(path: path)
    guard let message = try stream.next() else { throw CIFFError(path: path, reason: .truncated) }
    var header = CIFFHeader()
    var version = 0
    var reader = ProtocolBufferReader(message[...])
    while !reader.isAtEnd {
      guard let (field, value) = reader.next() else { throw CIFFError(path: path, reason: .malformed(message: "header")) }
      switch (field, value) {
      case (1, .number(let number)): version = Int(truncatingIfNeeded: number)
      case (2, .number(let number)): header.postingsLists = Int(truncatingIfNeeded: number)
      case (3, .number(let number)): header.documents = Int(truncatingIfNeeded: number)
      case (4, .number(let number)): header.totalPostingsLists = Int(truncatingIfNeeded: number)
      case (5, .number(let number)): header.totalDocuments = Int(truncatingIfNeeded: number)
      case (6, .number(let number)): header.totalTerms = Int(truncatingIfNeeded: number)
      case (7, .double(let number)): header.averageDocumentLength = number
      case (8, .bytes(let text)): header.text = String(decoding: text, as: UTF8.self)
      default: break
      }
    }
    guard version == CIFFHeader.version else { throw CIFFError(path: path, reason: .version(version)) }
    guard header.postingsLists >= 0, header.documents >= 0 else {
      throw CIFFError(path: path, reason: .malformed(message: "header"))
    }
    self.header = header
  }

  /// The next list, or nil after the last.
  public func nextPostingsList() throws -> CIFFPostingsList? {
    guard listsRead < header.postingsLists else { return nil }
    listsRead += 1
    guard let message = try stream.next() else { throw CIFFError(path: path, reason: .truncated) }
    var list = CIFFPostingsList(term: "", documentFrequency: 0, collectionFrequency: 0, documents: [], frequencies: [])
    let malformed = CIFFError(path: path, reason: .malformed(message: "postings list"))
    var reader = ProtocolBufferReader(message[...])
    var previous: UInt64 = 0
    while !reader.isAtEnd {
      guard let (field, value) = reader.next() else { throw malformed }
      switch (field, value) {
      case (1, .bytes(let text)): list.term = String(decoding: text, as: UTF8.self)
      case (2, .number(let number)): list.documentFrequency = Int(truncatingIfNeeded: number)
      case (3, .number(let number)): list.collectionFrequency = Int(truncatingIfNeeded: number)
      case (4, .bytes(let posting)):
        guard let (gap, frequency) = Self.posting(posting), gap <= UInt64(UInt32.max), previous + gap <= UInt64(UInt32.max),
          frequency <= UInt64(UInt32.max)
        else { throw malformed }
        previous += gap
        list.documents.append(UInt32(previous))
        list.frequencies.append(UInt32(frequency))
      default: break
      }
    }
    guard list.documents.count == list.documentFrequency, !list.documents.isEmpty,
      zip(list.documents, list.documents.dropFirst()).allSatisfy({ $0 < $1 }), list.frequencies.allSatisfy({ $0 > 0 }),
      list.frequencies.reduce(0, { $0 + Int($1) }) == list.collectionFrequency
    else { throw CIFFError(path: path, reason: .postings(term: list.term)) }
    return list
  }

  /// Passes all lists that have not been read.
  public func skipPostingsLists() throws {
    while listsRead < header.postingsLists {
      listsRead += 1
      guard try stream.skip() else { throw CIFFError(path: path, reason: .truncated) }
    }
  }

  /// The next document record, or nil after the last; passes the lists that have not been read.
  public func nextDocument() throws -> CIFFDocument? {
    try skipPostingsLists()
    guard documentsRead < header.documents else { return nil }
    documentsRead += 1
    guard let message = try stream.next() else { throw CIFFError(path: path, reason: .truncated) }
    var document = CIFFDocument(number: 0, docno: "", length: 0)
    var reader = ProtocolBufferReader(message[...])
    while !reader.isAtEnd {
      guard let (field, value) = reader.next() else {
        throw CIFFError(path: path, reason: .malformed(message: "document record"))
      }
      switch (field, value) {
      case (1, .number(let number)): document.number = Int(truncatingIfNeeded: number)
      case (2, .bytes(let text)): document.docno = String(decoding: text, as: UTF8.self)
      case (3, .number(let number)): document.length = Int(truncatingIfNeeded: number)
      default: break
      }
    }
    return document
  }

  private static func posting(_ bytes: ArraySlice<UInt8>) -> (gap: UInt64, frequency: UInt64)? {
    var result: (gap: UInt64, frequency: UInt64) = (0, 0)
    var reader = ProtocolBufferReader(bytes)
    while !reader.isAtEnd {
      guard let (field, value) = reader.next() else { return nil }
      switch (field, value) {
      case (1, .number(let number)): result.gap = number
      case (2, .number(let number)): result.frequency = number
      default: break
      }
    }
    return result
  }
}

/// Messages of a file, each preceded by its length as a variable-length number.
private final class MessageStream {
  private let source: ByteSource
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
  private var filled = 0..<0

  init(path: String) throws { source = try ByteSource(path: path) }

  deinit { buffer.deallocate() }

  /// The next message, or nil at the end of the file.
  func next() throws -> [UInt8]? {
    guard let count = try length() else { return nil }
    var message: [UInt8] = []
    // The length may be damaged: room is made as bytes come.
    while message.count < count {
      guard try fill() else { throw CIFFError(path: source.path, reason: .truncated) }
      let part = min(filled.count, count - message.count)
      message.append(contentsOf: buffer[filled.prefix(part)])
      filled = (filled.lowerBound + part)..<filled.upperBound
    }
    return message
  }

  /// Passes a message; false at the end of the file.
  func skip() throws -> Bool {
    guard var count = try length() else { return false }
    while count > 0 {
      guard try fill() else { throw CIFFError(path: source.path, reason: .truncated) }
      let part = min(filled.count, count)
      count -= part
      filled = (filled.lowerBound + part)..<filled.upperBound
    }
    return true
  }

  private func length() throws -> Int? {
    var value = 0
    for shift in stride(from: 0, through: 56, by: 7) {
      guard try fill() else {
        if shift == 0 { return nil }
        throw CIFFError(path: source.path, reason: .truncated)
      }
      let byte = buffer[filled.lowerBound]
      filled = (filled.lowerBound + 1)..<filled.upperBound
      value |= Int(byte & 127) << shift
      if byte < 128 { return value }
    }
    throw CIFFError(path: source.path, reason: .malformed(message: "length of a message"))
  }

  /// Whether there is a byte in the buffer, after reading where there was none.
  private func fill() throws -> Bool {
    if filled.isEmpty { filled = 0..<(try source.read(into: buffer)) }
    return !filled.isEmpty
  }
}
