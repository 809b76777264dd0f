import GradusTensor

/// Unique softmax: every document of grade above 0 is chosen among itself and the documents of lower grade (TF-Ranking's
/// `UniqueSoftmaxLoss`; Zhu and Klabjan, "Listwise learning to rank by exploring unique ratings", WSDM 2020).
///
///     loss = -sum_i (2^grade_i - 1) log( exp(scores_i) / (exp(scores_i) + sum_{grade_j < grade_i} exp(scores_j)) )
public struct UniqueSoftmaxLoss: RankingLoss, Equatable {
  public init() {}

  public func perSample(_ input: LossInput) throws -> Tensor {
    let scores = try input.listLogits(for: self)
    let grades = try input.grades(for: self)
    let count = scores.shape[1]
    let choices = grades.flatMap { row in
      row.indices.flatMap { i in row.indices.map { $0 == i || row[$0] < row[i] } }
    }
    let rows = (scores.expandingDims(at: 1) + Tensor.zeros([1, count, 1], type: scores.type)).keeping(choices)
    let terms = rows.logSumExp(axes: [2]) - scores
    return (terms * input.constant(grades.map { $0.map { gain($0) } })).sum(axes: [1])
  }
}
