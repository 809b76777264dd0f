import GradusCore
import GradusTensor
import GradusText

/// A query and a document to be scored together.
public struct ScoringPair: Sendable, Hashable {
  public let query: Query
  public let document: Document

  public init(query: Query, document: Document) {
    self.query = query
    self.document = document
  }
}

/// A pair that a scorer has read: what it costs to score, known before it is scored.
///
///     let pair = try scorer.read(ScoringPair(query: query, document: document))
///     pair.tokens   // what the model's time grows with
public struct ReadPair: Sendable {
  public let pair: ScoringPair
  /// Tokens that the model reads of the pair, in all windows.
  public let tokens: Int
  /// Tokens that it does not get to see.
  public let truncatedTokens: Int
  /// The model's inputs; empty where the scorer reads the pair again to score it.
  let inputs: [TokenizedInput]

  init(pair: ScoringPair, tokens: Int, truncatedTokens: Int, inputs: [TokenizedInput] = []) {
    self.pair = pair
    self.tokens = tokens
    self.truncatedTokens = truncatedTokens
    self.inputs = inputs
  }
}

/// A model that gives a query-document pair a score, in training and in inference alike.
///
/// Cross-encoders and interaction rankers conform; losses, samplers and curricula know nothing else of a model.
///
///     struct LengthScorer: PairScorer {
///       let weight: Parameter
///       var parameters: [Parameter] { [weight] }
///       func scores(_ batch: [ScoringPair], context: ForwardContext) -> Tensor {
///         Tensor(batch.map { Float($0.document.text.utf8.count) }, shape: [batch.count]) * weight.value
///       }
///     }
public protocol PairScorer: Module {
  /// Logits that the scorer gives for a pair: 1, 2 for a two-way classification (relevant, not relevant), or one for each
  /// threshold between grades (``OrdinalScorer``).
  var logitsPerPair: Int { get }

  /// Tokens that the model reads of a pair and tokens that it does not get to see; for planning batches and for reports.
  func tokens(of pair: ScoringPair) throws -> (read: Int, truncated: Int)

  /// Logits in the order of `batch`, shape `[pairs]`, or `[pairs, logits]`. A pair's logits must not depend on its batch mates.
  ///
  /// - Parameter context: Training or inference, and where dropout takes its randomness from.
  func scores(_ batch: [ScoringPair], context: ForwardContext) throws -> Tensor

  /// What ``rankingScores(_:maximumTokens:progress:)`` gives, before it is checked; a scorer with a faster way than
  /// ``scores(_:context:)`` for inference takes it here.
  func inferredScores(_ pairs: [ScoringPair], maximumTokens: Int, progress: (Int) -> Void) throws -> [CandidateScore]

  /// One number a pair from its logits: of two the first minus the second.
  func rankingScores(of logits: Tensor) -> [Double]

  /// Reads a pair: ``ReadPair/tokens`` and whatever the scorer needs to score it without reading it again.
  func read(_ pair: ScoringPair) throws -> ReadPair

  /// As ``inferredScores(_:maximumTokens:progress:)``, of pairs that ``read(_:)`` gave.
  func inferredScores(read pairs: [ReadPair], maximumTokens: Int, progress: (Int) -> Void) throws -> [CandidateScore]

  /// The same scorer with its present weights packed for inference at `precision`.
  ///
  /// - Throws: ``ModelError/precisionUnsupported(precision:)`` where the scorer has no encoder and another than fp32 is asked
  ///   for; ``ModelError/weightNotFinite(name:index:)``.
  func prepared(for precision: NumericPrecision) throws -> Self
}

extension PairScorer {
  public var logitsPerPair: Int { 1 }

  public func tokens(of pair: ScoringPair) throws -> (read: Int, truncated: Int) { (1, 0) }

  /// Ranking scores without gradient, one a pair, in input order; of two logits the first minus the second.
  ///
  /// Pairs of like length share a batch under a token budget, which bounds the memory and changes no score.
  ///
  /// - Parameter progress: Called with the number of pairs done since the last call.
  /// - Throws: ``ModelError/scoreNotFinite(qid:docno:)``, and what the scorer throws.
  public func rankingScores(
    _ pairs: [ScoringPair], maximumTokens: Int = 8192, progress: (Int) -> Void = { _ in }
  ) throws -> [CandidateScore] {
    try Self.checked(try inferredScores(pairs, maximumTokens: maximumTokens, progress: progress), of: pairs)
  }

  /// The same of pairs that ``read(_:)`` gave; same bits.
  public func rankingScores(
    read pairs: [ReadPair], maximumTokens: Int = 8192, progress: (Int) -> Void = { _ in }
  ) throws -> [CandidateScore] {
    try Self.checked(try inferredScores(read: pairs, maximumTokens: maximumTokens, progress: progress), of: pairs.map(\.pair))
  }

  private static func checked(_ results: [CandidateScore], of pairs: [ScoringPair]) throws -> [CandidateScore] {
    for (pair, result) in zip(pairs, results) where !result.score.isFinite {
      throw ModelError.scoreNotFinite(qid: pair.query.qid, docno: pair.document.docno)
    }
    return results
  }

  public func read(_ pair: ScoringPair) throws -> ReadPair {
    let tokens = try self.tokens(of: pair)
    return ReadPair(pair: pair, tokens: tokens.read, truncatedTokens: tokens.truncated)
  }

  public func inferredScores(
    read pairs: [ReadPair], maximumTokens: Int, progress: (Int) -> Void
  ) throws -> [CandidateScore] {
    try inferredScores(pairs.map(\.pair), maximumTokens: maximumTokens, progress: progress)
  }

  public func inferredScores(
    _ pairs: [ScoringPair], maximumTokens: Int, progress: (Int) -> Void
  ) throws -> [CandidateScore] {
    let tokens = try pairs.map(tokens(of:))
    var results = [CandidateScore](repeating: CandidateScore(score: 0), count: pairs.count)
    for batch in BatchPlan(lengths: tokens.map(\.read), maximumTokens: maximumTokens).batches {
      let logits = try withoutGradients { try scores(batch.map { pairs[$0] }, context: .inference) }
      for (position, score) in zip(batch, rankingScores(of: logits)) {
        results[position] = CandidateScore(score: score, truncatedTokens: tokens[position].truncated)
      }
      progress(batch.count)
    }
    return results
  }

  public func prepared(for precision: NumericPrecision) throws -> Self {
    guard precision == .fp32 else { throw ModelError.precisionUnsupported(precision: precision) }
    return self
  }

  public func rankingScores(of logits: Tensor) -> [Double] {
    let values = logits.doubles()
    guard logitsPerPair == 2 else { return values }
    return stride(from: 0, to: values.count, by: 2).map { values[$0] - values[$0 + 1] }
  }
}
