import GradusCore
import GradusEval

/// The parameters of a fusion, chosen on development queries.
///
///     let tuning = try FusionTuning(
///       .combSUM, runs: [bm25, dense], qrels: developmentQrels, measure: MeasureSpecification("nDCG@10"))
///     let fused = try tuning.best.fusion.fuse([bm25Test, denseTest])
///
/// Every setting of a fixed grid is tried and measured with one measure; the highest mean wins, the first one among equals. The
/// grids:
///
/// - ``FusionMethod/rrf(k:)``: k from 10 to 100 by 10.
/// - ``FusionMethod/combGMNZ(gamma:)``: gamma from 0 to 1 by 0.1.
/// - ``FusionMethod/logNISR(sigma:)``: sigma from 0.1 to 1 by 0.1, and 0.01.
/// - ``FusionMethod/rbc(phi:)``: phi from 0.05 to 0.95 by 0.05, and 0.98 and 0.99.
/// - ``FusionMethod/combSUM``, ``FusionMethod/borda``, ``FusionMethod/condorcet``: all weights that are multiples of a step and
///   add up to 1.
///
/// What was tuned must be judged on other queries: on its own ones the best of many settings always looks good.
public struct FusionTuning: Sendable {
  /// One setting and what it gave on the development queries.
  public struct Trial: Sendable {
    public let fusion: Fusion
    /// Mean over the judged queries; a query that the runs lack counts as 0.
    public let value: Double
  }

  public let measure: MeasureSpecification
  /// In the order of the grid.
  public let trials: [Trial]
  public let best: Trial
  /// The method as it is without tuning: default parameters, equal weights.
  public let untuned: Trial
  /// Best against untuned, paired over the development queries. The best was chosen on them: a low p proves nothing about others.
  public let comparison: PairedTestResult

  /// Weights and parameters that are tried at most.
  public static let gridLimit = 10_000

  /// - Parameters:
  ///   - method: Its own parameters are replaced by the grid's.
  ///   - step: Of the weights; `1 / step` is rounded to a whole number.
  /// - Throws: ``FusionError/nothingToTune(method:)``, ``FusionError/gridTooLarge(settings:limit:)``,
  ///   ``FusionError/outOfRange(parameter:value:allowed:)`` for a step that is not above 0 and at most 1; what fusing and
  ///   evaluating throw.
  /// - Complexity: One fusion of the judged queries for each setting.
  public init(
    _ method: FusionMethod, normalization: ScoreNormalization? = nil, runs: [Run], qrels: Qrels,
    measure: MeasureSpecification, step: Double = 0.1, pool: WorkerPool = .shared
  ) throws {
    guard !runs.isEmpty else { throw FusionError.noRuns }
    let judged = runs.map { run in Run(name: run.name, rankings: run.rankings.filter { qrels.judgements[$0.qid] != nil }) }
    let grid = try Self.grid(method, normalization, runs: runs.count, step: step)
    func evaluation(_ fusion: Fusion) throws -> Evaluation {
      let fused = try fusion.fuse(judged, name: fusion.description, pool: pool)
      return try evaluate(qrels: qrels, run: fused, measures: [measure], pool: pool)
    }
    func value(_ evaluation: Evaluation) -> Double { evaluation.aggregates[0] }
    let start = try Fusion(Self.defaults(of: method), normalization: normalization)
    let startEvaluation = try evaluation(start)
    var trials: [Trial] = []
    var best: (trial: Trial, evaluation: Evaluation)?
    for fusion in grid {
      let result = try evaluation(fusion)
      let trial = Trial(fusion: fusion, value: value(result))
      trials.append(trial)
      if best.map({ trial.value > $0.trial.value }) ?? true { best = (trial, result) }
    }
    guard let best else { throw FusionError.nothingToTune(method: method.description) }
    self.measure = measure
    self.trials = trials
    self.best = best.trial
    untuned = Trial(fusion: start, value: value(startEvaluation))
    comparison = try PairedTest.t.compare(
      try startEvaluation.perQuery(measure), try best.evaluation.perQuery(measure), pool: pool)
  }

  /// The same method with the parameters that it has when nobody says otherwise.
  private static func defaults(of method: FusionMethod) -> FusionMethod {
    switch method {
    case .rrf: .rrf()
    case .combGMNZ: .combGMNZ(gamma: 1)
    case .logNISR: .logNISR()
    case .rbc: .rbc()
    default: method
    }
  }

  /// The settings to try.
  static func grid(
    _ method: FusionMethod, _ normalization: ScoreNormalization?, runs: Int, step: Double
  ) throws(FusionError) -> [Fusion] {
    func fusions(_ methods: [FusionMethod]) throws(FusionError) -> [Fusion] {
      var all: [Fusion] = []
      for method in methods { all.append(try Fusion(method, normalization: normalization)) }
      return all
    }
    switch method {
    case .rrf: return try fusions((1...10).map { .rrf(k: Double($0 * 10)) })
    case .combGMNZ: return try fusions((0...10).map { .combGMNZ(gamma: Double($0) / 10) })
    case .logNISR: return try fusions(([0.01] + (1...10).map { Double($0) / 10 }).map { FusionMethod.logNISR(sigma: $0) })
    case .rbc: return try fusions(((1...19).map { Double($0) / 20 } + [0.98, 0.99]).map { FusionMethod.rbc(phi: $0) })
    case .combSUM, .borda, .condorcet:
      guard step > 0, step <= 1 else { throw .outOfRange(parameter: "step", value: step, allowed: "above 0, at most 1") }
      let parts = Int((1 / step).rounded())
      // Ways to hand out `parts` steps to the runs: C(parts + runs - 1, runs - 1).
      var settings = 1.0
      for run in 1..<max(runs, 1) { settings *= Double(parts + run) / Double(run) }
      guard settings <= Double(gridLimit) else {
        throw .gridTooLarge(settings: settings < 1e15 ? Int(settings.rounded()) : .max, limit: gridLimit)
      }
      var all: [Fusion] = []
      for shares in compositions(of: parts, into: runs) {
        all.append(try Fusion(method, normalization: normalization, weights: shares.map { Double($0) / Double(parts) }))
      }
      return all
    case .combMIN, .combMED, .combMAX, .combANZ, .combMNZ, .isr, .logISR, .bayesFuse:
      throw .nothingToTune(method: method.description)
    }
  }

  /// All ways to write `total` as an ordered sum of `count` numbers from 0 up, the first number growing slowest.
  private static func compositions(of total: Int, into count: Int) -> [[Int]] {
    guard count > 1 else { return [[total]] }
    return (0...total).flatMap { first in compositions(of: total - first, into: count - 1).map { [first] + $0 } }
  }
}
