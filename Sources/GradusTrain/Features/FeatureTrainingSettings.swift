import GradusCore
import GradusEval
import GradusModels

/// What a training on features is asked to do.
public struct FeatureTrainingSettings: Sendable, Equatable {
  /// What is trained.
  public enum Architecture: String, Sendable, CaseIterable {
    /// Boosted trees with LambdaRank's gradients.
    case lambdamart
    case linear
    case mlp
  }

  public var architecture = Architecture.lambdamart
  /// Of trees; ``GradientBoostedTrees/Options/seed`` is ``seed``.
  public var trees = GradientBoostedTrees.Options()
  /// One of `LossNames`, for networks: over lists or single documents, with grades for labels.
  public var loss = "lambdarank"
  /// `loss(...)` of `WeightingNames`, or `none`: weighs the queries of a step.
  public var weighting = "none"
  public var hidden = [64, 32]
  public var dropout = 0.1
  public var transform = FeatureTransform.Kind.standardise
  public var learningRate = 1e-3
  /// Decoupled from the gradient (AdamW).
  public var weightDecay = 0.0
  /// Queries of a step.
  public var batch = 16
  /// Rows of a list, at most.
  public var largestList = 240
  /// Rounds over the training queries.
  public var epochs = 60
  /// Epochs (trees) without a better development figure after which a network (an ensemble) is done.
  public var patience = 15
  /// Lowest grade that counts as positive, for losses that ask.
  public var positiveGrade = 1
  /// What the development queries are measured with. LambdaMART steps down nDCG with gains of 2^grade - 1, so that is what
  /// chooses.
  public var devMeasure = "nDCG(dcg='exp-log2')@10"
  public var seed: UInt64 = 1

  public init() {}

  /// As a model's manifest keeps them.
  public var recipe: [String: String] {
    var recipe = ["architecture": architecture.rawValue, "dev-measure": devMeasure, "patience": "\(patience)"]
    if architecture == .lambdamart {
      recipe["objective"] = trees.objective.rawValue
      recipe["trees"] = "\(trees.trees)"
      recipe["tree-learning-rate"] = "\(trees.learningRate)"
      recipe["leaves"] = "\(trees.leaves)"
      recipe["depth"] = "\(trees.depth)"
      recipe["minimum-child-weight"] = "\(trees.minimumChildWeight)"
      recipe["minimum-gain"] = "\(trees.minimumGain)"
      recipe["lambda"] = "\(trees.lambda)"
      recipe["row-share"] = "\(trees.rowShare)"
      recipe["feature-share"] = "\(trees.featureShare)"
      recipe["bins"] = "\(trees.bins)"
      return recipe
    }
    recipe["loss"] = loss
    recipe["weighting"] = weighting
    if architecture == .mlp {
      recipe["hidden"] = hidden.map { "\($0)" }.joined(separator: "/")
      recipe["dropout"] = "\(dropout)"
    }
    recipe["transform"] = transform.rawValue
    recipe["learning-rate"] = "\(learningRate)"
    recipe["weight-decay"] = "\(weightDecay)"
    recipe["batch"] = "\(batch)"
    recipe["largest-list"] = "\(largestList)"
    recipe["epochs"] = "\(epochs)"
    recipe["positive-grade"] = "\(positiveGrade)"
    return recipe
  }
}

/// A training on features that cannot be meant.
public enum FeatureTrainingError: GradusError, Equatable {
  /// The loss needs something that rows of features with grades do not have.
  case loss(String, needs: String)
  /// Only weights by the queries' losses.
  case weighting(String)
  case setting(name: String, found: String, expected: String)
  /// Development rows with another number of features.
  case heldOutFeatures(expected: Int, found: Int)
  /// No development query has a document of grade 1 or more.
  case nothingToMeasure

  public var failureKind: FailureKind {
    switch self {
    case .loss, .weighting, .setting: .usage
    case .heldOutFeatures, .nothingToMeasure: .badData
    }
  }

  public var description: String {
    switch self {
    case .loss(let name, let needs):
      "loss '\(name)' needs \(needs); lambdarank, listnet, ranknet or another loss over lists of grades fits features"
    case .weighting(let name):
      "weighting '\(name)' reads texts or a first stage, which features do not have; use loss(...) or none"
    case .setting(let name, let found, let expected): "\(name) is \(found), expected \(expected)"
    case .heldOutFeatures(let expected, let found):
      "the development rows have \(found) features, the training rows \(expected); take both from one collection"
    case .nothingToMeasure: "no development query has a relevant document; hold out more queries"
    }
  }
}
