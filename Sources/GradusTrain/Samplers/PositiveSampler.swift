import GradusCore

/// Draws relevant pairs of a query and a document, alone: for losses that need no negatives.
///
/// Pairs are visited in a random permutation, a new one each round.
///
///     var sampler = try PositiveSampler(qrels: trainingQrels, seed: 7)
public struct PositiveSampler: TrainingSampler {
  private let pairs: [(qid: String, docno: String)]
  private let digest: String
  private var rounds: RoundRobin

  /// - Parameter minimumGrade: The lowest grade that counts as relevant.
  /// - Throws: ``SamplerError/nothingToSample(queries:needed:)`` where there is no relevant pair.
  public init(qrels: Qrels, minimumGrade: Int = 1, seed: UInt64) throws(SamplerError) {
    let pairs = qrels.qids.flatMap { qid in
      qrels.relevant(qid: qid, minimumGrade: minimumGrade).map { (qid: qid, docno: $0) }
    }
    guard !pairs.isEmpty else {
      throw .nothingToSample(queries: qrels.qids.count, needed: "a document of grade >= \(minimumGrade)")
    }
    self.pairs = pairs
    let text = pairs.map { "\($0.qid) \($0.docno)" } + ["\(seed)"]
    digest = SHA256Digest.hex(of: Array(text.joined(separator: "\n").utf8))
    rounds = RoundRobin(seed: seed, count: pairs.count)
  }

  public var samplesPerPass: Int? { pairs.count }

  public mutating func next() -> TrainingSample {
    let pair = pairs[rounds.next().item]
    return .pointwise(qid: pair.qid, docno: pair.docno, label: 1, isPositive: true)
  }

  public var resumeState: SamplerState { SamplerState(digest: digest, drawn: rounds.drawn) }

  public mutating func resume(from state: SamplerState) throws {
    guard state.digest == digest else {
      throw SamplerError.stateOfAnotherSampler(expected: digest, found: state.digest)
    }
    try rounds.resume(drawn: state.drawn)
  }
}
