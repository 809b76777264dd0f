/// What a generator makes of a query and its documents.
public struct Answer: Sendable, Equatable {
  public let qid: String
  public let text: String
  /// Docnos of the documents that the answer rests on, in the order in which it cites them.
  public let citations: [String]

  public init(qid: String, text: String, citations: [String] = []) {
    self.qid = qid
    self.text = text
    self.citations = citations
  }
}
