import GradusTensor

/// Kullback-Leibler divergence of the scorer's distribution over a list from the teacher's (Hinton et al., 2015).
///
///     p = softmax(teacher / temperature),  q = softmax(scores / temperature)
///     loss = temperature^2 sum_i p_i (log p_i - log q_i)
///
/// The labels are the teacher's scores; ``TeacherLabelledSampler`` puts them there. The factor keeps the size of the
/// gradient where the temperature changes. Never negative; 0 where both agree up to a constant.
public struct KLDivergenceLoss: RankingLoss, Equatable {
  public let temperature: Double

  /// - Throws: ``LossError/notPositive(parameter:found:)``.
  public init(temperature: Double = 1) throws(LossError) {
    self.temperature = try positive("temperature", temperature)
  }

  public func perSample(_ input: LossInput) throws -> Tensor {
    let scores = try input.listLogits(for: self)
    let teacher = (input.constant(try input.finiteLabels(for: self)) / temperature).logSoftmax()
    let difference = teacher - (scores / temperature).logSoftmax()
    return (teacher.exp() * difference).sum(axes: [1]) * (temperature * temperature)
  }
}
