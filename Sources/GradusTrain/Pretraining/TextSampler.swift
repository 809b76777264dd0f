import GradusCore

/// Draws texts for pretraining: each round visits every document once, in a random order.
///
///     var sampler = try TextSampler(docnos: corpus.map(\.docno), seed: 7)
///     try sampler.next().documents[0].docno
///
/// A sample is a single document without a query (``TextSampler/noQuery``).
public struct TextSampler: TrainingSampler {
  /// The qid of samples without a query.
  public static let noQuery = "-"
  private let docnos: [String]
  private let digest: String
  private var rounds: RoundRobin

  /// - Throws: ``SamplerError/nothingToSample(queries:needed:)`` without documents.
  public init(docnos: [String], seed: UInt64) throws(SamplerError) {
    guard !docnos.isEmpty else { throw .nothingToSample(queries: 0, needed: "a text to learn from") }
    self.docnos = docnos
    digest = SHA256Digest.hex(of: Array((docnos + ["texts \(seed)"]).joined(separator: "\n").utf8))
    rounds = RoundRobin(seed: seed, count: docnos.count)
  }

  public var samplesPerPass: Int? { docnos.count }

  public mutating func next() -> TrainingSample {
    .pointwise(qid: Self.noQuery, docno: docnos[rounds.next().item], label: 0, isPositive: false)
  }

  public var resumeState: SamplerState { SamplerState(digest: digest, drawn: rounds.drawn) }

  public mutating func resume(from state: SamplerState) throws {
    guard state.digest == digest else {
      throw SamplerError.stateOfAnotherSampler(expected: digest, found: state.digest)
    }
    try rounds.resume(drawn: state.drawn)
  }
}
