import GradusTensor

/// MarginMSE: the squared difference between the scorer's margin and the teacher's, on average over the negatives
/// (Hofstätter et al., 2020, arXiv 2010.02666).
///
///     loss = (1 / negatives) sum_j ((f+ - f-_j) - (t+ - t-_j))^2
///
/// The labels are the teacher's scores; ``TeacherLabelledSampler`` puts them there. Only margins matter, so that the
/// scorer is free to have its scores elsewhere than the teacher.
public struct MarginMSELoss: RankingLoss, Equatable {
  public init() {}

  public func perSample(_ input: LossInput) throws -> Tensor {
    let (positive, negatives) = try input.pairs(for: self)
    let teacher = input.constant(try input.finiteLabels(for: self))
    let margins = teacher.slice(axis: 1, from: 0, to: 1) - teacher.slice(axis: 1, from: 1, to: teacher.shape[1])
    return (positive - negatives - margins).square().mean(axes: [1])
  }
}
