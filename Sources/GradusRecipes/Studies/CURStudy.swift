import GradusCore
import GradusEval
import GradusIndex
import GradusRank
import GradusTensor

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Retrieval by an expensive scorer under a budget of its calls: how much of the scorer's own best is found by ANNCUR
/// (``CURRetriever``), and by re-ranking what a first stage finds, with the same number of calls.
///
/// Scorers that need no training: exact MaxSim of an encoder's token vectors, and a cross-encoder as it starts, whose head adds
/// the cosine of the mean vectors of query and document, read together, to a random map.
public enum CURStudy: Study {
  public static let name = "anncur"
  public static let summary = "finding a scorer's best documents with few of its calls"
  public static let items = "test queries"
  public static let settings = [
    StudySetting("data", .text, default: "scifact", "collection"),
    StudySetting("model", .text, default: "minilm-l6", "encoder of the scorer and of the bi-encoder"),
    StudySetting("scorer", .choice(["maxsim", "cross-encoder"]), default: "maxsim", "whose best documents are looked for"),
    StudySetting("documents", .count(least: 10), default: "1000000", "of the collection, at most; the judged ones first"),
    StudySetting("test-queries", .count(least: 1), default: "1000000", "at most"),
    StudySetting("anchor-pool", .count(least: 1), default: "400", "training queries from which anchor queries are drawn"),
    StudySetting("anchor-queries", .count(least: 1), default: "200", "drawn anew with each seed"),
    StudySetting("method", .choice(["bm25", "bi-encoder", "cur"]), default: "cur", "first stage that is re-ranked, or ANNCUR"),
    StudySetting("solver", .text, default: "truncated(tolerance=0.01)", "truncated(tolerance), ridge(lambda) or pinv"),
    StudySetting("anchor-items", .count(least: 1), default: "50", "drawn anew with each seed"),
    StudySetting("start", .choice(["random", "bi-encoder"]), default: "random", "anchor items: drawn, or the bi-encoder's best"),
    StudySetting("rounds", .count(least: 1), default: "1", "in which the rest of the budget is spent"),
    StudySetting("budget", .count(least: 2), default: "100", "scorer calls of a query, anchors included"),
  ]
  public static let measures = [
    StudyMeasure("recall of the scorer's top 50"), StudyMeasure("recall of the scorer's top 10"),
    StudyMeasure("recall of the scorer's top 1"), StudyMeasure("nDCG@10"),
  ]

  public static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome {
    let known = try CURStudyScores(settings, home: context.home)
    let search = try searcher(settings, known, seed: seed)
    var values = [[Double]](repeating: [], count: measures.count)
    for (number, query) in known.testQueries.enumerated() {
      let row = known.anchorQueries.count + number
      let best = ranking(query, known, known.exact, row: row, depth: 50).documents.map(\.docno)
      let found = try search(number).documents
      let names = found.map(\.docno)
      for (place, depth) in [50, 10, 1].enumerated() {
        let wanted = Set(best.prefix(depth))
        values[place].append(Double(names.prefix(depth).count { wanted.contains($0) }) / Double(wanted.count))
      }
      let run = Run(name: "found", rankings: [Ranking(qid: query.qid, alreadyOrdered: found)])
      let judged = known.qrels.restricted(to: [query.qid])
      values[3].append(
        try evaluate(qrels: judged, run: run, measures: [MeasureSpecification("nDCG@10")]).values[0].first ?? 0)
    }
    let outcome = zip(measures, values).map { ($0.name, $1) }
    return StudyOutcome(
      items: known.testQueries.map(\.qid), values: Dictionary(uniqueKeysWithValues: outcome),
      curves: [spectrum(settings, known, seed: seed)])
  }

