import ArgumentParser
import Gradus

struct SparseTrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a TILDEv2: weights for passages' tokens, for re-ranking without a network.",
    discussion: """
      COLLECTION needs training judgements; of each query one relevant document and some of BM25's others are read:

        gradus sparse train scifact --model splade-tiny --out scifact.tildev2
        gradus sparse scifact --model scifact.tildev2 --out scifact.weights
        gradus rerank bm25.run --topics scifact --index scifact.weights --model tildev2:scifact.weights --out new.run

      With --expand N passages get those of the N likeliest entries of the vocabulary that they do not have, in training as in \
      indexing. --reading first trains the model for that on the same judgements before; largest takes it as it is, which fits \
      models that were trained for SPLADE.
      """)

  @Argument(help: ArgumentHelp("A collection's name or folder.", valueName: "collection"))
  var collection: String

  @Option(name: .shortAndLong, help: ArgumentHelp("Encoder to start from, with a language-model head.", valueName: "model"))
  var model = "splade-tiny"

  @Option(name: .shortAndLong, help: ArgumentHelp("Folder of the trained model.", valueName: "dir"))
  var out: String

  @Option(help: ArgumentHelp("Entries of the vocabulary that passages are expanded from; 0 for none.", valueName: "n"))
  var expand = 100

  @Option(help: ArgumentHelp("Where the expander reads: first or largest.", valueName: "reading"))
  var reading: TILDE.Reading = .largest

  @Option(help: ArgumentHelp("Rounds over the training queries.", valueName: "n"))
  var epochs = 5

  @Option(help: ArgumentHelp("Queries of a step.", valueName: "n"))
  var batch = 8

  @Option(help: ArgumentHelp("Documents of a query that are not relevant.", valueName: "n"))
  var negatives = 3

  @Option(help: ArgumentHelp("Learning rate of the encoder.", valueName: "rate"))
  var learningRate = 2e-4

  @Option(help: ArgumentHelp("Tokens of an expanded passage.", valueName: "n"))
  var passageTokens = 192

  @Option(help: ArgumentHelp("Of samples and first weights.", valueName: "seed"))
  var seed: UInt64 = 1

  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    for (name, value, least) in [
      ("--expand", expand, 0), ("--epochs", epochs, 1), ("--batch", batch, 2), ("--negatives", negatives, 1),
      ("--passage-tokens", passageTokens, 8),
    ] where value < least {
      throw ValidationError("\(name) must be at least \(least), found \(value)")
    }
    guard learningRate > 0, learningRate.isFinite else {
      throw ValidationError("--learning-rate must be a number above 0, found \(learningRate)")
    }
  }

  func run() throws {
    _ = threads.apply()
    let data = try TrainingData(try InputNames.collection(named: collection))
    let base = ModelFolder(path: try InputNames.model(model).folder)
    var training = TILDETraining(base: base)
    training.expansionCount = expand
    training.reading = reading
    training.epochs = epochs
    training.batch = batch
    training.negatives = negatives
    training.learningRate = learningRate
    training.maximumPassageTokens = passageTokens
    let elapsed = try seconds {
      try training.train(on: data, seed: seed).save(to: out, tokenizerOf: base)
    }
    let report = Report(out: out, model: model, queries: data.train.qids.count, expand: expand, epochs: epochs, seconds: elapsed)
    if output.json { return try printJSON(report) }
    try printOutput(
      "\(out): trained on \(report.queries.grouped) queries of \(collection) at most, in \(elapsed.fixed(1)) s; index documents "
        + "with 'gradus sparse CORPUS --model \(out) --out DIR'\n")
  }

  /// Names are those of the JSON object.
  private struct Report: Encodable {
    let out: String
    let model: String
    let queries: Int
    let expand: Int
    let epochs: Int
    let seconds: Double
  }
}

extension TILDE.Reading: ExpressibleByArgument {}
