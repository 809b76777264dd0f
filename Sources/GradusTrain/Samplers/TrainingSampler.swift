/// Draws training samples, for ever, from a seeded stream.
///
/// A sampler is a value: a copy goes on by itself with the same samples. All that moves is in ``Resumable/resumeState``,
/// so that a resumed sampler draws exactly what the interrupted one would have drawn.
///
///     var sampler = try PairwiseSampler(run: bm25, qrels: qrels, seed: 7)
///     let batch = try sampler.next(16)
public protocol TrainingSampler: Resumable, Sendable {
  /// Samples in one round over the data, or nil where that is not known without reading all of it.
  var samplesPerPass: Int? { get }

  /// The next sample. Never ends: a new round begins where one is over.
  mutating func next() throws -> TrainingSample
}

extension TrainingSampler {
  /// The next `count` samples.
  public mutating func next(_ count: Int) throws -> [TrainingSample] {
    var samples: [TrainingSample] = []
    samples.reserveCapacity(count)
    for _ in 0..<count { samples.append(try next()) }
    return samples
  }
}

/// Where a seeded sampler stands. The samples are a function of data, settings, seed and `drawn` alone.
public struct SamplerState: Sendable, Equatable, Codable {
  /// Digest of data, settings and seed: a state resumes only the sampler that it was taken from.
  public let digest: String
  /// Samples drawn so far.
  public var drawn: Int
}