  /// What a method finds for a test query: `budget` documents, with the scorer's own scores.
  private static func searcher(
    _ settings: StudySettings, _ known: CURStudyScores, seed: UInt64
  ) throws -> (Int) throws -> Ranking {
    let budget = settings.count("budget")
    let method = settings["method"]
    let first = known.anchorQueries.count
    guard method == "cur" else {
      let stage = method == "bm25" ? known.lexical : known.cosines
      return { number in
        let query = known.testQueries[number]
        let candidates = ranking(query, known, stage, row: first + number, depth: budget).documents.map(\.docno)
        return known.scored(candidates, for: number)
      }
    }
    let anchors = anchorRows(settings, known, seed: seed)
    let scores = Matrix(
      rows: anchors.count, columns: known.items.count,
      values: anchors.flatMap { row in (0..<known.items.count).map { known.exact[row, $0] } })
    let generator = SeededGenerator(seed: seed)
    var stream = generator.stream("anchor items")
    let drawn = stream.permutation(known.items.count).prefix(settings.count("anchor-items")).sorted()
    let retriever = try CURRetriever(
      scorer: TableScorer(known), scorerName: settings["scorer"], items: known.items, anchors: drawn, scores: scores,
      solver: PseudoInverse(parsing: settings["solver"]))
    let rounds = settings.count("rounds")
    let isDrawn = settings["start"] == "random"
    return { number in
      let query = known.testQueries[number]
      let result: CURRetriever.Result
      if isDrawn, rounds == 1 {
        result = try retriever.search(query, k: budget, budget: budget)
      } else {
        let start = isDrawn ? nil : ranking(
          query, known, known.cosines, row: first + number, depth: drawn.count
        ).documents.map(\.docno)
        result = try retriever.search(query, k: budget, budget: budget, rounds: rounds, first: start)
      }
      precondition(result.scorerCalls <= budget, "\(result.scorerCalls) calls of \(budget)")
      return Ranking(qid: query.qid, alreadyOrdered: result.documents)
    }
  }

  /// Rows of the anchor queries, the same for all arms of a seed.
  private static func anchorRows(_ settings: StudySettings, _ known: CURStudyScores, seed: UInt64) -> [Int] {
    let generator = SeededGenerator(seed: seed)
    var stream = generator.stream("anchor queries")
    return stream.permutation(known.anchorQueries.count).prefix(settings.count("anchor-queries")).sorted()
  }

  private static func ranking(
    _ query: Query, _ known: CURStudyScores, _ scores: Matrix, row: Int, depth: Int
  ) -> Ranking {
    Ranking(qid: query.qid, bestOf: known.items.count, depth: depth) {
      ScoredDocument(docno: known.items[$0].docno, score: scores[row, $0])
    }
  }

  /// The singular values of the anchor queries' scores, relative to the largest: how near to low rank they are.
  private static func spectrum(_ settings: StudySettings, _ known: CURStudyScores, seed: UInt64) -> StudyCurve {
    var curve = StudyCurve("log10 of singular values of the anchor queries' scores, the largest is 1", xLabel: "number")
    let rows = anchorRows(settings, known, seed: seed)
    let scores = Matrix(rows.map { row in (0..<known.items.count).map { known.exact[row, $0] } })
    // Those of R R^T are the squares, and it is small.
    guard let squares = try? SingularValues(of: scores * scores.transposed).values, let largest = squares.first, largest > 0
    else {
      return curve
    }
    for (place, value) in squares.enumerated() where value > largest * 1e-12 {
      curve.append(Double(place + 1), log10(value / largest) / 2)
    }
    return curve
  }
}

extension CURStudyScores {
  /// Some documents in the order of the scorer.
  func scored(_ docnos: [String], for number: Int) -> Ranking {
    let row = anchorQueries.count + number
    return Ranking(
      qid: testQueries[number].qid,
      documents: docnos.compactMap { docno in
        numbers[docno].map { ScoredDocument(docno: docno, score: exact[row, $0]) }
      })
  }
}

/// The scorer, from its table.
private struct TableScorer: Reranker {
  let known: CURStudyScores
  private let rows: [String: Int]

  init(_ known: CURStudyScores) {
    self.known = known
    rows = Dictionary(
      uniqueKeysWithValues: known.testQueries.enumerated().map { ($1.qid, known.anchorQueries.count + $0) })
  }

  var scoreKind: ScoreKind { .logit }

  func scores(of candidates: [Candidate], for query: Query) -> [CandidateScore] {
    candidates.map { candidate in
      guard let row = rows[query.qid], let column = known.numbers[candidate.document.docno] else {
        preconditionFailure("a query or document that is not of the table")
      }
      return CandidateScore(score: known.exact[row, column])
    }
  }
}
