import GradusCore
import GradusEval
import GradusModels

/// What a validation says about the models as they are.
public struct ValidationResult: Sendable, Equatable, Codable {
  /// More is better.
  public let value: Double
  /// Values that a paired test compares, always in the same order; empty where there are none.
  public let perQuery: [Double]

  public init(value: Double, perQuery: [Double] = []) {
    self.value = value
    self.perQuery = perQuery
  }
}

/// Measures the models after each epoch, on queries that are not trained on.
public protocol TrainingValidation {
  func validate(_ models: [TrainedModel]) throws -> ValidationResult
}

/// Reranks the candidates of held-out queries and evaluates the rankings.
///
///     let validation = try RankingValidation(
///       groups: heldOut, qrels: qrels, measure: try MeasureSpecification("RR(rel=3)@10"))
public struct RankingValidation: TrainingValidation {
  public let model: String
  public let groups: [CandidateGroup]
  /// Of the held-out queries only: a judged query without candidates counts as 0.
  public let qrels: Qrels
  public let measure: MeasureSpecification
  public let maximumTokens: Int

  /// - Parameters:
  ///   - groups: The held-out queries with the candidates to rerank, such as BM25's best 20.
  ///   - qrels: Restricted to these queries here.
  ///   - maximumTokens: Budget of a batch of pairs; the result does not depend on it.
  public init(
    groups: [CandidateGroup], qrels: Qrels, measure: MeasureSpecification, model: String = "ranker", maximumTokens: Int = 8192
  ) {
    self.model = model
    self.groups = groups
    self.qrels = qrels.restricted(to: Set(groups.map(\.query.qid)))
    self.measure = measure
    self.maximumTokens = maximumTokens
  }

  public func validate(_ models: [TrainedModel]) throws -> ValidationResult {
    guard let trained = models.first(where: { $0.name == model }) else {
      throw TrainingError.unknownModel(model, known: models.map(\.name))
    }
    let pairs = groups.flatMap { group in group.candidates.map { ScoringPair(query: group.query, document: $0.document) } }
    var scores = try self.scores(of: pairs, by: trained.scorer)[...]
    var run = Run(name: "validation")
    for group in groups {
      let own = scores.prefix(group.candidates.count)
      scores = scores.dropFirst(group.candidates.count)
      run.append(Ranking(qid: group.query.qid, documents: zip(group.candidates, own).map {
        ScoredDocument(docno: $0.document.docno, score: $1)
      }))
    }
    let evaluation = try evaluate(qrels: qrels, run: run, measures: [measure])
    return ValidationResult(value: evaluation.aggregates[0], perQuery: evaluation.values[0])
  }

  /// A score that is not finite is the training's fault here, and the error says what to change about it.
  private func scores(of pairs: [ScoringPair], by scorer: any PairScorer) throws -> [Double] {
    do {
      return try scorer.rankingScores(pairs, maximumTokens: maximumTokens).map(\.score)
    } catch {
      guard case ModelError.scoreNotFinite(let qid, let docno) = error else { throw error }
      throw TrainingError.scoreNotFinite(qid: qid, docno: docno)
    }
  }
}
