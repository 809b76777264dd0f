import GradusCore

/// Draws one positive and its negatives from the documents of a first-stage run, query by query.
///
/// Queries are visited in a random permutation, a new one each round. For a query, one positive is drawn uniformly from
/// the documents that are in the run *and* have at least `minimumPositiveGrade` in the qrels; the negatives are drawn
/// uniformly and without repetition from the run's documents of lower grade than the positive. Unjudged documents have
/// grade 0, and a document of grade 3 may be the negative of one of grade 4. A positive without enough lower-graded
/// documents is never drawn, and a query without any such positive is skipped (``skippedQueries``).
///
/// The sampling of MacAvaney et al., "Training Curricula for Open Domain Answer Re-Ranking", SIGIR 2020.
///
///     var sampler = try PairwiseSampler(run: bm25.prefix(100), qrels: qrels, minimumPositiveGrade: 3, seed: 7)
///     let pair = sampler.next()
///
/// - Complexity: construction O(documents of the run); a draw O(documents of one query).
public struct PairwiseSampler: TrainingSampler {
  /// Negatives of each sample.
  public let negatives: Int
  public let minimumPositiveGrade: Int
  public let labels: LabelScale
  /// Queries of the run that no sample can be drawn from.
  public let skippedQueries: Int

  private struct Source: Sendable {
    let query: JudgedPool.Query
    /// Positions in the ranking that can be drawn as positive.
    let positives: [Int]
  }

  private let sources: [Source]
  private let digest: String
  private var rounds: RoundRobin

  /// - Parameters:
  ///   - run: Candidates of the training queries, cut to the depth that is to be sampled from.
  ///   - minimumPositiveGrade: The lowest grade that counts as positive, `>= 1`.
  /// - Throws: ``SamplerError/nothingToSample(queries:needed:)`` where no query has a positive and enough negatives.
  public init(
    run: Run, qrels: Qrels, minimumPositiveGrade: Int = 1, negatives: Int = 1, labels: LabelScale = .grade,
    seed: UInt64
  ) throws(SamplerError) {
    guard negatives >= 1 else { throw .negativesBelowOne(negatives) }
    guard minimumPositiveGrade >= 1 else { throw .positiveGradeBelowOne(minimumPositiveGrade) }
    let pool = JudgedPool(run: run, qrels: qrels)
    let sources = pool.queries.compactMap { query -> Source? in
      let sorted = query.grades.sorted()
      // `sorted[negatives - 1] < grade` says that at least `negatives` documents have a lower grade.
      let positives = query.grades.indices.filter { position in
        query.grades[position] >= minimumPositiveGrade && sorted.count >= negatives
          && sorted[negatives - 1] < query.grades[position]
      }
      return positives.isEmpty ? nil : Source(query: query, positives: positives)
    }
    guard !sources.isEmpty else {
      throw .nothingToSample(
        queries: pool.queries.count,
        needed: "a document of grade >= \(minimumPositiveGrade) and \(negatives) of lower grade among its candidates")
    }
    self.negatives = negatives
    self.minimumPositiveGrade = minimumPositiveGrade
    self.labels = labels
    self.sources = sources
    skippedQueries = pool.queries.count - sources.count
    digest = pool.digest(settings: "pairwise \(negatives) \(minimumPositiveGrade) \(labels.rawValue) \(seed)")
    rounds = RoundRobin(seed: seed, count: sources.count)
  }

  /// Queries that samples are drawn from: each gives one sample a round.
  public var samplesPerPass: Int? { sources.count }

  public mutating func next() -> TrainingSample {
    var (item, stream) = rounds.next()
    let source = sources[item]
    let positive = source.positives[stream.integer(below: source.positives.count)]
    var lower = lowerGraded(source.query, than: positive)
    for chosen in 0..<negatives { lower.swapAt(chosen, chosen + stream.integer(below: lower.count - chosen)) }
    return sample(source.query, positive: positive, negatives: lower.prefix(negatives))
  }

  private func lowerGraded(_ query: JudgedPool.Query, than positive: Int) -> [Int] {
    query.grades.indices.filter { query.grades[$0] < query.grades[positive] }
  }

  private func sample(
    _ query: JudgedPool.Query, positive: Int, negatives: some Sequence<Int>
  ) -> TrainingSample {
    .pairwise(
      qid: query.ranking.qid,
      positive: (query.docno(positive), labels.label(grade: query.grades[positive], isPositive: true)),
      negatives: negatives.map { (query.docno($0), labels.label(grade: query.grades[$0], isPositive: false)) })
  }

  /// Every pair of one positive and one negative that could be drawn, in the order of the run: for reports on the
  /// training set (``CurriculumExplanation``), not for training. Lazy.
  public var everyPair: some Sequence<TrainingSample> {
    sources.lazy.flatMap { source in
      source.positives.lazy.flatMap { positive in
        self.lowerGraded(source.query, than: positive).lazy.map { negative in
          self.sample(source.query, positive: positive, negatives: CollectionOfOne(negative))
        }
      }
    }
  }

  /// Every positive that could be drawn, once, with `negatives` of its lower-graded documents: what a noise filter looks at
  /// (``ConsensusWeighting``). The negatives are drawn from `seed`; a positive with fewer has all of them.
  public func everyPositive(negatives: Int, seed: UInt64) -> [TrainingSample] {
    let generator = SeededGenerator(seed: seed)
    return sources.enumerated().flatMap { number, source in
      source.positives.map { positive in
        var stream = generator.stream("positives of a query", number).stream("positive", positive)
        var lower = lowerGraded(source.query, than: positive)
        let count = min(max(1, negatives), lower.count)
        for chosen in 0..<count { lower.swapAt(chosen, chosen + stream.integer(below: lower.count - chosen)) }
        return sample(source.query, positive: positive, negatives: lower.prefix(count))
      }
    }
  }

  public var resumeState: SamplerState { SamplerState(digest: digest, drawn: rounds.drawn) }

  public mutating func resume(from state: SamplerState) throws {
    guard state.digest == digest else {
      throw SamplerError.stateOfAnotherSampler(expected: digest, found: state.digest)
    }
    try rounds.resume(drawn: state.drawn)
  }
}
