import GradusCore

/// Finds the texts of the queries and documents that samples name.
public protocol TrainingTexts {
  /// - Throws: ``TrainingError/unknownQuery(qid:)`` or whatever a store on disk throws.
  func query(_ qid: String) throws -> Query
  /// - Throws: ``TrainingError/unknownDocument(docno:)`` or whatever a store on disk throws.
  func document(_ docno: String) throws -> Document
}

/// Texts held in memory.
///
///     let texts = InMemoryTexts(queries: topics, documents: corpus)
public struct InMemoryTexts: TrainingTexts, Sendable {
  private let queries: [String: Query]
  private let documents: [String: Document]

  /// The last of several with the same name counts.
  public init(queries: some Sequence<Query>, documents: some Sequence<Document>) {
    self.queries = Dictionary(queries.map { ($0.qid, $0) }, uniquingKeysWith: { $1 })
    self.documents = Dictionary(documents.map { ($0.docno, $0) }, uniquingKeysWith: { $1 })
  }

  public func query(_ qid: String) throws -> Query {
    guard let query = queries[qid] else { throw TrainingError.unknownQuery(qid: qid) }
    return query
  }

  public func document(_ docno: String) throws -> Document {
    guard let document = documents[docno] else { throw TrainingError.unknownDocument(docno: docno) }
    return document
  }
}
