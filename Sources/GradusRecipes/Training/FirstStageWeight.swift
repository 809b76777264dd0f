import GradusCore
import GradusEval
import GradusRank

/// Finds the weight of the first stage's score that ranks held-out queries best when added to a model's score.
struct FirstStageWeight {
  /// Weights that are tried; ties go to the smaller one. A model's scores spread over some units to some tens of them,
  /// BM25's over some ten.
  static let grid = [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 5]

  let weight: Double
  /// The measure at `weight`, and at 0.
  let value: Double
  let valueAlone: Double

  /// - Parameter scores: The model's, group by group in the order of the candidates.
  init(groups: [CandidateGroup], scores: [[Double]], qrels: Qrels, measure: MeasureSpecification) throws {
    let values = try Self.grid.map { weight in
      let rankings = zip(groups, scores).map { group, own in
        Ranking(qid: group.query.qid, documents: zip(group.candidates, own).map { candidate, score in
          ScoredDocument(docno: candidate.document.docno, score: score + weight * (candidate.firstStageScore ?? 0))
        })
      }
      let run = Run(name: "first-stage weight \(weight)", rankings: rankings)
      return try evaluate(qrels: qrels, run: run, measures: [measure]).aggregates[0]
    }
    var best = 0
    for position in values.indices where values[position] > values[best] { best = position }
    weight = Self.grid[best]
    value = values[best]
    valueAlone = values[0]
  }
}
