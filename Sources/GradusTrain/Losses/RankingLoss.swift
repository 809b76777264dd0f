import GradusTensor

/// A training loss that gives each sample its own value; how these are weighted and reduced is the trainer's business.
///
///     let loss = PairwiseSoftmaxLoss()
///     let input = try LossInput(scores: Tensor([2, 0.5], shape: [1, 2]), samples: [pair])
///     try loss.perSample(input)   // [0.182426], shape [1]
public protocol RankingLoss: Sendable {
  /// Numbers that the scorer has to give for a document: 1, 2 for losses over a two-way classification,
  /// or one for each threshold between grades.
  var logitsPerDocument: Int { get }

  /// The loss of each sample, shape `[samples]`, unreduced and unweighted.
  ///
  /// - Throws: ``LossError`` where the samples are not of the form that the loss is about.
  func perSample(_ input: LossInput) throws -> Tensor
}

extension RankingLoss {
  public var logitsPerDocument: Int { 1 }
}
