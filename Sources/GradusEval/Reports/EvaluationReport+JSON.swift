extension EvaluationReport {
  /// One line of JSON with a fixed order of keys:
  ///
  ///     {"runs": [{"name": "bm25", "measures": {"nDCG@10": {"mean": 0.5, "interval": [0.4, 0.6]}}, "queries": {...}}],
  ///      "comparisons": [{"baseline": "bm25", "run": "splade", "measure": "nDCG@10", "difference": 0.2, ...}]}
  ///
  /// Doubles have the fewest digits that read back as the same number. What is undefined is null. `mean` holds the
  /// aggregate; for a measure that is not averaged, `aggregation` says so.
  ///
  /// - Parameter perQuery: Adds `"per_query": {MEASURE: {QID: value}}` to each run.
  public func json(perQuery: Bool = false) -> String {
    OrderedJSON.object([
      ("runs", .array(runs.map { runJSON($0, perQuery: perQuery) })),
      ("comparisons", .array(comparisons.map(comparisonJSON))),
    ]).text
  }

  private func runJSON(_ run: RunSummary, perQuery: Bool) -> OrderedJSON {
    let counts = run.evaluation.counts
    var members: [(String, OrderedJSON)] = [
      ("name", .string(run.name)),
      ("measures", .object(run.figures.map { ($0.measure.description, figureJSON($0)) })),
      (
        "queries",
        .object([
          ("judged", .integer(counts.judged)), ("evaluated", .integer(run.evaluation.qids.count)),
          ("missing", .array(counts.missing.map(OrderedJSON.string))),
          ("missing_policy", .string(run.evaluation.missingQueries == .countAsZero ? "count_as_zero" : "leave_out")),
          ("without_judgements", .array(counts.withoutJudgements.map(OrderedJSON.string))),
          ("without_relevant", .integer(counts.withoutRelevant)),
        ])
      ),
      ("documents", .object([("retrieved", .integer(counts.retrieved)), ("unjudged", .integer(counts.unjudgedRetrieved))])),
    ]
    if perQuery {
      let values = zip(run.evaluation.measures, run.evaluation.values).map { measure, values in
        (measure.description, OrderedJSON.object(zip(run.evaluation.qids, values).map { ($0, .number($1)) }))
      }
      members.append(("per_query", .object(values)))
    }
    return .object(members)
  }

  private func figureJSON(_ figure: Figure) -> OrderedJSON {
    var members: [(String, OrderedJSON)] = [("mean", .number(figure.value)), ("interval", .interval(figure.interval))]
    switch figure.measure.measure.aggregation {
    case .mean: break
    case .geometricMean: members.append(("aggregation", .string("geometric_mean")))
    case .sum: members.append(("aggregation", .string("sum")))
    }
    return .object(members)
  }

  private func comparisonJSON(_ comparison: Comparison) -> OrderedJSON {
    .object([
      ("baseline", .string(comparison.baseline)), ("run", .string(comparison.run)),
      ("measure", .string(comparison.measure.description)), ("queries", .integer(comparison.qids.count)),
      ("difference", .number(comparison.test.meanDifference)), ("interval", .interval(comparison.interval)),
      ("test", .string(settings.test.name)), ("statistic", .number(comparison.test.statistic)),
      ("p", .number(comparison.test.p)), ("correction", .string(settings.correction.rawValue)),
      ("corrected_p", .number(comparison.correctedP)), ("significant", .boolean(comparison.isSignificant)),
      ("note", comparison.test.note == .none ? .null : .string(Self.noteText(comparison.test.note))),
      ("cohens_dz", .optional(comparison.effect.cohensDz)), ("hedges_g", .optional(comparison.effect.hedgesG)),
      ("wins", .integer(comparison.wins)), ("ties", .integer(comparison.ties)), ("losses", .integer(comparison.losses)),
      ("smallest_detectable_difference", .optional(comparison.smallestDetectableDifference)),
    ])
  }

  static func noteText(_ note: PairedTestNote) -> String {
    switch note {
    case .none: ""
    case .tooFewPairs: "too few queries for a test"
    case .noDifference: "no query differs"
    case .noVariance: "every query differs by the same amount; the test cannot estimate a variance"
    }
  }
}
