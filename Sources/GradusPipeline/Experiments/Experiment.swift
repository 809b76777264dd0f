import GradusCore
import GradusEval

/// Several pipelines over the same topics, compared: what they share is computed once.
///
///     let experiment = try Experiment(
///       [("bm25", bm25), ("reranked", bm25 % 100 >>> rerank)], queries: queries, qrels: qrels,
///       measures: MeasureSpecification.list("nDCG@10 RR@10"), baseline: "bm25")
///     print(experiment.report.text)     // means, intervals, paired tests with correction
///     experiment.evaluations[1].values  // query by query
public struct Experiment: Sendable {
  /// Runs in the order of the pipelines.
  public let runs: [Run]
  /// Values of each query, in the order of the pipelines.
  public let evaluations: [Evaluation]
  public let report: EvaluationReport
  /// What ran, with the name of the pipeline that it ran for.
  public let stages: [(pipeline: String, report: StageReport)]

  /// - Parameters:
  ///   - queries: Only the judged ones are run.
  ///   - baseline: Name of the pipeline that the others are compared with; nil for no comparison.
  ///   - settings: Test, correction, level.
  /// - Throws: ``PipelineError``, what stages throw, `EvaluationError`, `SignificanceError`.
  public init(
    _ pipelines: [(name: String, pipeline: RetrievalPipeline)], queries: [Query], qrels: Qrels,
    measures: [MeasureSpecification], baseline: String? = nil, settings: EvaluationReport.Settings = EvaluationReport.Settings(),
    missingQueries: MissingQueryPolicy = .countAsZero, options: RunOptions = RunOptions()
  ) throws {
    guard !pipelines.isEmpty else { throw PipelineError.noPipelines }
    var names: Set<String> = []
    for (name, _) in pipelines where !names.insert(name).inserted { throw PipelineError.duplicateName(name) }
    if let baseline, !names.contains(baseline) {
      throw EvaluationError.unknownRun(baseline, known: pipelines.map(\.name))
    }
    let inputs = queries.filter { qrels.judgements[$0.qid] != nil }.map(\.boxed)
    try checkNames(inputs)
    let evaluation = PlanEvaluation(options)
    var stages: [(pipeline: String, report: StageReport)] = []
    runs = try pipelines.map { name, pipeline in
      let before = evaluation.reports.count
      let lists = try evaluation.run(pipeline.node, on: inputs).compactMap(RankedList.init)
      stages += evaluation.reports[before...].map { (pipeline: name, report: $0) }
      return Run(name: name, rankings: lists.map(\.ranking))
    }
    self.stages = stages
    evaluations = try runs.map {
      try evaluate(qrels: qrels, run: $0, measures: measures, missingQueries: missingQueries, pool: options.pool)
    }
    report = try EvaluationReport(evaluations, baseline: baseline, settings: settings, pool: options.pool)
  }
}
