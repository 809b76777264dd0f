import GradusCore

/// Draws from a list of query-document pairs, each with negatives drawn uniformly from a catalogue.
///
/// Pairs are visited in a random permutation, a new one each round. Documents that a query is paired with, in the list or in
/// `excluded`, are never its negatives.
///
///     var sampler = try PairListSampler(pairs: [("q1", "d1"), ("q2", "d7")], catalogue: docnos, negatives: 7, seed: 7)
public struct PairListSampler: TrainingSampler {
  public let negatives: Int
  private let pairs: [(qid: String, docno: String)]
  private let catalogue: [String]
  private let excluded: [String: Set<String>]
  private let digest: String
  private var rounds: RoundRobin

  /// - Throws: ``SamplerError/negativesBelowOne(_:)``; ``SamplerError/nothingToSample(queries:needed:)`` for no pairs, or for a
  ///   query whose documents leave fewer than `negatives` of the catalogue.
  public init(
    pairs: [(qid: String, docno: String)], catalogue: [String], excluded: [String: Set<String>] = [:], negatives: Int = 1,
    seed: UInt64
  ) throws(SamplerError) {
    guard negatives >= 1 else { throw .negativesBelowOne(negatives) }
    var known = excluded
    for pair in pairs { known[pair.qid, default: []].insert(pair.docno) }
    let most = known.values.map(\.count).max() ?? 0
    guard !pairs.isEmpty, catalogue.count >= most + negatives else {
      throw .nothingToSample(queries: pairs.count, needed: "\(negatives) documents of the catalogue that are not its own")
    }
    self.pairs = pairs
    self.catalogue = catalogue
    self.excluded = known
    self.negatives = negatives
    let text = pairs.map { "\($0.qid) \($0.docno)" } + catalogue + ["\(negatives) \(seed)"]
    digest = SHA256Digest.hex(of: Array(text.joined(separator: "\n").utf8))
    rounds = RoundRobin(seed: seed, count: pairs.count)
  }

  public var samplesPerPass: Int? { pairs.count }

  public mutating func next() -> TrainingSample {
    var (item, stream) = rounds.next()
    return sample(pairs[item], negatives, using: &stream)
  }

  private func sample(
    _ pair: (qid: String, docno: String), _ count: Int, using stream: inout SeededGenerator
  ) -> TrainingSample {
    let own = excluded[pair.qid] ?? []
    var chosen: [String] = []
    while chosen.count < count {
      let docno = catalogue[stream.integer(below: catalogue.count)]
      if !own.contains(docno) && !chosen.contains(docno) { chosen.append(docno) }
    }
    return .pairwise(qid: pair.qid, positive: pair.docno, negatives: chosen)
  }

  /// Every pair once with negatives drawn from `seed`, for a pass over the whole set (``ConsensusWeighting``).
  ///
  /// - Parameter negatives: At most as many as a sample has.
  public func everyPair(negatives count: Int, seed: UInt64) -> [TrainingSample] {
    let generator = SeededGenerator(seed: seed)
    return pairs.enumerated().map { number, pair in
      var stream = generator.stream("pair", number)
      return sample(pair, min(count, negatives), using: &stream)
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
