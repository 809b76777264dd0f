import GradusCore

/// Puts the texts of the first documents behind the query: the query of ANCE-PRF as a text, for any retriever.
///
///     let feedback = PassageFeedback(documents: index, count: 3)
///     let twice = bm25 >>> Pipeline.feedback(feedback, name: "feedback", fingerprint: "") >>> dense
///
/// The query comes first, so that an encoder which cuts long texts cuts passages. An encoder that was trained to read query and
/// passages with separators between them wants `VectorFeedbackMethod.ancePRF` in its own stage instead: texts cannot hold them.
public struct PassageFeedback: Feedback {
  /// Of the list, best first.
  public let count: Int
  /// Of each document.
  public let words: Int
  private let documents: any DocumentSource

  public init(documents: some DocumentSource, count: Int = 3, words: Int = 100) {
    self.documents = documents
    self.count = count
    self.words = words
  }

  /// - Throws: ``PipelineError/unknownDocument(stage:qid:docno:)``.
  public func query(after list: RankedList) throws -> Query {
    let texts = try list.documents.prefix(max(0, count)).map { scored in
      guard let document = try documents.document(docno: scored.docno) else {
        throw PipelineError.unknownDocument(stage: "feedback", qid: list.query.qid, docno: scored.docno)
      }
      return document.contents.split(whereSeparator: \.isWhitespace).prefix(max(0, words)).joined(separator: " ")
    }
    return Query(qid: list.query.qid, text: ([list.query.text] + texts).joined(separator: " "))
  }
}
