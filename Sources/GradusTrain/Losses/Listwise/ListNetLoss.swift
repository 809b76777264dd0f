import GradusTensor

/// ListNet: cross-entropy between the top-one distributions of labels and scores (Cao et al., ICML 2007).
///
///     loss = -sum_i softmax(labels / temperature)_i log softmax(scores)_i
///
/// Equals ``SoftmaxCrossEntropyLoss`` where one document is relevant and `temperature` tends to 0.
public struct ListNetLoss: RankingLoss, Equatable {
  /// Of the labels; the paper has 1.
  public let temperature: Double

  /// - Throws: ``LossError/notPositive(parameter:found:)``.
  public init(temperature: Double = 1) throws(LossError) {
    self.temperature = try positive("temperature", temperature)
  }

  public func perSample(_ input: LossInput) throws -> Tensor {
    let scores = try input.listLogits(for: self)
    let target = (input.constant(try input.finiteLabels(for: self)) / temperature).softmax()
    return -(target * scores.logSoftmax()).sum(axes: [1])
  }
}
