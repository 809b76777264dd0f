/// The easiest and the hardest samples of a training set, with what the first stage said about their documents.
///
/// The hardest samples are the place to look for wrong labels: positives at the bottom of the first stage, negatives at
/// its top.
///
///     let explanation = try CurriculumExplanation(
///       of: sampler.everyPair, heuristic: KDEScoreDifficulty(), statistics: statistics, count: 10)
///     print(explanation.hardest[0].easiness)
///
/// - Complexity: O(samples) time, plus the heuristic's for each document where the samples of a query follow one another;
///   O(count) memory beside the samples' source.
public struct CurriculumExplanation: Sendable, Equatable, Codable {
  /// A document of a sample as the first stage saw it.
  public struct Signal: Sendable, Equatable, Codable {
    public let document: LabelledDocument
    /// 1-based; nil outside the run.
    public let rank: Int?
    /// The run's score; nil outside the run.
    public let score: Double?
    /// The heuristic's signal in `[0, 1]`.
    public let phi: Double
  }

  /// A sample and what its weight comes from.
  public struct Entry: Sendable, Equatable, Codable {
    public let qid: String
    public let signals: [Signal]
    /// D in `[0, 1]`; 1 is easiest.
    public let easiness: Double
  }

  /// Samples looked at.
  public let samples: Int
  public let meanEasiness: Double
  /// Share of samples with D below 0.5.
  public let hardShare: Double
  /// Easiest first; equal easiness in the order of the sample ids.
  public let easiest: [Entry]
  /// Hardest first; equal easiness in the order of the sample ids.
  public let hardest: [Entry]

  /// - Parameter count: How many entries to list at either end.
  /// - Throws: ``FirstStageError`` for a sample that the first stage does not know;
  ///   ``SamplerError/nothingToSample(queries:needed:)`` for no samples.
  public init(
    of samples: some Sequence<TrainingSample>, heuristic: any DifficultyHeuristic, statistics: FirstStageStatistics,
    count: Int
  ) throws {
    var easiest = Shortlist(count: count) { $0.easiness > $1.easiness }
    var hardest = Shortlist(count: count) { $0.easiness < $1.easiness }
    var number = 0
    var sum = 0.0
    var hard = 0
    // A document takes part in many samples of its query.
    var known: (qid: String, signals: [String: Double]) = ("", [:])
    for sample in samples {
      if known.qid != sample.qid { known = (sample.qid, [:]) }
      let signals = try sample.documents.map { document in
        if let signal = known.signals[document.docno] { return signal }
        let signal = try heuristic.signal(qid: sample.qid, docno: document.docno, in: statistics)
        known.signals[document.docno] = signal
        return signal
      }
      let easiness = heuristic.easiness(of: sample, signals: signals)
      let judged = Shortlist.Item(sample: sample, signals: signals, easiness: easiness)
      easiest.offer(judged)
      hardest.offer(judged)
      number += 1
      sum += easiness
      if easiness < 0.5 { hard += 1 }
    }
    guard number > 0 else { throw SamplerError.nothingToSample(queries: 0, needed: "a sample") }
    self.samples = number
    meanEasiness = sum / Double(number)
    hardShare = Double(hard) / Double(number)
    func entry(_ item: Shortlist.Item) throws -> Entry {
      let qid = item.sample.qid
      return Entry(
        qid: qid,
        signals: try zip(item.sample.documents, item.signals).map { document, phi in
          Signal(
            document: document, rank: try statistics.rank(qid: qid, docno: document.docno),
            score: try statistics.scoreInRun(qid: qid, docno: document.docno), phi: phi)
        },
        easiness: item.easiness)
    }
    self.easiest = try easiest.finish().map(entry)
    self.hardest = try hardest.finish().map(entry)
  }

  /// The first `count` of many items, sorted only now and then.
  private struct Shortlist {
    struct Item {
      let sample: TrainingSample
      let signals: [Double]
      let easiness: Double
    }

    let count: Int
    let precedes: (Item, Item) -> Bool
    private var items: [Item] = []
    /// The last item that has a place so far; nobody behind it can get one.
    private var bar: Item?

    init(count: Int, precedes: @escaping (Item, Item) -> Bool) {
      self.count = max(0, count)
      self.precedes = precedes
    }

    mutating func offer(_ item: Item) {
      if let bar, precedes(bar, item) { return }
      items.append(item)
      if items.count >= 2 * count + 64 { shorten() }
    }

    mutating func finish() -> [Item] {
      shorten()
      return items
    }

    private mutating func shorten() {
      items.sort { first, second in
        if precedes(first, second) { return true }
        if precedes(second, first) { return false }
        return first.sample.id < second.sample.id
      }
      items.removeLast(max(0, items.count - count))
      bar = items.count == count ? items.last : nil
    }
  }
}
