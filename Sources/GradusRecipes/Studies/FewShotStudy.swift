import GradusCore
import GradusModels
import GradusTensor
import GradusTrain

/// Few-shot classification: a linear head on frozen vectors, trained on episodes of some pages' passages and tested on episodes
/// of other pages. The home of ``ProtoTripletLoss`` and ``ICNNLoss``, with pages for classes.
///
/// A test passage is given to the page whose prototype, the mean of its `shots` passages, is nearest. All arms and seeds are
/// tested on the same episodes; development episodes choose the epoch.
public enum FewShotStudy: Study {
  public static let name = "few-shot"
  public static let summary = "passages classified by page, from a few passages of each"
  public static let items = "episodes"
  public static let settings =
    ProjectionTraining.settings + [
      StudySetting("width", .count(least: 1), default: "128", "of the head's vectors"),
      StudySetting("shots", .count(least: 1), default: "1", "passages that a page is learned from"),
      StudySetting("queries", .count(least: 1), default: "5", "passages of each page that are classified"),
      StudySetting("ways", .count(least: 2), default: "20", "pages of a training episode"),
      StudySetting("test-ways", .count(least: 2), default: "5", "pages of a test episode"),
      StudySetting("episodes", .count(least: 2), default: "600", "test episodes; a third as many choose the epoch"),
    ]
  public static let measures = [StudyMeasure("accuracy")]

  public static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome {
    let bench = try VectorBench(collection: settings["data"], model: settings["model"], home: context.home)
    let (shots, queries) = (settings.count("shots"), settings.count("queries"))
    let pages = try TopicPages(bench, least: shots + queries, study: name)
    var qrels = Qrels()
    for page in pages.training { for passage in page.passages { qrels.judge(qid: page.name, docno: passage, grade: 1) } }
    let sampler = try EpisodicSampler(
      qrels: qrels, ways: settings.count("ways"), shots: shots, queries: queries, seed: seed)
    // Losses with shots read documents alone; a page's first passage stands where a query's vector is asked for.
    let names = bench.documents.selecting(pages.training.map { ($0.name, $0.passages[0]) })
    let isTrained = settings["losses"] != "none"
    let head = VectorProjection(
      queries: names, documents: bench.documents,
      maps: .init(width: isTrained ? settings.count("width") : nil, isShared: true, isNormalized: false, seed: seed))
    let ways = settings.count("test-ways")
    let test = try episodes(pages.test, ways, shots, queries, count: settings.count("episodes"), stream: "test")
    let devCount = max(2, settings.count("episodes") / 3)
    let dev = try episodes(pages.development, ways, shots, queries, count: devCount, stream: "development")
    let trained = try ProjectionTraining(
      head, settings, sampler: sampler, batch: settings.count("ways"), qrels: nil, seed: seed
    ) { try accuracies($0, dev, shots: shots).mean }
    return StudyOutcome(
      items: test.indices.map { "episode \($0 + 1)" }, values: [measures[0].name: try accuracies(head, test, shots: shots)],
      development: trained.development, curves: trained.curves)
  }

  /// The passages of each page of an episode, shots first; the same for every arm and seed.
  static func episodes(
    _ pages: [TopicPages.Page], _ ways: Int, _ shots: Int, _ queries: Int, count: Int, stream name: String
  ) throws -> [[[String]]] {
    guard pages.count >= ways else {
      throw SettingError.value(setting: "test-ways", found: "\(ways)", expected: "at most the number of pages, \(pages.count)")
    }
    let generator = SeededGenerator(seed: 0)
    return (0..<count).map { number in
      var stream = generator.stream(name, number)
      return stream.permutation(pages.count).prefix(ways).map { page in
        let own = pages[page].passages
        return stream.permutation(own.count).prefix(shots + queries).map { own[$0] }
      }
    }
  }

  /// The share of each episode's queries that are nearest to their page's prototype.
  static func accuracies(_ head: VectorProjection, _ episodes: [[[String]]], shots: Int) throws -> [Double] {
    let names = Set(episodes.flatMap { $0.flatMap { $0 } }).sorted()
    let rows = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    let values = try withoutGradients { try head.vectors(ofDocuments: names).floats() }
    let width = head.dimension
    func vector(_ name: String) -> ArraySlice<Float> {
      let row = rows[name] ?? 0
      return values[row * width..<(row + 1) * width]
    }
    return episodes.map { pages in
      let prototypes = pages.map { passages -> [Float] in
        var sum = [Float](repeating: 0, count: width)
        for passage in passages.prefix(shots) { for (place, value) in vector(passage).enumerated() { sum[place] += value } }
        return sum.map { $0 / Float(shots) }
      }
      var right = 0, all = 0
      for (own, passages) in pages.enumerated() {
        for passage in passages.dropFirst(shots) {
          let distances = prototypes.map { prototype in
            zip(prototype, vector(passage)).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
          }
          let nearest = distances.indices.dropFirst().reduce(0) { distances[$1] < distances[$0] ? $1 : $0 }
          right += nearest == own ? 1 : 0
          all += 1
        }
      }
      return Double(right) / Double(all)
    }
  }
}
