import GradusCore

/// A pointwise reranker that can tell what a candidate costs before it is scored: what a budget needs.
///
/// A candidate is read (tokenized) once, in first-stage order and only as far as the budget reaches, and scored from what was
/// read. Scores are those of `scores(of:for:)` to the bit, however the candidates are cut into pieces.
public protocol MeteredReranker: Reranker {
  /// A candidate as the model reads it.
  associatedtype Read

  func read(_ candidate: Candidate, for query: Query) throws -> Read

  /// Tokens that the model reads of a candidate: what its time grows with.
  func tokens(of read: Read) -> Int

  /// Scores of candidates that were read for `query`, in input order.
  func scores(ofRead read: [Read], for query: Query) throws -> [CandidateScore]
}
