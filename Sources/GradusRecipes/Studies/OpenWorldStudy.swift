import GradusCore
import GradusEval
import GradusModels
import GradusTensor
import GradusTrain

/// Metric learning in an open world: a linear head on frozen vectors learns to tell the passages of some pages apart and is
/// tested on other pages, as a matcher with one threshold ("the same page or not") and as a ranking (the nearest passage). The
/// home of ``ThresholdConsistentMarginLoss``, with pages for classes.
///
/// A test page's positives are the pairs of its passages, its negatives the pairs of one of its passages and one of another page.
/// The development figure is Recall@1 for every arm.
public enum OpenWorldStudy: Study {
  public static let name = "open-world"
  public static let summary = "passages of pages that were not trained on, matched by one threshold"
  public static let items = "test pages"
  public static let settings =
    ProjectionTraining.settings + [
      StudySetting("batch", .count(least: 2), default: "64", "pairs of a step, of different pages as far as there are"),
      StudySetting("least-passages", .count(least: 2), default: "7", "fewest passages of a page"),
    ]
  public static let measures = [
    StudyMeasure("OPIS x 1000", isLowerBetter: true), StudyMeasure("Recall@1"), StudyMeasure("utility at the best threshold"),
  ]

  public static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome {
    let bench = try VectorBench(collection: settings["data"], model: settings["model"], home: context.home)
    let pages = try TopicPages(bench, least: settings.count("least-passages"), study: name)
    var qrels = Qrels()
    for page in pages.training {
      for anchor in page.passages { for other in page.passages { qrels.judge(qid: anchor, docno: other, grade: 1) } }
    }
    let head = VectorProjection(queries: bench.documents, documents: bench.documents, maps: .init(isShared: true))
    let sampler = GroupPairSampler(
      groups: pages.training.map { GroupPairSampler.Group(anchors: $0.passages, members: $0.passages) },
      catalogue: pages.training.flatMap(\.passages), seed: seed)
    let trained = try ProjectionTraining(
      head, settings, sampler: sampler, batch: settings.count("batch"), qrels: qrels, seed: seed
    ) { try evaluate($0, pages.development, withOPIS: false)[0].mean }
    let found = try evaluate(head, pages.test, withOPIS: true)
    return StudyOutcome(
      items: pages.test.map(\.name),
      values: [measures[0].name: found[1], measures[1].name: found[0], measures[2].name: found[2]],
      development: trained.development, curves: trained.curves)
  }

  /// By page: the share of its passages whose nearest other passage is of the same page; with OPIS also that, and the utility.
  private static func evaluate(_ head: VectorProjection, _ pages: [TopicPages.Page], withOPIS: Bool) throws -> [[Double]] {
    let passages = pages.flatMap(\.passages), owners = pages.enumerated().flatMap { page, own in own.passages.map { _ in page } }
    let cosines = try withoutGradients {
      let vectors = try head.vectors(ofDocuments: passages)
      return matmul(vectors, vectors, transposeB: true).floats()
    }
    let count = passages.count
    var hits = [Double](repeating: 0, count: pages.count)
    var positives = [[Double]](repeating: [], count: pages.count), negatives = positives
    for row in 0..<count {
      var nearest = row == 0 ? 1 : 0
      for column in 0..<count where column != row {
        let cosine = cosines[row * count + column]
        if cosine > cosines[row * count + nearest] { nearest = column }
        guard withOPIS else { continue }
        if owners[row] != owners[column] { negatives[owners[row]].append(Double(cosine)) } else if row < column {
          positives[owners[row]].append(Double(cosine))
        }
      }
      if owners[nearest] == owners[row] { hits[owners[row]] += 1 / Double(pages[owners[row]].passages.count) }
    }
    guard withOPIS else { return [hits] }
    let consistency = try OPIS(groups: pages.indices.map {
      OPIS.Group(pages[$0].name, positives: positives[$0], negatives: negatives[$0])
    })
    return [hits, consistency.deviations.map { 1000 * $0 }, consistency.utilitiesAtBest]
  }
}
