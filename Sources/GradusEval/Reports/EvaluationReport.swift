import GradusCore

/// Runs side by side: figures with intervals, and honest comparisons with a baseline.
///
///     let report = try EvaluationReport([bm25, reranked], baseline: "bm25")
///     print(report.text)
///     report.comparisons[0].correctedP
///
/// Rendered by ``text``, ``json(perQuery:)``, ``latex(caption:label:)`` and ``html(title:)``.
public struct EvaluationReport: Sendable, Equatable {
  /// How intervals are made and runs compared.
  public struct Settings: Sendable, Equatable {
    public var test: PairedTest
    /// Over the runs that are compared with the baseline, within each measure.
    public var correction: MultipleTesting
    /// Level of all intervals.
    public var level: Double
    /// A corrected p below this is called significant.
    public var alpha: Double
    /// Bootstrap for the intervals; nil takes Student's t.
    public var bootstrap: Bootstrap?

    public init(
      test: PairedTest = .t, correction: MultipleTesting = .holm, level: Double = 0.95, alpha: Double = 0.05,
      bootstrap: Bootstrap? = nil
    ) {
      self.test = test
      self.correction = correction
      self.level = level
      self.alpha = alpha
      self.bootstrap = bootstrap
    }

    func interval(_ values: [Double], pool: WorkerPool) throws(SignificanceError) -> ConfidenceInterval? {
      if let bootstrap { return try bootstrap.interval(ofMean: values, level: level, pool: pool) }
      return try ConfidenceInterval.ofMean(values, level: level)
    }
  }

  /// One measure of one run.
  public struct Figure: Sendable, Equatable {
    public let measure: MeasureSpecification
    /// Mean, geometric mean or sum over queries.
    public let value: Double
    /// Of the mean; nil for sums and geometric means, and for fewer than two queries.
    public let interval: ConfidenceInterval?
  }

  /// A run's values and their means with intervals.
  public struct RunSummary: Sendable, Equatable {
    public let evaluation: Evaluation
    public let figures: [Figure]
    public var name: String { evaluation.runName }
  }

  /// One run against the baseline in one measure. Differences are run minus baseline.
  public struct Comparison: Sendable, Equatable {
    public let baseline: String
    public let run: String
    public let measure: MeasureSpecification
    /// Queries that both runs have a value for, in the baseline's order, and their differences.
    public let qids: [String]
    public let differences: [Double]
    public let interval: ConfidenceInterval?
    public let test: PairedTestResult
    public let correctedP: Double
    public let effect: EffectSize
    public let wins: Int
    public let ties: Int
    public let losses: Int
    /// With power 0.8 at the report's alpha, for the spread that the differences have; nil for fewer than two queries.
    public let smallestDetectableDifference: Double?
    public let isSignificant: Bool

    /// The queries that changed most, largest change first; equal ones in the order of `qids`.
    public func largestChanges(_ count: Int) -> [(qid: String, difference: Double)] {
      let order = differences.indices.sorted { (-abs(differences[$0]), $0) < (-abs(differences[$1]), $1) }
      return order.prefix(count).filter { differences[$0] != 0 }.map { (qids[$0], differences[$0]) }
    }
  }

  public let runs: [RunSummary]
  /// Nil where no run was named as baseline; there are no comparisons then.
  public let baseline: String?
  public let settings: Settings
  /// By measure, then by run.
  public let comparisons: [Comparison]

  /// - Parameters:
  ///   - evaluations: At least one, all of the same measures, with different names.
  ///   - baseline: Name of the run that the others are compared with.
  /// - Throws: ``EvaluationError``, ``SignificanceError``.
  public init(
    _ evaluations: [Evaluation], baseline: String? = nil, settings: Settings = Settings(), pool: WorkerPool = .shared
  ) throws {
    guard let first = evaluations.first else { throw EvaluationError.noRuns }
    var names: Set<String> = []
    for evaluation in evaluations {
      guard names.insert(evaluation.runName).inserted else { throw EvaluationError.duplicateRun(evaluation.runName) }
      for measure in first.measures { _ = try evaluation.perQuery(measure) }
    }
    try SignificanceError.checkLevel(settings.level)
    try SignificanceError.checkLevel(settings.alpha)
    self.settings = settings
    self.baseline = baseline
    runs = try evaluations.map { evaluation in
      RunSummary(evaluation: evaluation, figures: try first.measures.map { try Self.figure($0, evaluation, settings, pool) })
    }
    guard let baseline else {
      comparisons = []
      return
    }
    guard let base = evaluations.first(where: { $0.runName == baseline }) else {
      throw EvaluationError.unknownRun(baseline, known: evaluations.map(\.runName))
    }
    let others = evaluations.filter { $0.runName != baseline }
    comparisons = try first.measures.filter { $0.measure.aggregation == .mean }.flatMap {
      try Self.compare(others, with: base, in: $0, settings, pool)
    }
  }

