import GradusModels
import GradusTensor
import GradusTrain

extension StudySettings {
  /// Epochs of `batch` times `steps-per-epoch` samples: all of them are trained, and development data choose among them.
  func trainerOptions(batch: Int, seed: UInt64) -> TrainerOptions {
    var options = TrainerOptions(seed: seed)
    options.batchSize = batch
    options.epochLength = .samples(batch * count("steps-per-epoch"))
    options.maxEpochs = count("epochs")
    options.earlyStopping = EarlyStopping(patience: count("epochs"))
    return options
  }

  /// A scorer under Adam, with gradients clipped to a norm of 1.
  ///
  /// - Parameter rate: The setting that holds the learning rate.
  func trained(_ scorer: any PairScorer, name: String = "ranker", rate: String = "learning-rate") -> TrainedModel {
    let group = ParameterGroup(parameters: scorer.parameters, learningRate: number(rate))
    return TrainedModel(scorer, name: name, optimizer: Adam(groups: [group]), gradientClipping: 1)
  }
}
