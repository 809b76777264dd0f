import Gradus

/// What 'sparse index' did; names are those of the JSON object.
struct SparseReport: Encodable {
  /// What is counted while documents are read.
  struct Counts {
    var added = 0
    var replaced = 0
    /// Documents of which not all was read.
    var truncated = 0
  }

  let index: String
  let model: String?
  /// Of the whole index, as the next ones.
  let documents: Int
  let terms: Int
  let postings: Int
  let terms_per_document: Double
  /// Weight of impact 1.
  let scale: Float
  let truncated_documents: Int
  /// With --add and --replace: documents that were added, and their weights.
  var added: Int?
  var added_weights: Int?
  /// With --replace: of the documents, those that were there before.
  var replaced: Int?
  /// Weights that were cut to the greatest of the index.
  let clipped_weights: Int
  var seconds = 0.0
  var documents_per_second = 0.0

  init(index: String, model: String?, statistics: ImpactStatistics, truncated: Int, clipped: Int) {
    self.index = index
    self.model = model
    documents = statistics.documents
    terms = statistics.terms
    postings = statistics.postings
    terms_per_document = documents == 0 ? 0 : Double(postings) / Double(documents)
    scale = statistics.scale
    truncated_documents = truncated
    clipped_weights = clipped
  }

  var text: String {
    let change = added.map { "\($0.grouped) documents added" + (replaced.map { ", \($0.grouped) replaced" } ?? "") + "; " }
    let clipped = clipped_weights > 0
      ? "; \(clipped_weights.grouped)\(added_weights.map { " of \($0.grouped)" } ?? "") weights cut to the greatest" : ""
    return "\(index): \(change ?? "")\(documents.grouped) documents, \(terms.grouped) terms, "
      + "\(terms_per_document.fixed(1)) a document, \(seconds.fixed(2)) s (\(Int(documents_per_second).grouped) documents/s)"
      + clipped + truncationNote(truncated_documents) + "\n"
  }
}
