import GradusCore
import GradusIndex

extension InvertedIndex: DocumentSource {}

/// Documents in memory.
public struct DocumentTable: DocumentSource {
  private let documents: [String: Document]

  /// Of two documents of one name the first stays.
  public init(_ documents: [Document]) {
    self.documents = Dictionary(documents.map { ($0.docno, $0) }, uniquingKeysWith: { first, _ in first })
  }

  public func document(docno: String) -> Document? { documents[docno] }
}

/// Keeps, or takes out, documents by name.
public struct DocnoFilter: Filter {
  public enum Mode: String, Sendable { case keep, drop }

  public let docnos: Set<String>
  public let mode: Mode

  public init(_ mode: Mode, _ docnos: Set<String>) {
    self.mode = mode
    self.docnos = docnos
  }

  public func keeps(_ docno: String, for query: Query) -> Bool { docnos.contains(docno) == (mode == .keep) }
}

/// Takes out the document that has the query's own name, as in collections whose queries are documents (ArguAna, Quora).
public struct OwnDocumentFilter: Filter {
  public init() {}
  public func keeps(_ docno: String, for query: Query) -> Bool { docno != query.qid }
}

/// Keeps documents whose attribute has one of some values; those without the attribute go.
public struct MetadataFilter: Filter {
  public let key: String
  public let values: Set<String>
  private let documents: any DocumentSource

  public init(_ key: String, in values: Set<String>, documents: some DocumentSource) {
    self.key = key
    self.values = values
    self.documents = documents
  }

  /// - Throws: ``PipelineError/unknownDocument(stage:qid:docno:)``.
  public func keeps(_ docno: String, for query: Query) throws -> Bool {
    guard let document = try documents.document(docno: docno) else {
      throw PipelineError.unknownDocument(stage: "filter", qid: query.qid, docno: docno)
    }
    return document.metadata[key].map(values.contains) ?? false
  }
}
