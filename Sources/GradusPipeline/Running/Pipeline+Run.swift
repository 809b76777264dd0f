import GradusCore

extension Pipeline {
  /// Runs the pipeline over all inputs, a stage at a time.
  ///
  /// - Returns: An output for each input, in order, the same bits for any number of threads, with or without a cache.
  /// - Throws: ``PipelineError``; what stages throw.
  public func run(_ inputs: [Input], options: RunOptions = RunOptions()) throws -> PipelineResult<Output> {
    try checkNames(inputs.map(\.boxed))
    let evaluation = PlanEvaluation(options)
    let outputs = try evaluation.run(node, on: inputs.map(\.boxed))
    return PipelineResult(outputs: outputs.compactMap(Output.init), stages: evaluation.reports)
  }
}

extension Pipeline where Input == Query, Output == RankedList {
  /// Where the documents of one query stood after each part of the plan.
  public struct Trace: Sendable {
    public struct Step: Sendable {
      /// As the plan says it.
      public let stage: String
      public let list: RankedList
    }

    /// In the order in which the parts ran; those that give no list are left out.
    public let steps: [Step]
    public let result: PipelineResult<RankedList>
  }

  /// Runs the pipeline for one query and keeps every list on the way.
  public func trace(_ query: Query, options: RunOptions = RunOptions()) throws -> Trace {
    let evaluation = PlanEvaluation(options)
    var steps: [Trace.Step] = []
    evaluation.observer = { stage, values in
      steps += values.compactMap(RankedList.init).map { Trace.Step(stage: stage, list: $0) }
    }
    let outputs = try evaluation.run(node, on: [query.boxed])
    return Trace(
      steps: steps, result: PipelineResult(outputs: outputs.compactMap(RankedList.init), stages: evaluation.reports))
  }
}

/// Queries are told apart by their qids: two of one name would become one in a run.
func checkNames(_ values: [PipelineBox]) throws(PipelineError) {
  var seen: Set<[UInt8]> = []
  for value in values {
    guard case .query(let query) = value else { continue }
    guard seen.insert(Array(query.qid.utf8)).inserted else { throw .duplicateQuery(qid: query.qid) }
  }
}
