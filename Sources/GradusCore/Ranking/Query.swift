/// A question to a collection, under the name that judgements and runs use for it.
///
///     let query = Query(qid: "301", text: "international organized crime")
public struct Query: Sendable, Hashable, Codable {
  /// External identifier, unique within a topic set; free of white space.
  public let qid: String
  public let text: String

  public init(qid: String, text: String) {
    self.qid = qid
    self.text = text
  }
}
