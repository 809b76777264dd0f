import GradusCore

/// The values that flow along an edge of a plan, with their hash where somebody asks for it.
final class Batch {
  let values: [PipelineBox]
  lazy var fingerprint = ContentFingerprint.of(values)

  init(_ values: [PipelineBox]) { self.values = values }

  var documents: Int {
    values.reduce(0) { total, value in
      if case .list(let list) = value { total + list.documents.count } else { total }
    }
  }
}

/// Runs plans over one input. Stages that occur several times with the same input, in one plan or in several, run once.
final class PlanEvaluation {
  private let options: RunOptions
  private var memory: [String: Batch] = [:]
  private(set) var reports: [StageReport] = []
  /// Called with each part of the plan and what it gave.
  var observer: ((String, [PipelineBox]) -> Void)?

  init(_ options: RunOptions) { self.options = options }

  func run(_ node: PlanNode, on values: [PipelineBox]) throws -> [PipelineBox] {
    try evaluate(node, Batch(values)).values
  }

  private func evaluate(_ node: PlanNode, _ input: Batch) throws -> Batch {
    let output: Batch
    switch node {
    case .stage(let stage): output = try run(stage, input)
    case .then(let first, let second):
      // Both parts tell about themselves.
      return try evaluate(second, try evaluate(first, input))
    case .cut(let part, let depth):
      guard depth >= 0 else {
        throw PipelineError.outOfRange(stage: "%", name: "the depth", found: "\(depth)", expected: "at least 0")
      }
      output = try transform(try evaluate(part, input), name: "% \(depth)") { $0.prefix(depth) }
    case .scale(let part, let weight):
      output = try transform(try evaluate(part, input), name: "* \(weight)") { try ListOperations.scaled($0, by: weight) }
    case .join(let join, let parts):
      let names = parts.map(\.expression)
      guard !parts.isEmpty else { throw PipelineError.noPipelines }
      let sides = try parts.map { try evaluate($0, input) }
      output = try report(join.name, inputs: input.values.count, documentsIn: sides.reduce(0) { $0 + $1.documents }) {
        try mapped(count: input.values.count) { position in
          let lists = sides.compactMap { RankedList($0.values[position]) }
          // Sides may have rewritten the query: the list is the first side's.
          return .list(try ListOperations.joined(lists, join, names: names))
        }
      }
    }
    observer?(node.label, output.values)
    return output
  }

  private func run(_ stage: Stage, _ input: Batch) throws -> Batch {
    let start = ContinuousClock.now
    let memoryKey = "\(stage.identity) \(input.fingerprint)"
    func report(_ source: StageReport.Source, _ output: Batch, truncatedTokens: Int = 0) -> Batch {
      reports.append(
        StageReport(
          stage: stage.label, source: source, seconds: (ContinuousClock.now - start).inSeconds, inputs: input.values.count,
          documentsIn: input.documents, documentsOut: output.documents, truncatedTokens: truncatedTokens))
      return output
    }
    if let known = memory[memoryKey] { return report(.shared, known) }
    let cacheKey = stage.contentKey.map { StageCache.key($0, input: input.fingerprint) }
    var source = StageReport.Source.computed
    if let cache = options.cache, let cacheKey {
      switch try cache.read(cacheKey) {
      case .missing: break
      case .damaged(let problem): source = .recomputed(problem)
      case .found(let stored):
        // As many values as went in, of the kind that the stage makes: a checksum does not vouch for that.
        if stored.values.count == input.values.count, stored.values.allSatisfy({ $0.kind == stage.kind.output }) {
          let output = Batch(stored.values)
          memory[memoryKey] = output
          return report(.cached, output, truncatedTokens: stored.truncatedTokens)
        }
        source = .recomputed("content")
      }
    }
    let result = try stage.work(input.values, StageContext(pool: options.pool, checkCancellation: checkCancellation(stage.label)))
    guard result.values.count == input.values.count else {
      throw PipelineError.valueCount(stage: stage.label, given: input.values.count, found: result.values.count)
    }
    if let cache = options.cache, let cacheKey { try cache.write(result, key: cacheKey) }
    let output = Batch(result.values)
    memory[memoryKey] = output
    return report(source, output, truncatedTokens: result.truncatedTokens)
  }

  private func checkCancellation(_ stage: String) -> @Sendable () throws -> Void {
    let isCancelled = options.isCancelled
    return { if isCancelled() { throw PipelineError.cancelled(done: "in \(stage)") } }
  }

  private func transform(_ input: Batch, name: String, _ body: (RankedList) throws -> RankedList) throws -> Batch {
    try report(name, inputs: input.values.count, documentsIn: input.documents) {
      try mapped(count: input.values.count) { position in
        guard let list = RankedList(input.values[position]) else { return input.values[position] }
        return .list(try body(list))
      }
    }
  }

  private func report(_ name: String, inputs: Int, documentsIn: Int, _ body: () throws -> [PipelineBox]) throws -> Batch {
    try checkCancellation(name)()
    let start = ContinuousClock.now
    let output = Batch(try body())
    reports.append(
      StageReport(
        stage: name, source: .computed, seconds: (ContinuousClock.now - start).inSeconds, inputs: inputs,
        documentsIn: documentsIn, documentsOut: output.documents, truncatedTokens: 0))
    return output
  }

  /// One value for each position, over the worker pool; the first error in the order of the positions is thrown.
  private func mapped(count: Int, _ body: (Int) throws -> PipelineBox) throws -> [PipelineBox] {
    var results = [Result<PipelineBox, any Error>?](repeating: nil, count: count)
    results.withUnsafeMutableBufferPointer { buffer in
      nonisolated(unsafe) let slots = buffer
      options.pool.forEach(count: count) { position in slots[position] = Result { try body(position) } }
    }
    return try results.compactMap { try $0?.get() }
  }
}

extension PipelineBox {
  var kind: ValueKind {
    switch self {
    case .query: .query
    case .list: .list
    case .document: .document
    case .answer: .answer
    }
  }
}
