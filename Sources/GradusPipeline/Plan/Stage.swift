import GradusCore

/// What a stage does to the values that pass it.
public enum StageKind: String, Sendable, Codable, CaseIterable {
  case rewriter, retriever, reranker, filter, feedback, expander, generator, scorer

  public var input: ValueKind {
    switch self {
    case .rewriter, .retriever: .query
    case .reranker, .filter, .feedback, .generator, .scorer: .list
    case .expander: .document
    }
  }

  public var output: ValueKind {
    switch self {
    case .rewriter, .feedback: .query
    case .retriever, .reranker, .filter, .scorer: .list
    case .expander: .document
    case .generator: .answer
    }
  }
}

/// A setting of a stage, as plans print it and as keys of stored results hold it.
public struct StageSetting: Sendable, Hashable {
  public let name: String
  public let value: String

  public init(_ name: String, _ value: some CustomStringConvertible) {
    self.name = name
    self.value = value.description
  }
}

/// A leaf of a plan: the work, and everything that is to be said about it.
final class Stage: Sendable {
  let kind: StageKind
  let name: String
  let settings: [StageSetting]
  /// Of whatever the stage reads besides its input (index, model); nil where nobody vouches for it: results are then not stored.
  let fingerprint: String?
  let work: @Sendable ([PipelineBox], StageContext) throws -> StageOutput

  init(
    _ kind: StageKind, _ name: String, settings: [StageSetting], fingerprint: String?,
    work: @escaping @Sendable ([PipelineBox], StageContext) throws -> StageOutput
  ) {
    self.kind = kind
    self.name = name
    self.settings = settings
    self.fingerprint = fingerprint
    self.work = work
  }

  /// A hash of all that decides the output but the input: version, kind, name, settings, fingerprint.
  var contentKey: String? {
    guard let fingerprint else { return nil }
    var parts = [GradusVersion.current, kind.rawValue, name, fingerprint]
    for setting in settings { parts += [setting.name, setting.value] }
    // Lengths keep neighbours apart: ("ab", "c") is not ("a", "bc").
    return SHA256Digest.hex(of: parts.flatMap { Array("\($0.utf8.count):\($0)".utf8) })
  }

  /// Tells stages apart within a process, also those that are not stored.
  var identity: String { contentKey ?? "\(UInt(bitPattern: ObjectIdentifier(self)))" }
}

/// What a stage gets beside its input.
struct StageContext: Sendable {
  let pool: WorkerPool
  /// Throws where the run was cancelled; called between queries.
  let checkCancellation: @Sendable () throws -> Void
}

/// What a stage returns: one value for each input, in order.
struct StageOutput: Sendable {
  var values: [PipelineBox]
  /// Tokens that models did not get to see.
  var truncatedTokens = 0
}
