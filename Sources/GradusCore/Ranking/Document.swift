/// A unit of retrieval: a passage, page or article.
///
///     let document = Document(docno: "perlfaq4-12", title: "", text: "Use the splice function ...")
public struct Document: Sendable, Hashable, Codable {
  /// External identifier, unique within a collection; free of white space.
  public let docno: String
  /// May be empty.
  public let title: String
  public let text: String
  /// String-valued attributes such as `source` or `licence`.
  public let metadata: [String: String]

  public init(docno: String, title: String = "", text: String, metadata: [String: String] = [:]) {
    self.docno = docno
    self.title = title
    self.text = text
    self.metadata = metadata
  }

  /// What is indexed and scored: title, one space, text (as BEIR does); just the text where the title is empty.
  public var contents: String { title.isEmpty ? text : title + " " + text }
}
