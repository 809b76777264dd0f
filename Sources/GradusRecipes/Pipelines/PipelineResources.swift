import GradusCore
import GradusIndex
import GradusPipeline
import GradusRank

/// Finds what the stages of a pipeline file name.
///
/// Nothing big is loaded before a stage needs it: with its output in the cache it never is.
public protocol PipelineResources: Sendable {
  func index(_ path: String) throws -> InvertedIndex
  /// The documents of a collection, folder or file.
  func corpus(_ name: String) throws -> Deferred<[Document]>
  func reranker(_ model: String, firstStageWeight: Double?) throws -> Deferred<any Reranker>
  /// Exact dense retrieval over `documents`.
  func dense(_ model: String, documents: Deferred<[Document]>) throws -> Deferred<any Retriever>
  /// Learned sparse retrieval over an impact index; queries are encoded as the index was made unless a kind is named.
  func sparse(_ path: String, queryEncoder: String?) throws -> Deferred<any Retriever>
  func run(_ path: String) throws -> Run
  /// The names in a file, one a line.
  func docnos(_ path: String) throws -> Set<String>
}

/// Something that is loaded when it is first asked for, with what is known about it before.
///
///     let corpus = Deferred(fingerprint: hash) { try CorpusReader(path: path).readAll() }
///     let documents = try corpus.value()
public final class Deferred<Value: Sendable>: Sendable {
  /// Changes whenever the value does.
  public let fingerprint: String
  public let settings: [StageSetting]
  private let load: @Sendable () throws -> Value
  private let loaded = Guarded<Value?>(nil)

  public init(fingerprint: String, settings: [StageSetting] = [], load: @escaping @Sendable () throws -> Value) {
    self.fingerprint = fingerprint
    self.settings = settings
    self.load = load
  }

  /// The value, loaded once; callers from other threads wait for it.
  public func value() throws -> Value {
    try loaded.withLock { loaded in
      if let loaded { return loaded }
      let value = try load()
      loaded = value
      return value
    }
  }

  /// The value where it has been loaded.
  var current: Value? { loaded.withLock { $0 } }
}

struct DeferredRetriever: Retriever {
  let retriever: Deferred<any Retriever>

  /// Known once something was retrieved.
  var scoreKind: ScoreKind { retriever.current?.scoreKind ?? .unknown }
  func retrieve(_ queries: [Query], depth: Int) throws -> [Ranking] { try retriever.value().retrieve(queries, depth: depth) }
}

struct DeferredReranker: Reranker {
  let reranker: Deferred<any Reranker>

  /// Known once something was scored.
  var scoreKind: ScoreKind { reranker.current?.scoreKind ?? .unknown }
  func scores(of candidates: [Candidate], for query: Query) throws -> [CandidateScore] {
    try reranker.value().scores(of: candidates, for: query)
  }
}

/// Where the stages of a file find texts: in an index, or in a corpus that is read when a text is needed.
enum StageDocuments: DocumentSource {
  case index(InvertedIndex, fingerprint: String)
  case corpus(Deferred<DocumentTable>)

  var fingerprint: String {
    switch self {
    case .index(_, let fingerprint): fingerprint
    case .corpus(let table): table.fingerprint
    }
  }

  func document(docno: String) throws -> Document? {
    switch self {
    case .index(let index, _): try index.document(docno: docno)
    case .corpus(let table): try table.value().document(docno: docno)
    }
  }
}
