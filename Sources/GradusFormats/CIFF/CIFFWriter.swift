import GradusCore

/// Writes a file in the Common Index File Format; a name that ends in `.gz` is compressed.
///
///     let writer = try CIFFWriter(path: "index.ciff.gz", header: header)
///     for list in lists { try writer.append(list) }
///     for document in documents { try writer.append(document) }
///     try writer.commit()
///
/// The counts of the header must be those of what follows, lists first.
public final class CIFFWriter {
  private let file: OutputFile

  /// - Throws: `FileError`.
  public init(path: String, header: CIFFHeader) throws {
    file = try OutputFile(path: path)
    var message = ProtocolBufferWriter()
    message.put(1, CIFFHeader.version)
    message.put(2, header.postingsLists)
    message.put(3, header.documents)
    message.put(4, header.totalPostingsLists)
    message.put(5, header.totalDocuments)
    message.put(6, header.totalTerms)
    message.put(7, header.averageDocumentLength)
    message.put(8, header.text)
    try write(message)
  }

  /// Terms come in ascending order of their bytes, before all documents.
  public func append(_ list: CIFFPostingsList) throws {
    var message = ProtocolBufferWriter()
    message.put(1, list.term)
    message.put(2, list.documentFrequency)
    message.put(3, list.collectionFrequency)
    var previous: UInt32 = 0
    for (document, frequency) in zip(list.documents, list.frequencies) {
      var posting = ProtocolBufferWriter()
      posting.put(1, Int(document - previous))
      posting.put(2, Int(frequency))
      message.put(4, posting.bytes)
      previous = document
    }
    try write(message)
  }

  /// Documents come in the order of their numbers, after all terms.
  public func append(_ document: CIFFDocument) throws {
    var message = ProtocolBufferWriter()
    message.put(1, document.number)
    message.put(2, document.docno)
    message.put(3, document.length)
    try write(message)
  }

  /// Makes the file appear under its name.
  public func commit() throws { try file.commit() }

  private func write(_ message: ProtocolBufferWriter) throws {
    var length = ProtocolBufferWriter()
    length.putNumber(UInt64(message.bytes.count))
    try file.write(length.bytes)
    try file.write(message.bytes)
  }
}
