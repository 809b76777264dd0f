import GradusCore

/// Draws a list of a query's candidates, at least one of them positive and one of lower grade.
///
/// Queries are visited in a random permutation, a new one each round. For a query, one positive is drawn uniformly from
/// the run's documents that reach `minimumPositiveGrade`, one document from those of lower grade than it, the others
/// uniformly from the rest; the list is then shuffled, so that its order says nothing. Unjudged documents have grade 0.
///
///     var sampler = try ListwiseSampler(run: bm25, qrels: qrels, size: 8, seed: 7)
///     try sampler.next().documents.map(\.label)   // [0, 0, 1, 0, ...]
///
/// For losses over lists; those over pairs need ``PairwiseSampler``.
public struct ListwiseSampler: TrainingSampler {
  private struct Source: Sendable {
    let query: JudgedPool.Query
    let positives: [Int]
  }

  /// Documents of a list.
  public let size: Int
  public let minimumPositiveGrade: Int
  public let labels: LabelScale
  /// Queries of the run that give no list.
  public let skippedQueries: Int
  private let sources: [Source]
  private let digest: String
  private var rounds: RoundRobin

  /// - Parameters:
  ///   - run: Candidates of the training queries, cut to the depth that is to be sampled from.
  ///   - size: Documents of a list, `>= 2`.
  ///   - minimumPositiveGrade: The lowest grade that counts as positive, `>= 1`.
  /// - Throws: ``SamplerError/nothingToSample(queries:needed:)`` where no query has such a list.
  public init(
    run: Run, qrels: Qrels, size: Int, minimumPositiveGrade: Int = 1, labels: LabelScale = .grade, seed: UInt64
  ) throws(SamplerError) {
    guard size >= 2 else { throw .listBelowTwo(size) }
    guard minimumPositiveGrade >= 1 else { throw .positiveGradeBelowOne(minimumPositiveGrade) }
    let pool = JudgedPool(run: run, qrels: qrels)
    let sources = pool.queries.compactMap { query -> Source? in
      guard query.grades.count >= size, let least = query.grades.min() else { return nil }
      let positives = query.grades.indices.filter { query.grades[$0] >= minimumPositiveGrade && query.grades[$0] > least }
      return positives.isEmpty ? nil : Source(query: query, positives: positives)
    }
    guard !sources.isEmpty else {
      throw .nothingToSample(
        queries: pool.queries.count,
        needed: "\(size) candidates, one of grade >= \(minimumPositiveGrade) and one of lower grade among them")
    }
    self.size = size
    self.minimumPositiveGrade = minimumPositiveGrade
    self.labels = labels
    self.sources = sources
    skippedQueries = pool.queries.count - sources.count
    digest = pool.digest(settings: "listwise \(size) \(minimumPositiveGrade) \(labels.rawValue) \(seed)")
    rounds = RoundRobin(seed: seed, count: sources.count)
  }

  /// Queries that lists are drawn from: each gives one list a round.
  public var samplesPerPass: Int? { sources.count }

  public mutating func next() -> TrainingSample {
    var (item, stream) = rounds.next()
    let source = sources[item]
    let grades = source.query.grades
    let positive = source.positives[stream.integer(below: source.positives.count)]
    let lower = grades.indices.filter { grades[$0] < grades[positive] }
    let negative = lower[stream.integer(below: lower.count)]
    var rest = grades.indices.filter { $0 != positive && $0 != negative }
    for chosen in 0..<(size - 2) { rest.swapAt(chosen, chosen + stream.integer(below: rest.count - chosen)) }
    let list = [positive, negative] + rest.prefix(size - 2)
    let documents = stream.permutation(size).map { place in
      let isPositive = grades[list[place]] >= minimumPositiveGrade
      return LabelledDocument(
        docno: source.query.docno(list[place]), label: labels.label(grade: grades[list[place]], isPositive: isPositive),
        isPositive: isPositive)
    }
    return .listwise(qid: source.query.ranking.qid, documents: documents)
  }

  public var resumeState: SamplerState { SamplerState(digest: digest, drawn: rounds.drawn) }

  public mutating func resume(from state: SamplerState) throws {
    guard state.digest == digest else {
      throw SamplerError.stateOfAnotherSampler(expected: digest, found: state.digest)
    }
    try rounds.resume(drawn: state.drawn)
  }
}
