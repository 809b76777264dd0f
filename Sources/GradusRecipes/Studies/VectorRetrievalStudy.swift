import GradusCore
import GradusData
import GradusEval
import GradusModels
import GradusTensor
import GradusTrain

/// A bi-encoder's linear head on frozen vectors, trained with any loss over vectors and tested on the whole collection: how well
/// it ranks, and how well one threshold of its scores serves all queries (``OPIS``).
///
/// Each query's relevant documents are its positives and all other documents its negatives; queries with fewer than
/// `least-relevant` relevant documents are left out of development and test. The development figure is nDCG@10 for every arm, so
/// that nothing is chosen by the threshold.
public enum VectorRetrievalStudy: Study {
  public static let name = "vector-retrieval"
  public static let summary = "a linear head on frozen vectors, trained with losses over vectors, against a whole collection"
  public static let items = "test queries"
  public static let settings =
    ProjectionTraining.settings + [
      StudySetting("batch", .count(least: 2), default: "64", "pairs of a step"),
      StudySetting("least-relevant", .count(least: 1), default: "3", "fewest relevant documents of a query that is tested"),
    ]
  public static let measures = [
    StudyMeasure("nDCG@10"), StudyMeasure("Recall@1"), StudyMeasure("OPIS x 1000", isLowerBetter: true),
    StudyMeasure("utility at the best threshold"),
  ]

  public static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome {
    let bench = try VectorBench(collection: settings["data"], model: settings["model"], home: context.home)
    let least = settings.count("least-relevant")
    let dev = try queries(bench.data.dev, bench, least: least)
    let test = try queries(try bench.data.qrels("test"), bench, least: least)
    let training = bench.data.train.qids.compactMap { qid -> GroupPairSampler.Group? in
      let relevant = bench.data.train.relevant(qid: qid)
      return relevant.isEmpty ? nil : GroupPairSampler.Group(anchors: [qid], members: relevant)
    }
    let head = VectorProjection(queries: bench.queries, documents: bench.documents)
    let trained = try ProjectionTraining(
      head, settings, sampler: GroupPairSampler(groups: training, catalogue: bench.docnos, seed: seed),
      batch: settings.count("batch"), qrels: bench.data.train, seed: seed
    ) { try evaluate($0, dev, bench.docnos, withOPIS: false)[0].mean }
    let found = try evaluate(head, test, bench.docnos, withOPIS: true)
    return StudyOutcome(
      items: test.map(\.qid), values: Dictionary(uniqueKeysWithValues: zip(measures.map(\.name), found)),
      development: trained.development, curves: trained.curves)
  }

  private struct JudgedQuery {
    let qid: String
    let relevant: Set<String>
  }

  private static func queries(_ qrels: Qrels, _ bench: VectorBench, least: Int) throws -> [JudgedQuery] {
    let found = qrels.qids.map { JudgedQuery(qid: $0, relevant: Set(qrels.relevant(qid: $0))) }
      .filter { $0.relevant.count >= least }
    guard found.count >= 2 else {
      throw StudyError.missingData(
        study: name, what: "two queries with \(least) relevant documents", searched: [bench.data.collection.folder])
    }
    return found
  }

  /// The measures of each query, in their order; without OPIS only those of the ranking.
  private static func evaluate(
    _ head: VectorProjection, _ queries: [JudgedQuery], _ docnos: [String], withOPIS: Bool
  ) throws -> [[Double]] {
    let cosines = try withoutGradients {
      matmul(
        try head.vectors(ofQueries: queries.map(\.qid)), try head.vectors(ofDocuments: docnos), transposeB: true)
    }
    let best = cosines.topK(min(10, docnos.count)).indices.indices()
    let width = min(10, docnos.count)
    var quality: [Double] = [], first: [Double] = []
    for (row, query) in queries.enumerated() {
      let hits = best[row * width..<(row + 1) * width].map { query.relevant.contains(docnos[Int($0)]) }
      quality.append(SetRankingStudy.ndcg(hits.map { $0 ? 1 : 0 }, ideal: query.relevant.count))
      first.append(hits[0] ? 1 : 0)
    }
    guard withOPIS else { return [quality, first] }
    let scores = cosines.floats()
    let consistency = try OPIS(groups: queries.enumerated().map { row, query in
      var positives: [Double] = [], negatives: [Double] = []
      for (column, docno) in docnos.enumerated() {
        let score = Double(scores[row * docnos.count + column])
        if query.relevant.contains(docno) { positives.append(score) } else { negatives.append(score) }
      }
      return OPIS.Group(query.qid, positives: positives, negatives: negatives)
    })
    return [quality, first, consistency.deviations.map { 1000 * $0 }, consistency.utilitiesAtBest]
  }
}
