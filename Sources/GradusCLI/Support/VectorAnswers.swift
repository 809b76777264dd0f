import Gradus

/// The answers to one query from a vector index. Names are those of the JSON object.
struct VectorAnswers: Encodable {
  let query: String
  let model: String
  let exact: Bool
  /// Vectors, or documents of token vectors, that the query was compared with.
  let scored_vectors: Int
  let documents: [StoredHit]

  func text(_ terminal: Terminal) -> String {
    guard !documents.isEmpty else { return "No answer: the index is empty.\n" }
    return documents.map { $0.text(terminal) }.joined()
  }
}
