import GradusCore
import GradusIndex
import GradusModels
import GradusPipeline
import GradusRank
import GradusTensor

/// Finds what the stages of a pipeline file name.
///
/// Nothing big is loaded before a stage needs it: with its output in the cache it never is.
public protocol PipelineResources: Sendable {
  func index(_ path: String) throws -> InvertedIndex
  /// The documents of a collection, folder or file.
  func corpus(_ name: String) throws -> Deferred<[Document]>
  /// - Parameter earlyExit: When a model with exits stops reading a candidate; nil for never.
  func reranker(
    _ model: String, firstStageWeight: Double?, earlyExit: EarlyExitThresholds?
  ) throws -> Deferred<any Reranker>
  /// Exact dense retrieval over `documents`.
  func dense(_ model: String, documents: Deferred<[Document]>) throws -> Deferred<any Retriever>
  /// Learned sparse retrieval over an impact index; queries are encoded as the index was made unless a kind is named.
  func sparse(_ path: String, queryEncoder: String?) throws -> Deferred<any Retriever>
  /// Retrieval from a stored vector index, graph or flat as the folder has it.
  func vectors(_ path: String, _ options: VectorStageOptions) throws -> Deferred<any Retriever>
  /// Late interaction over a stored index of token vectors.
  ///
  /// - Parameters:
  ///   - options: Nil to score all documents.
  ///   - filter: On the documents' metadata, as `gradus search --filter` has it.
  func tokens(
    _ path: String, encoder: String?, _ options: TokenSearchOptions?, filter: String?
  ) throws -> Deferred<any Retriever>
  /// Retrieval by a re-ranker itself, under a budget of its calls.
  func anncur(_ options: CURStageOptions) throws -> Deferred<any Retriever>
  func run(_ path: String) throws -> Run
  /// The names in a file, one a line.
  func docnos(_ path: String) throws -> Set<String>
}

/// How a stage searches a stored vector index.
public struct VectorStageOptions: Sendable {
  /// Of the queries; nil for the one that made the index.
  public var encoder: String?
  public var search: VectorSearchOptions
  public var feedback: VectorFeedbackMethod?
  /// On the documents' metadata, as `gradus search --filter` has it.
  public var filter: String?

  public init(
    encoder: String? = nil, search: VectorSearchOptions = VectorSearchOptions(), feedback: VectorFeedbackMethod? = nil,
    filter: String? = nil
  ) {
    self.encoder = encoder
    self.search = search
    self.feedback = feedback
    self.filter = filter
  }
}

/// How a stage retrieves by ANNCUR.
public struct CURStageOptions: Sendable {
  public var model: String
  public var corpus: String
  /// Index of token vectors, for late interaction.
  public var index: String?
  public var anchorQueries: String
  public var anchorSplit: String?
  public var anchorQueryCount: Int
  public var anchorItems: Int
  public var seed: UInt64
  public var solver: PseudoInverse
  public var scores: String?
  public var budget: Int
  public var rounds: Int
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