  private static func figure(
    _ measure: MeasureSpecification, _ evaluation: Evaluation, _ settings: Settings, _ pool: WorkerPool
  ) throws -> Figure {
    let values = try evaluation.perQuery(measure)
    let aggregation = measure.measure.aggregation
    return Figure(
      measure: measure, value: aggregation.aggregate(values),
      interval: aggregation == .mean ? try settings.interval(values, pool: pool) : nil)
  }

  private static func compare(
    _ others: [Evaluation], with base: Evaluation, in measure: MeasureSpecification, _ settings: Settings, _ pool: WorkerPool
  ) throws -> [Comparison] {
    let baseValues = try base.perQuery(measure)
    let paired = try others.map { other in
      let values = Dictionary(uniqueKeysWithValues: zip(other.qids, try other.perQuery(measure)))
      var qids: [String] = []
      var differences: [Double] = []
      for (qid, baseValue) in zip(base.qids, baseValues) {
        guard let value = values[qid] else { continue }
        qids.append(qid)
        differences.append(value - baseValue)
      }
      return (qids, differences)
    }
    let tests = try paired.map { try settings.test.test(differences: $0.1, pool: pool) }
    let corrected = try settings.correction.adjust(tests.map(\.p))
    return try others.indices.map { index in
      let (qids, differences) = paired[index]
      let wins = differences.count { $0 > 0 }
      let losses = differences.count { $0 < 0 }
      return Comparison(
        baseline: base.runName, run: others[index].runName, measure: measure, qids: qids, differences: differences,
        interval: try settings.interval(differences, pool: pool), test: tests[index], correctedP: corrected[index],
        effect: try EffectSize(differences: differences), wins: wins, ties: differences.count - wins - losses, losses: losses,
        smallestDetectableDifference: try PairedPower.smallestDetectableDifference(differences, alpha: settings.alpha),
        isSignificant: corrected[index] < settings.alpha)
    }
  }

  func comparison(run: String, measure: MeasureSpecification) -> Comparison? {
    comparisons.first { $0.run == run && $0.measure == measure }
  }

  /// Index of the best run in a measure: highest value, first among equals. Nil where highest does not mean best.
  func best(_ measureIndex: Int) -> Int? {
    guard runs[0].figures[measureIndex].measure.measure.aggregation != .sum else { return nil }
    return runs.indices.max { runs[$0].figures[measureIndex].value < runs[$1].figures[measureIndex].value
      || (runs[$0].figures[measureIndex].value == runs[$1].figures[measureIndex].value && $0 > $1) }
  }

  /// `paired t-test, two-sided, p corrected over runs (holm)`.
  var methodText: String {
    let correction = settings.correction == .none ? "p not corrected" : "p corrected over runs (\(settings.correction.rawValue))"
    return "\(settings.test.name), two-sided, \(correction)"
  }

  var levelText: String { plainNumber((settings.level * 1e6).rounded() / 1e4) + " %" }

  /// What a reader must know about how queries were counted; empty where nothing was odd.
  var countNotes: [String] {
    runs.flatMap { run -> [String] in
      let counts = run.evaluation.counts
      var notes: [String] = []
      if !counts.missing.isEmpty {
        let fate = run.evaluation.missingQueries == .countAsZero ? "counted as 0" : "left out of the average"
        notes.append("\(run.name): missing from the run, \(fate): \(counts.missing.count) of \(counts.judged) judged")
      }
      if !counts.withoutJudgements.isEmpty {
        notes.append("\(run.name): left out for want of judgements: \(queryCount(counts.withoutJudgements.count))")
      }
      if counts.withoutRelevant > 0 {
        notes.append("\(run.name): evaluated, but without any relevant document: \(queryCount(counts.withoutRelevant))")
      }
      return notes
    }
  }
}
