import GradusCore

/// What one stage of a run did.
public struct StageReport: Sendable, Equatable {
  /// Where its output came from.
  public enum Source: Sendable, Equatable {
    case computed
    /// The same stage had the same input before in this run: a shared part of a plan.
    case shared
    /// Read from the cache.
    case cached
    /// Computed because the cache's entry was damaged, with what was wrong.
    case recomputed(String)
  }

  /// As the plan says it.
  public let stage: String
  public let source: Source
  /// Wall-clock time, reading and writing of the cache included.
  public let seconds: Double
  /// Values that went in: queries, or documents where a pipeline expands them.
  public let inputs: Int
  /// Documents of the lists that came in and went out; 0 where the values are no lists.
  public let documentsIn: Int
  public let documentsOut: Int
  /// Tokens that a model did not get to see.
  public let truncatedTokens: Int
}

/// How a pipeline is run.
public struct RunOptions: Sendable {
  /// Nil keeps nothing.
  public var cache: StageCache?
  public var pool: WorkerPool
  /// Asked between queries; true ends the run with ``PipelineError/cancelled(done:)``.
  public var isCancelled: @Sendable () -> Bool

  /// - Parameter isCancelled: Unless given, whether the task that the run belongs to was cancelled.
  public init(
    cache: StageCache? = nil, pool: WorkerPool = .shared, isCancelled: @escaping @Sendable () -> Bool = { Task.isCancelled }
  ) {
    self.cache = cache
    self.pool = pool
    self.isCancelled = isCancelled
  }
}

/// The outputs of a pipeline, in input order, and what its stages did.
public struct PipelineResult<Output: PipelineValue>: Sendable {
  public let outputs: [Output]
  /// In the order in which the stages ran.
  public let stages: [StageReport]
}

extension PipelineResult where Output == RankedList {
  /// The lists as a run.
  public func run(name: String) -> Run { Run(name: name, rankings: outputs.map(\.ranking)) }
}
