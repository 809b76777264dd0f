import GradusCore
import GradusFormats
import GradusText

extension InvertedIndex {
  /// Writes the index in the Common Index File Format, which other search engines read; positions and texts are left out.
  ///
  /// - Parameter text: What the header says about the index.
  /// - Throws: `FileError`, ``IndexError/corrupted(path:section:)``.
  public func exportCIFF(to path: String, text: String = "") throws {
    var header = CIFFHeader()
    header.postingsLists = statistics.terms
    header.documents = statistics.documents
    header.totalPostingsLists = statistics.terms
    header.totalDocuments = statistics.documents
    header.totalTerms = statistics.tokens
    header.averageDocumentLength = statistics.averageLength
    header.text = text
    let writer = try CIFFWriter(path: path, header: header)
    // Documents get the numbers that they have in the index.
    var merger = PostingsMerger(
      try segments.map { try SegmentRun($0.segment, $0.deletions, firstDocument: $0.firstDocument) })
    try merger.forEach { term, postings, _, _ in
      try writer.append(
        CIFFPostingsList(
          term: String(decoding: term, as: UTF8.self), documentFrequency: postings.count,
          collectionFrequency: postings.reduce(0) { $0 + Int($1 & 0xFFFF_FFFF) },
          documents: postings.map { UInt32($0 >> 32) }, frequencies: postings.map { UInt32(truncatingIfNeeded: $0) }))
    }
    for number in 0..<statistics.documents {
      let (view, doc) = try place(of: DocIndex(number))
      let table = view.segment.documentTable
      try writer.append(CIFFDocument(number: number, docno: try table.docnos.docno(doc), length: Int(table.lengths[doc])))
    }
    try writer.commit()
  }
}

extension IndexBuilder {
  /// Builds an index from a file in the Common Index File Format. Its documents have no texts.
  ///
  ///     try IndexBuilder.importCIFF("robust04.ciff.gz", to: "robust04", analyzer: AnalyzerConfiguration(language: "porter"))
  ///
  /// The file is read twice, as its lengths come after its postings. Numbers of documents stay what they are in the file.
  ///
  /// - Parameter analyzer: For queries: must be what the terms of the file were made with.
  /// - Throws: `CIFFError`, and what ``add(_:)`` and ``finish()`` throw.
  @discardableResult
  public static func importCIFF(
    _ path: String, to directory: String, analyzer: AnalyzerConfiguration
  ) throws -> IndexStatistics {
    let documents = try orderedDocuments(of: CIFFReader(path: path))
    let builder = try IndexBuilder(directory: directory, analyzer: analyzer, threads: 1)
    for document in documents { try builder.add(Document(docno: document.docno, text: ""), length: UInt32(document.length)) }
    let reader = try CIFFReader(path: path)
    let none = UnsafeBufferPointer<UInt32>(start: nil, count: 0)
    return try builder.finish { writer in
      var previous: [UInt8] = []
      var isFirst = true
      while let list = try reader.nextPostingsList() {
        let term = Array(list.term.utf8)
        guard isFirst || previous.lexicographicallyPrecedes(term) else {
          throw CIFFError(path: path, reason: .termOrder(list.term))
        }
        // A document without length cannot hold a term: scores divide by it.
        guard list.documents.allSatisfy({ Int($0) < documents.count && documents[Int($0)].length > 0 }) else {
          throw CIFFError(path: path, reason: .postings(term: list.term))
        }
        let postings = zip(list.documents, list.frequencies).map { UInt64($0) << 32 | UInt64($1) }
        try term.withUnsafeBufferPointer { term in
          try postings.withUnsafeBufferPointer { try writer.append(term, $0, none, none) }
        }
        previous = term
        isFirst = false
      }
    }
  }

  /// The document records in the order of their numbers, which are 0 and up, each once.
  private static func orderedDocuments(of reader: CIFFReader) throws -> [CIFFDocument] {
    var documents: [CIFFDocument] = []
    while let document = try reader.nextDocument() {
      guard (0..<reader.header.documents).contains(document.number), (0...Int(UInt32.max)).contains(document.length) else {
        throw CIFFError(path: reader.path, reason: .documentNumber(document.number))
      }
      documents.append(document)
    }
    // What a damaged number asks for is never allocated: memory is that of the records that there are.
    documents.sort { $0.number < $1.number }
    if let wrong = documents.enumerated().first(where: { $0.offset != $0.element.number })?.element {
      throw CIFFError(path: reader.path, reason: .documentNumber(wrong.number))
    }
    return documents
  }
}
