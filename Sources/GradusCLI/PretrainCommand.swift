#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import ArgumentParser
import Gradus

struct PretrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pretrain",
    abstract: "Pretrain an encoder on texts alone: it learns to guess hidden tokens.",
    discussion: """
      Goes on with an encoder's pretraining on texts of your own, or begins with a fresh one of any size:

        gradus pretrain --corpus faq --model splade-tiny --steps 500 --out my-encoder
        gradus pretrain --corpus faq --layers 2 --width 128 --weighting "loss(warmup=50)" --out fresh
        gradus train --model my-encoder --data faq --out my-ranker

      The weighting of Sow et al. (ICLR 2025) makes texts count less that are fitted already. Stopped and started again with \
      the same options, it goes on where it was; the result has the same bits. The folder is a Hugging Face ...ForMaskedLM.
      """)

  @Option(help: ArgumentHelp("Collection, or a file of texts as 'gradus index' takes.", valueName: "corpus"))
  var corpus = "faq"
  @Option(help: ArgumentHelp("Encoder to go on from; of a fresh one the tokenizer.", valueName: "model"))
  var model = "splade-tiny"
  @Option(
    name: .shortAndLong, help: ArgumentHelp("Folder for the model; an interrupted training goes on there.", valueName: "dir"))
  var out: String
  @Option(help: ArgumentHelp("Layers of a fresh encoder; without it, the model's weights go on.", valueName: "n"))
  var layers: Int?
  @Option(help: ArgumentHelp("Width of a fresh encoder.", valueName: "n"))
  var width = 128
  @Option(help: ArgumentHelp("Attention heads of a fresh encoder.", valueName: "n"))
  var heads = 2
  @Option(help: ArgumentHelp("Most texts, evenly over the corpus; all by default.", valueName: "n"))
  var texts: Int?
  @Option(help: ArgumentHelp("Optimizer steps.", valueName: "n"))
  var steps = MaskedLanguageTraining.Settings().steps
  @Option(help: ArgumentHelp("Texts of a step.", valueName: "n"))
  var batch = MaskedLanguageTraining.Settings().batch
  @Option(help: ArgumentHelp("Texts that go through the model at once; the whole batch by default.", valueName: "n"))
  var microBatch: Int?
  @Option(help: ArgumentHelp("Steps between two looks at the held-out texts.", valueName: "n"))
  var stepsPerEpoch = MaskedLanguageTraining.Settings().stepsPerEpoch
  @Option(help: ArgumentHelp("Texts that are held out.", valueName: "n"))
  var heldOut = MaskedLanguageTraining.Settings().heldOut
  @Option(help: ArgumentHelp("Tokens of a text that are read.", valueName: "n"))
  var maximumTokens = 128
  @Option(help: ArgumentHelp("Of AdamW.", valueName: "rate"))
  var learningRate = MaskedLanguageTraining.Settings().learningRate
  @Option(help: ArgumentHelp("Steps over which the learning rate rises.", valueName: "steps"))
  var warmup = MaskedLanguageTraining.Settings().warmup
  @Option(help: ArgumentHelp("Share of the tokens that are guessed.", valueName: "share"))
  var maskingRate = TokenMasking().rate
  @Flag(help: "Hide the pieces of a word together.")
  var wholeWords = false
  @Option(help: ArgumentHelp("loss(...) weighs texts by their loss; none.", valueName: "name"))
  var weighting = "none"
  @Option(help: ArgumentHelp("Of everything random.", valueName: "n"))
  var seed: UInt64 = 1
  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  private var checkpoint: String { out + "/checkpoint" }

  func validate() throws {
    if let texts, texts < 2 { throw ValidationError("--texts must be at least 2, found \(texts)") }
    if let layers, layers < 1 { throw ValidationError("--layers must be at least 1, found \(layers)") }
  }

  func run() throws {
    _ = threads.apply()
    guard ModelFolder(path: out).weightsFileName == nil else {
      throw UsageError("\(out): holds a model already; give another --out, or remove the folder to start anew")
    }
    let base = ModelFolder(path: try InputNames.model(self.model).folder)
    var masking = TokenMasking()
    masking.rate = maskingRate
    masking.masksWholeWords = wholeWords
    let scorer: MaskedTokenScorer
    if let layers {
      scorer = try MaskedTokenScorer(
        scratch: base, layers: layers, width: width, heads: heads, masking: masking, maximumTokens: maximumTokens, seed: seed)
    } else {
      scorer = try MaskedTokenScorer(folder: base, masking: masking, maximumTokens: maximumTokens, seed: seed)
    }
    var documents = try CorpusReader(path: try InputNames.corpus(corpus)).readAll()
    if let texts, texts < documents.count { documents = (0..<texts).map { documents[$0 * documents.count / texts] } }
    var settings = MaskedLanguageTraining.Settings()
    settings.steps = steps
    settings.batch = batch
    settings.microBatch = microBatch
    settings.stepsPerEpoch = stepsPerEpoch
    settings.heldOut = heldOut
    settings.learningRate = learningRate
    settings.warmup = warmup
    settings.weighting = weighting
    settings.seed = seed
    let training = try MaskedLanguageTraining(settings, model: scorer, documents: documents)
    if training.emptyTexts > 0 { printToStandardError("gradus: \(training.emptyTexts) texts have no tokens and are left out") }
    let isQuiet = output.json
    guard let result = try training.train(checkpoint: checkpoint, onEpoch: { epoch in
      guard !isQuiet else { return }
      try? printOutput(
        "step \(epoch.steps)  loss \(epoch.loss.fixed(4))  held out \(epoch.heldOutLoss.fixed(4))  \(epoch.seconds.fixed(1)) s\n")
    }) else { return }
    try scorer.model.save(to: out, tokenizerOf: base)
    try FileManager.default.removeItem(atPath: checkpoint)
    if output.json {
      return try printJSON(
        Report(out: out, held_out_loss: result.loss, perplexity: result.perplexity, history: result.history))
    }
    try printOutput("held-out loss \(result.loss.fixed(4)) nats, perplexity \(result.perplexity.fixed(2))\nmodel: \(out)\n")
  }

  /// Names are those of the JSON object.
  private struct Report: Encodable {
    let out: String
    let held_out_loss: Double
    let perplexity: Double
    let history: [MaskedLanguageTraining.Epoch]
  }
}
