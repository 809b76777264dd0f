import GradusCore

/// Why a training cannot begin or go on.
public enum TrainingError: GradusError, Equatable {
  case unknownQuery(qid: String)
  case unknownDocument(docno: String)
  case scoresShape(scorer: String, expected: [Int], found: [Int])
  /// No model has an optimizer.
  case nothingToTrain
  /// A loss over vectors of a model that reads query and document together.
  case noVectors(model: String)
  /// A loss that compares the samples of a step with each other, and steps that are cut.
  case coupledSamples(objective: String, batchSize: Int, microBatchSize: Int)
  /// Gradient caching in a training of several models, or of none.
  case cachedModels([String])
  /// Steps that are cut twice.
  case cachedMicroBatches
  case noObjectives
  /// Two models or two objectives of one name.
  case duplicateName(String)
  case unknownModel(String, known: [String])
  /// An optimizer's group holds a parameter that is not among its scorer's.
  case strayParameter(model: String, parameter: String)
  case scoreNotFinite(qid: String, docno: String)
  /// A setting below its least sensible value.
  case settingTooSmall(name: String, found: Int, least: Int)
  /// An epoch in passes over data whose size the sampler does not know.
  case passLengthUnknown
  case lossNotFinite(objective: String, sample: SampleID, epoch: Int, step: Int)
  case gradientNotFinite(model: String, epoch: Int, step: Int)
  case validationNotFinite(epoch: Int)
  /// A significance test between validations of different queries.
  case validationQueriesChanged(expected: Int, found: Int)

  public var failureKind: FailureKind {
    switch self {
    case .unknownQuery, .unknownDocument: .badData
    case .noVectors, .coupledSamples, .cachedModels, .cachedMicroBatches, .nothingToTrain, .noObjectives, .duplicateName,
      .unknownModel, .strayParameter,
      .settingTooSmall, .passLengthUnknown:
      .usage
    default: .failed
    }
  }

  public var description: String {
    switch self {
    case .unknownQuery(let qid): "query \(qid) is in the training samples but not in the topics; add its text"
    case .unknownDocument(let docno): "document \(docno) is in the training samples but not in the corpus; add its text"
    case .scoresShape(let scorer, let expected, let found):
      "\(scorer) must give scores of shape \(expected), found \(found)"
    case .noVectors(let model):
      "the loss compares vectors, and model '\(model)' reads query and document together; train a bi-encoder, or choose a loss "
        + "over scores"
    case .coupledSamples(let objective, let batchSize, let microBatchSize):
      "\(objective) takes the negatives of the whole batch, and micro-batches of \(microBatchSize) would leave it with fewer "
        + "than the batch of \(batchSize) has; leave the micro-batch size out, or make the batch as small"
    case .cachedModels(let names):
      "gradient caching trains one model, and \(names.count) are to be trained (\(names.joined(separator: ", "))); "
        + "leave the cache out"
    case .cachedMicroBatches: "gradient caching and micro-batches both cut a step; choose one of them"
    case .nothingToTrain: "no model has an optimizer; give one to each model that is to be trained"
    case .noObjectives: "a training needs at least one objective"
    case .duplicateName(let name): "two models or two objectives are called '\(name)'; give each its own name"
    case .unknownModel(let name, let known): "no model is called '\(name)'; there is \(known.joined(separator: ", "))"
    case .strayParameter(let model, let parameter):
      "model '\(model)': its optimizer has '\(parameter)', which is not a parameter of its scorer; add it to them"
    case .scoreNotFinite(let qid, let docno):
      "query \(qid): the score of document \(docno) is not a finite number; lower the learning rate"
    case .settingTooSmall(let name, let found, let least): "\(name) must be at least \(least), found \(found)"
    case .passLengthUnknown:
      "the sampler does not know how many samples make a pass; give the epoch's length in samples"
    case .lossNotFinite(let objective, let sample, let epoch, let step):
      "epoch \(epoch), step \(step): \(objective) of sample '\(sample)' is not a finite number; lower the learning rate"
    case .gradientNotFinite(let model, let epoch, let step):
      "epoch \(epoch), step \(step): the gradient of model '\(model)' is not finite; lower the learning rate or clip it"
    case .validationNotFinite(let epoch): "epoch \(epoch): the validation measure is not a finite number"
    case .validationQueriesChanged(let expected, let found):
      "the validation gave \(found) queries after \(expected) before; a significance test needs the same ones"
    }
  }
}
