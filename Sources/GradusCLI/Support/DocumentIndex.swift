import Gradus

/// An index of any kind, as a place where documents are.
enum DocumentIndex: DocumentSource {
  case lexical(InvertedIndex)
  case vectors(VectorIndex)
  case tokens(TokenIndex)
  case impacts(ImpactIndex)

  init(path: String) throws {
    if VectorIndex.isPresent(at: path) {
      self = .vectors(try VectorIndex(path: path))
    } else if TokenIndex.isPresent(at: path) {
      self = .tokens(try TokenIndex(path: path))
    } else if ImpactIndex.isPresent(at: path) {
      self = .impacts(try ImpactIndex(path: path))
    } else {
      self = .lexical(try InvertedIndex(path: path))
    }
    guard storesDocuments else {
      throw UsageError("\(path) stores vectors without the documents' texts; give the documents with --corpus")
    }
  }

  private var storesDocuments: Bool {
    switch self {
    case .lexical, .impacts: true
    case .vectors(let index): index.storesDocuments || index.count == 0
    case .tokens(let index): index.storesDocuments
    }
  }

  func document(docno: String) throws -> Document? {
    switch self {
    case .lexical(let index): try index.document(docno: docno)
    case .vectors(let index): try index.document(docno: docno)
    case .tokens(let index): try index.document(docno: docno)
    case .impacts(let index): try index.document(docno: docno)
    }
  }
}
