import GradusCore

/// What to do with a judged query that the run does not have.
public enum MissingQueryPolicy: String, Sendable, CaseIterable {
  /// Count it as an empty ranking (`trec_eval -c`; what MS MARCO does). The default: leaving hard queries out must not help.
  case countAsZero
  /// Average over the queries that the run has (trec_eval 9 without `-c`).
  case leaveOut
}

/// The values of one run: for each measure one number per query, and how they were counted.
///
///     let evaluation = try evaluate(qrels: qrels, run: run, measures: MeasureSpecification.list("nDCG@10 RR@10"))
///     evaluation.mean("nDCG@10")             // over all judged queries
///     evaluation.counts.missing              // judged queries that the run lacks, counted as 0
public struct Evaluation: Sendable, Equatable {
  /// What was evaluated and what was not. Odd things are data, not log lines.
  public struct Counts: Sendable, Equatable {
    /// Queries with judgements.
    public let judged: Int
    /// Judged queries that the run lacks, in the order of the judgements.
    public let missing: [String]
    /// Queries of the run without judgements, left out, in the order of the run.
    public let withoutJudgements: [String]
    /// Evaluated queries whose judgements hold no grade above 0: every measure of relevance is 0 for them.
    public let withoutRelevant: Int
    /// Documents retrieved for the evaluated queries.
    public let retrieved: Int
    /// Of these, the documents without judgement. They count as not relevant.
    public let unjudgedRetrieved: Int
  }

  public let runName: String
  public let missingQueries: MissingQueryPolicy
  public let measures: [MeasureSpecification]
  /// Evaluated queries, in the order of the judgements.
  public let qids: [String]
  /// `values[m][q]`: measure `measures[m]` for query `qids[q]`.
  public let values: [[Double]]
  public let counts: Counts

  /// The figure of each measure over all queries, in the order of `measures`: mean, geometric mean or sum.
  public var aggregates: [Double] { zip(measures, values).map { $0.measure.aggregation.aggregate($1) } }

  /// Values of a measure, one for each of `qids`.
  public func perQuery(_ measure: MeasureSpecification) throws(EvaluationError) -> [Double] {
    guard let index = measures.firstIndex(of: measure) else {
      throw .unknownMeasure(measure.description, known: measures.map(\.description))
    }
    return values[index]
  }

  /// The figure of the measure of this printed name, such as `nDCG@10`; nil where it was not evaluated.
  public func mean(_ name: String) -> Double? {
    measures.firstIndex { $0.description == name }.map { measures[$0].measure.aggregation.aggregate(values[$0]) }
  }
}

/// Evaluates a run against judgements.
///
/// Every query's documents are mapped to grades once; all measures then work on that list. Queries are spread over the
/// worker pool; the values do not depend on the number of threads, nor on the order of queries in the run.
///
///     let evaluation = try evaluate(qrels: qrels, run: run, measures: [MeasureSpecification("nDCG@10")])
///
/// Unjudged documents are not relevant. Queries without judgements are left out and listed in the counts.
///
/// - Throws: ``MeasureNameError/noMeasures`` without measures; ``EvaluationError/noCommonQueries(run:)`` where no query of
///   the run has judgements, because that is nearly always a mix-up of files. A run without any query is evaluated.
/// - Complexity: O(retrieved + judged documents + values), linear in the queries.
public func evaluate(
  qrels: Qrels, run: Run, measures: [MeasureSpecification], missingQueries: MissingQueryPolicy = .countAsZero,
  pool: WorkerPool = .shared
) throws -> Evaluation {
  guard !measures.isEmpty else { throw MeasureNameError.noMeasures }
  var qids: [String] = []
  var rankings: [Ranking?] = []
  var missing: [String] = []
  qids.reserveCapacity(qrels.qids.count)
  rankings.reserveCapacity(qrels.qids.count)
  for qid in qrels.qids {
    let ranking = run[qid]
    if ranking == nil { missing.append(qid) }
    if ranking != nil || missingQueries == .countAsZero {
      qids.append(qid)
      rankings.append(ranking)
    }
  }
  if missing.count == qrels.qids.count, !run.rankings.isEmpty { throw EvaluationError.noCommonQueries(run: run.name) }

  let queries = QueryEvaluator(qrels: qrels, qids: qids, rankings: rankings, measures: measures.map(\.measure)).evaluate(on: pool)
  let counts = Evaluation.Counts(
    judged: qrels.qids.count, missing: missing, withoutJudgements: run.rankings.map(\.qid).filter { qrels.judgements[$0] == nil },
    withoutRelevant: queries.withoutRelevant, retrieved: queries.retrieved, unjudgedRetrieved: queries.unjudged)
  return Evaluation(
    runName: run.name, missingQueries: missingQueries, measures: measures, qids: qids, values: queries.values, counts: counts)
}

/// The inner loop: grades, then measures, query by query.
private struct QueryEvaluator {
  let qrels: Qrels
  let qids: [String]
  let rankings: [Ranking?]
  let measures: [any Measure]

  struct Result {
    var values: [[Double]]
    var withoutRelevant = 0
    var retrieved = 0
    var unjudged = 0
  }

  func evaluate(on pool: WorkerPool) -> Result {
    let width = measures.count
    // Per query: the values, then retrieved, unjudged, and whether nothing is relevant.
    let stride = width + 3
    var rows = [Double](repeating: 0, count: qids.count * stride)
    rows.withUnsafeMutableBufferPointer { buffer in
      nonisolated(unsafe) let rows = buffer
      pool.forEachRange(count: qids.count, grain: 32) { range in
        for query in range {
          let ranking = judged(query)
          let row = query * stride
          for (index, measure) in measures.enumerated() { rows[row + index] = measure.value(for: ranking) }
          rows[row + width] = Double(ranking.retrievedCount)
          rows[row + width + 1] = Double(ranking.grades.count { $0 == JudgedRanking.unjudged })
          rows[row + width + 2] = (ranking.judged.first ?? 0) > 0 ? 0 : 1
        }
      }
    }
    var result = Result(values: (0..<width).map { index in (0..<qids.count).map { rows[$0 * stride + index] } })
    for query in 0..<qids.count {
      result.retrieved += Int(rows[query * stride + width])
      result.unjudged += Int(rows[query * stride + width + 1])
      result.withoutRelevant += Int(rows[query * stride + width + 2])
    }
    return result
  }

  private func judged(_ query: Int) -> JudgedRanking {
    let judgements = qrels[qids[query]]
    let grades = rankings[query]?.documents.map { judgements[$0.docno].map(Self.grade) ?? JudgedRanking.unjudged } ?? []
    return JudgedRanking(grades: grades, judged: judgements.values.map(Self.grade))
  }

  /// Grades beyond 32 bits are cut to them; the lowest value is kept for documents without judgement.
  private static func grade(_ grade: Int) -> Int32 { max(Int32(clamping: grade), JudgedRanking.unjudged + 1) }
}
