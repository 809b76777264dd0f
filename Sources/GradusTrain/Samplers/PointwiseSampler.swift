import GradusCore

/// Draws single (query, document, label) samples: every document of every query of a run, reshuffled each round.
///
/// Unjudged documents have grade 0. Which grades are positive is an explicit cut: on a scale where 1 means bad, "label
/// above 0" would call bad answers good.
///
///     var sampler = try PointwiseSampler(run: bm25.prefix(100), qrels: qrels, minimumPositiveGrade: 3, seed: 7)
///     let batch = try sampler.next(16)
///
/// - Complexity: construction O(documents of the run); a draw O(log queries), amortised over a round.
public struct PointwiseSampler: TrainingSampler {
  public let minimumPositiveGrade: Int
  public let labels: LabelScale

  private let pool: JudgedPool
  /// Samples before each query.
  private let offsets: [Int]
  private let digest: String
  private var rounds: RoundRobin

  /// - Parameter minimumPositiveGrade: The lowest grade that counts as positive, `>= 1`.
  /// - Throws: ``SamplerError/nothingToSample(queries:needed:)`` where the run has no document at all.
  public init(
    run: Run, qrels: Qrels, minimumPositiveGrade: Int = 1, labels: LabelScale = .grade, seed: UInt64
  ) throws(SamplerError) {
    guard minimumPositiveGrade >= 1 else { throw .positiveGradeBelowOne(minimumPositiveGrade) }
    pool = JudgedPool(run: run, qrels: qrels)
    var offsets: [Int] = []
    var count = 0
    for query in pool.queries {
      offsets.append(count)
      count += query.grades.count
    }
    guard count > 0 else { throw .nothingToSample(queries: pool.queries.count, needed: "a candidate") }
    self.offsets = offsets
    self.minimumPositiveGrade = minimumPositiveGrade
    self.labels = labels
    digest = pool.digest(settings: "pointwise \(minimumPositiveGrade) \(labels.rawValue) \(seed)")
    rounds = RoundRobin(seed: seed, count: count)
  }

  public var samplesPerPass: Int? { rounds.count }

  public mutating func next() -> TrainingSample { sample(rounds.next().item) }

  /// Every sample once, in the order of the run.
  public var everySample: some Sequence<TrainingSample> { (0..<rounds.count).lazy.map { sample($0) } }

  private func sample(_ item: Int) -> TrainingSample {
    // The last query whose offset does not exceed `item`; queries without documents share their successor's offset.
    var low = 0
    var high = offsets.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if offsets[middle] <= item { low = middle } else { high = middle }
    }
    let query = pool.queries[low]
    let position = item - offsets[low]
    let grade = query.grades[position]
    let isPositive = grade >= minimumPositiveGrade
    return .pointwise(
      qid: query.ranking.qid, docno: query.docno(position), label: labels.label(grade: grade, isPositive: isPositive),
      isPositive: isPositive)
  }

  public var resumeState: SamplerState { SamplerState(digest: digest, drawn: rounds.drawn) }

  public mutating func resume(from state: SamplerState) throws {
    guard state.digest == digest else {
      throw SamplerError.stateOfAnotherSampler(expected: digest, found: state.digest)
    }
    try rounds.resume(drawn: state.drawn)
  }
}
