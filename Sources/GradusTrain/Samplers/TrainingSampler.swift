import GradusCore

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

/// Why a sampler cannot draw or cannot go on.
public enum SamplerError: GradusError, Equatable {
  /// No query of the run has what a sample needs. `queries` is the number of queries looked at.
  case nothingToSample(queries: Int, needed: String)
  case negativesBelowOne(Int)
  /// Grade 0 is what unjudged documents have, so a cut below 1 would call every document positive.
  case positiveGradeBelowOne(Int)
  /// A resume with other data, other settings or another seed.
  case stateOfAnotherSampler(expected: String, found: String)
  case emptyFile(String)
  /// A line of a triple file. `fields` is the number of white-space separated fields found.
  case tripleFields(file: String, line: Int, fields: Int)
  /// Gzip cannot be read from the middle, which a resume needs.
  case compressedFile(String)

  public var failureKind: FailureKind {
    switch self {
    case .nothingToSample, .emptyFile, .tripleFields, .compressedFile: .badData
    case .negativesBelowOne, .positiveGradeBelowOne: .usage
    case .stateOfAnotherSampler: .failed
    }
  }

  public var description: String {
    switch self {
    case .nothingToSample(let queries, let needed):
      "none of the \(queries) queries of the run has \(needed); check that run and qrels use the same qids and docnos"
    case .negativesBelowOne(let found): "a pairwise sample needs at least 1 negative, asked for \(found)"
    case .positiveGradeBelowOne(let found): "the lowest positive grade must be at least 1, found \(found)"
    case .stateOfAnotherSampler(let expected, let found):
      "the checkpoint's sampler had other data, settings or another seed (\(found.prefix(12)) instead of "
        + "\(expected.prefix(12))); resume with the same ones or start anew"
    case .emptyFile(let file): "\(file): expected lines of qid, positive docno, negative docno; the file is empty"
    case .tripleFields(let file, let line, let fields):
      "\(file):\(line): expected 3 fields (qid, positive docno, negative docno), found \(fields)"
    case .compressedFile(let file): "\(file): a triple file is read from the middle on resume; unpack it first"
    }
  }
}
