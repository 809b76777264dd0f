import GradusModels
import GradusTensor

/// A model that takes part in a training: a student with an optimizer, or a frozen teacher without one.
///
///     let ranker = TrainedModel(scorer, optimizer: Adam(groups: [
///       ParameterGroup("encoder", parameters: scorer.encoder.parameters, learningRate: 2e-5),
///       ParameterGroup("head", parameters: scorer.head.parameters, learningRate: 1e-3),
///     ]))
public struct TrainedModel {
  /// Unique within a training.
  public let name: String
  public let scorer: any PairScorer
  /// Nil for a model that is only asked: it runs in inference mode and gets no gradient.
  public let optimizer: (any Optimizer)?
  /// Multiplies the learning rates of all groups, by step.
  public let schedule: any LearningRateSchedule
  /// Largest global norm of the model's gradient; nil for no clipping.
  public let gradientClipping: Double?

  public init(
    _ scorer: any PairScorer, name: String = "ranker", optimizer: (any Optimizer)?,
    schedule: any LearningRateSchedule = ConstantSchedule(), gradientClipping: Double? = nil
  ) {
    self.name = name
    self.scorer = scorer
    self.optimizer = optimizer
    self.schedule = schedule
    self.gradientClipping = gradientClipping
  }

  /// What the optimizer may change just now: groups, their members and freezing may change between steps.
  var trainedParameters: [Parameter] { optimizer?.groups.flatMap(\.parameters).filter(\.isTrainable) ?? [] }

  var groupsDescription: String {
    guard let optimizer else { return "frozen" }
    return optimizer.groups.map { group in
      "\(group.name) \(group.parameters.count) parameters at \(group.learningRate) decay \(group.weightDecay)"
    }.joined(separator: ", ")
  }

  /// - Throws: ``TrainingError/strayParameter(model:parameter:)``: what is not among the scorer's parameters would not be
  ///   part of checkpoints, nor of the best weights.
  func checkGroups() throws {
    let own = Set(scorer.parameters.map(ObjectIdentifier.init))
    for parameter in optimizer?.groups.flatMap(\.parameters) ?? [] where !own.contains(ObjectIdentifier(parameter)) {
      throw TrainingError.strayParameter(model: name, parameter: parameter.name)
    }
  }
}
