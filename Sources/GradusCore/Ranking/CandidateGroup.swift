/// One document offered for a query: the text, where the first stage put it, and what is known about its relevance.
public struct Candidate: Sendable, Equatable {
  public let document: Document
  /// 1-based rank in the first stage; nil for a document that the first stage did not return.
  public var firstStageRank: Int?
  /// Score in the first stage; nil for a document that the first stage did not return.
  public var firstStageScore: Double?
  /// Graded relevance; nil where unjudged.
  public var label: Int?
  /// Score that a teacher gave, for distillation.
  public var teacherScore: Double?

  public init(
    document: Document, firstStageRank: Int? = nil, firstStageScore: Double? = nil, label: Int? = nil,
    teacherScore: Double? = nil
  ) {
    self.document = document
    self.firstStageRank = firstStageRank
    self.firstStageScore = firstStageScore
    self.label = label
    self.teacherScore = teacherScore
  }
}

/// The one currency of ranking and training: a query and its ordered candidates.
///
/// Retrievers make groups, rerankers reorder them, samplers draw training samples from them, losses read them.
public struct CandidateGroup: Sendable, Equatable {
  public let query: Query
  /// Best first, as the last stage ordered them.
  public var candidates: [Candidate]

  public init(query: Query, candidates: [Candidate]) {
    self.query = query
    self.candidates = candidates
  }
}
