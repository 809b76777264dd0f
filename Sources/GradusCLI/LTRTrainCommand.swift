import ArgumentParser
import Gradus

struct LTRTrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train trees, a linear ranker or a network on rows of features.",
    discussion: """
      Development queries choose the epoch, or the number of trees: those of --dev, or a share of the training queries. With \
      --dev-share 0 all are trained on, and the last epoch is kept.

        gradus ltr train train.txt --dev vali.txt --architecture lambdamart --trees 500 --out trees
        gradus ltr train train.txt --architecture mlp --hidden 128,64 --loss listnet --out net

      lambdamart needs XGBoost (apt-get install libxgboost-dev). Equal files, options and seed give equal models, for any \
      number of threads; trees are grown by one thread unless --tree-threads says otherwise.
      """)

  @Argument(help: ArgumentHelp("File of features.", valueName: "features"))
  var features: String

  @Option(name: .shortAndLong, help: ArgumentHelp("Folder for the model.", valueName: "dir"))
  var out: String

  @Option(help: ArgumentHelp("Features of the development queries; without it a share is held out.", valueName: "features"))
  var dev: String?
  @Option(help: ArgumentHelp("Share of the training queries that is held out; 0 for none.", valueName: "share"))
  var devShare = 0.2
  @Option(help: ArgumentHelp("Seed of which queries are held out.", valueName: "n"))
  var devSeed: UInt64 = 1
  @Option(help: ArgumentHelp("LightGBM's file of group sizes, for files without qid.", valueName: "file"))
  var groups: String?
  @Option(help: ArgumentHelp("The same for --dev.", valueName: "file"))
  var devGroups: String?
  @Option(help: ArgumentHelp("What the development queries are measured with.", valueName: "measure"))
  var devMeasure = FeatureTrainingSettings().devMeasure
  @Option(help: ArgumentHelp("Kind of ranker.", valueName: "name"))
  var architecture = FeatureTrainingSettings.Architecture.lambdamart
  @Option(help: ArgumentHelp("Epochs, or trees, without a better development figure that end the training.", valueName: "n"))
  var patience = FeatureTrainingSettings().patience
  @Option(help: ArgumentHelp("Of everything random.", valueName: "n"))
  var seed: UInt64 = 1

  @OptionGroup(title: "Networks") var network: NetworkOptions
  @OptionGroup(title: "Trees") var trees: TreeOptions
  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  struct NetworkOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A loss over lists of grades, such as lambdarank, listnet or approx-ndcg.", valueName: "name"))
    var loss = FeatureTrainingSettings().loss
    @Option(help: ArgumentHelp("loss(...) weighs queries by their loss; none.", valueName: "name"))
    var weighting = FeatureTrainingSettings().weighting
    @Option(help: ArgumentHelp("Widths of the hidden layers, with commas.", valueName: "widths"))
    var hidden = FeatureTrainingSettings().hidden.map { "\($0)" }.joined(separator: ",")
    @Option(help: ArgumentHelp("Share of hidden values that is dropped in training.", valueName: "share"))
    var dropout = FeatureTrainingSettings().dropout
    @Option(help: ArgumentHelp("What is made of the features first.", valueName: "name"))
    var transform = FeatureTrainingSettings().transform
    @Option(help: ArgumentHelp("Of AdamW.", valueName: "rate"))
    var learningRate = FeatureTrainingSettings().learningRate
    @Option(help: ArgumentHelp("Of AdamW.", valueName: "decay"))
    var weightDecay = FeatureTrainingSettings().weightDecay
    @Option(help: ArgumentHelp("Queries of a step.", valueName: "n"))
    var batch = FeatureTrainingSettings().batch
    @Option(help: ArgumentHelp("Rows of a list, at most; longer ones are sampled.", valueName: "n"))
    var largestList = FeatureTrainingSettings().largestList
    @Option(help: ArgumentHelp("Rounds over the training queries, at most.", valueName: "n"))
    var epochs = FeatureTrainingSettings().epochs
    @Option(help: ArgumentHelp("Lowest grade that counts as positive, for losses that ask.", valueName: "grade"))
    var positiveGrade = FeatureTrainingSettings().positiveGrade
  }

  struct TreeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("lambdarank (all pairs) or XGBoost's own rank:ndcg, rank:pairwise.", valueName: "name"))
    var objective = GradientBoostedTrees.Options().objective
    @Option(help: ArgumentHelp("Trees, at most.", valueName: "n"))
    var trees = GradientBoostedTrees.Options().trees
    @Option(help: ArgumentHelp("Shrinkage of a tree.", valueName: "rate"))
    var treeLearningRate = GradientBoostedTrees.Options().learningRate
    @Option(help: ArgumentHelp("Leaves of a tree; 0 grows level by level.", valueName: "n"))
    var leaves = GradientBoostedTrees.Options().leaves
    @Option(help: ArgumentHelp("Levels of a tree; 0 for no limit.", valueName: "n"))
    var depth = GradientBoostedTrees.Options().depth
    @Option(help: ArgumentHelp("Smallest sum of second derivatives in a leaf.", valueName: "sum"))
    var minimumChildWeight = GradientBoostedTrees.Options().minimumChildWeight
    @Option(help: ArgumentHelp("Smallest gain of a split.", valueName: "gain"))
    var minimumGain = GradientBoostedTrees.Options().minimumGain
    @Option(help: ArgumentHelp("L2 penalty on leaves.", valueName: "penalty"))
    var lambda = GradientBoostedTrees.Options().lambda
    @Option(help: ArgumentHelp("Share of the rows that a tree sees.", valueName: "share"))
    var rowShare = GradientBoostedTrees.Options().rowShare
    @Option(help: ArgumentHelp("Share of the features that a tree sees.", valueName: "share"))
    var featureShare = GradientBoostedTrees.Options().featureShare
    @Option(help: ArgumentHelp("Bins of a feature.", valueName: "n"))
    var bins = GradientBoostedTrees.Options().bins
    @Option(help: ArgumentHelp("Threads that grow trees; the result may depend on it.", valueName: "n"))
    var treeThreads = 1
  }

  func validate() throws {
    guard devShare >= 0, devShare < 1 else { throw ValidationError("--dev-share must be from 0 to below 1, found \(devShare)") }
    for (name, value) in [("--batch", network.batch), ("--epochs", network.epochs), ("--patience", patience)] where value < 1 {
      throw ValidationError("\(name) must be at least 1, found \(value)")
    }
    if devGroups != nil, dev == nil { throw ValidationError("--dev-groups belongs to --dev") }
  }

  func run() throws {
    _ = threads.apply()
    let settings = try self.settings()
    let all = try LETORReader.read(features, groups: groups)
    var training = all
    var heldOut: FeatureData?
    if let dev {
      // The narrower of the two has features that are 0 everywhere.
      let other = try LETORReader.read(dev, groups: devGroups)
      let width = max(all.width, other.width)
      training = all.widened(to: width)
      heldOut = other.widened(to: width)
    } else if devShare > 0 {
      guard all.groups.count >= 2 else {
        throw UsageError("\(features): a single query cannot be split; give development queries with --dev")
      }
      (training, heldOut) = all.split(heldOut: devShare, seed: devSeed)
    }
    let isQuiet = output.json
    let trained = try FeatureTraining(settings, training: training, heldOut: heldOut).train { step in
      // Hundreds of trees: every tenth tells enough.
      guard !isQuiet, settings.architecture != .lambdamart || step.number % 10 == 0 else { return }
      let loss = step.loss.map { "  loss \($0.fixed(4))" } ?? ""
      let dev = step.development.map { "  dev \($0.fixed(4))" } ?? ""
      try? printOutput("\(settings.architecture == .lambdamart ? "tree" : "epoch") \(step.number)\(loss)\(dev)\n")
    }
    var digests = ["train": training.digest]
    digests["dev"] = heldOut?.digest
    try FeatureModel(
      trained.ranker, manifest: FeatureModel.Manifest(recipe: settings.recipe, seed: seed, dataDigests: digests)
    ).save(to: out)
    if output.json {
      return try printJSON(
        Report(
          out: out, dev: trained.development, best: trained.best, steps: trained.history.count,
          queries: training.groups.count, dev_queries: heldOut?.groups.count ?? 0))
    }
    let noun = settings.architecture == .lambdamart ? "trees" : "epochs"
    let queries = heldOut?.groups.count ?? 0
    let figure = trained.development.map { ": dev \(settings.devMeasure) \($0.fixed(4)), \(queries) queries" } ?? ""
    try printOutput("kept after \(trained.best) of \(trained.history.count) \(noun)\(figure)\nmodel: \(out)\n")
  }

  private func settings() throws -> FeatureTrainingSettings {
    var settings = FeatureTrainingSettings()
    settings.architecture = architecture
    settings.loss = network.loss
    settings.weighting = network.weighting
    settings.hidden = try network.hidden.split(separator: ",", omittingEmptySubsequences: false).map { part in
      guard let width = Int(part.filter { $0 != " " }) else {
        throw UsageError("--hidden '\(network.hidden)': expected widths with commas between, such as 64,32")
      }
      return width
    }
    settings.dropout = network.dropout
    settings.transform = network.transform
    settings.learningRate = network.learningRate
    settings.weightDecay = network.weightDecay
    settings.batch = network.batch
    settings.largestList = network.largestList
    settings.epochs = network.epochs
    settings.positiveGrade = network.positiveGrade
    settings.patience = patience
    settings.devMeasure = devMeasure
    settings.seed = seed
    settings.trees.objective = trees.objective
    settings.trees.trees = trees.trees
    settings.trees.learningRate = trees.treeLearningRate
    settings.trees.leaves = trees.leaves
    settings.trees.depth = trees.depth
    settings.trees.minimumChildWeight = trees.minimumChildWeight
    settings.trees.minimumGain = trees.minimumGain
    settings.trees.lambda = trees.lambda
    settings.trees.rowShare = trees.rowShare
    settings.trees.featureShare = trees.featureShare
    settings.trees.bins = trees.bins
    settings.trees.threads = trees.treeThreads
    return settings
  }

  /// Names are those of the JSON object.
  private struct Report: Encodable {
    let out: String
    /// Nil without development queries.
    let dev: Double?
    let best: Int
    let steps: Int
    let queries: Int
    let dev_queries: Int
  }
}

extension FeatureTrainingSettings.Architecture: ExpressibleByArgument {}
extension FeatureTransform.Kind: ExpressibleByArgument {}
extension GradientBoostedTrees.Objective: ExpressibleByArgument {}
