import ArgumentParser
import Gradus

/// The settings of a training as options, under the names that recipes have.
struct TrainingOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Model to start from: a name or a folder. Default: minilm-l6.", valueName: "model"))
  var model: String?
  @Option(help: ArgumentHelp("Collection: a name or a folder. Default: faq.", valueName: "collection"))
  var data: String?
  @Option(
    help: ArgumentHelp("cross-encoder (default), bi-encoder or conv-knrm, which have other defaults below.", valueName: "name"))
  var architecture: String?
  @Option(help: ArgumentHelp("Of a cross-encoder: similarity (default) or cls.", valueName: "name"))
  var head: String?
  @Option(help: ArgumentHelp("First stage. Default: bm25(k1=0.9,b=0.4).", valueName: "model"))
  var firstStage: String?
  @Option(help: ArgumentHelp("Candidates a query that samples are drawn from. Default: 100.", valueName: "n"))
  var depth: String?
  @Option(
    help: ArgumentHelp(
      "One of \(LossNames.all.joined(separator: ", ")). Default: pairwise-cross-entropy (bi-encoder: infonce, conv-knrm: "
        + "pairwise-softmax).", valueName: "name"))
  var loss: String?
  @Option(help: ArgumentHelp("pairwise (default), listwise or pointwise; it has to suit the loss.", valueName: "name"))
  var sampling: String?
  @Option(help: ArgumentHelp("Negatives of a pairwise sample. Default: 1.", valueName: "n"))
  var negatives: String?
  @Option(help: ArgumentHelp("Documents of a listwise sample. Default: 8.", valueName: "n"))
  var listSize: String?
  @Option(help: ArgumentHelp(
    "Run whose scores are the labels, for margin-mse, kl, rank-distil and other distillation.", valueName: "run"))
  var teacher: String?
  @Option(help: ArgumentHelp("Sentence encoder that gist asks which documents are no negatives.", valueName: "model"))
  var guide: String?
  @Option(help: ArgumentHelp("Lowest grade that counts as positive. Default: 1.", valueName: "grade"))
  var positiveGrade: String?
  @Option(help: ArgumentHelp("none (default), recip, norm, kde, or teacher (needs --teacher).", valueName: "name"))
  var curriculum: String?
  @Option(help: ArgumentHelp("First epoch in which all samples weigh 1, or never. Default: 20.", valueName: "epoch"))
  var curriculumEnd: String?
  @Flag(help: "Hard samples first: the control that a curriculum has to beat.")
  var anti = false
  @Option(help: ArgumentHelp("sample (default), group:N or batch: how many samples share a weight.", valueName: "name"))
  var curriculumWeighting: String?
  @Option(
    help: ArgumentHelp(
      "\(WeightingNames.all.joined(separator: ", ")), also several as 'a(x=1) * b'. Default: none.", valueName: "names"))
  var weighting: String?
  @Option(help: ArgumentHelp("Samples between two validations. Default: 64 (bi-encoder: 256, conv-knrm: 512).", valueName: "n"))
  var samplesPerEpoch: String?
  @Option(help: ArgumentHelp("Most epochs. Default: 15 (bi-encoder: 10, conv-knrm: 60).", valueName: "n"))
  var epochs: String?
  @Option(help: ArgumentHelp("Epochs without progress after which training ends. Default: 5 (conv-knrm: 20).", valueName: "n"))
  var patience: String?
  @Option(help: ArgumentHelp("Samples of an optimizer step. Default: 8 (bi-encoder: 32, conv-knrm: 16).", valueName: "n"))
  var batch: String?
  @Option(help: ArgumentHelp("Samples that go through the model at once, or none for the whole batch.", valueName: "n"))
  var microBatch: String?
  @Option(
    help: ArgumentHelp(
      "Samples that a bi-encoder encodes and differentiates at once while the loss sees the whole batch: large batches in little "
        + "memory, for one more forward pass. Default: none.", valueName: "n"))
  var gradientCache: String?
  @Flag(help: "Keep one activation a layer and compute the rest again: less memory, a third more time, the same bits.")
  var checkpointActivations = false
  @Option(help: ArgumentHelp("Default: 3e-5 (bi-encoder: 2e-5).", valueName: "rate"))
  var encoderLearningRate: String?
  @Option(help: ArgumentHelp("Also of all of Conv-KNRM. Default: 1e-3.", valueName: "rate"))
  var headLearningRate: String?
  @Option(help: ArgumentHelp("linear (default) or constant (conv-knrm).", valueName: "name"))
  var schedule: String?
  @Option(
    help: ArgumentHelp("Steps over which learning rates rise. Default: 20 (bi-encoder: 8, conv-knrm: 0).", valueName: "steps"))
  var warmup: String?
  @Option(help: ArgumentHelp("Largest norm of the gradient, or none. Default: 1 (conv-knrm: none).", valueName: "norm"))
  var gradientClipping: String?
  @Option(help: ArgumentHelp("Last layers of the encoder that are trained, or all (default).", valueName: "n"))
  var layers: String?
  @Option(help: ArgumentHelp("Products of the encoder in training: fp32 (default), bf16 or fp16.", valueName: "precision"))
  var precision: String?
  @Option(help: ArgumentHelp("Tokens of a pair, or of a text of a bi-encoder, that are read. Default: 256.", valueName: "n"))
  var maximumTokens: String?
  @Option(help: ArgumentHelp("Tokens of a query that are read. Default: 64.", valueName: "n"))
  var maximumQueryTokens: String?
  @Option(help: ArgumentHelp("First layers of the model that are kept, or all (default).", valueName: "n"))
  var encoderLayers: String?
  @Option(
    help: ArgumentHelp(
      "First layer in which query and document see each other, so that rerank shares the layers below. Default: 0.",
      valueName: "n"))
  var joinLayer: String?
  @Option(
    help: ArgumentHelp(
      "Layers after which 'rerank --early-exit' may stop reading a candidate, such as 2,4; their heads are trained with the "
        + "last. Default: none.", valueName: "layers"))
  var exits: String?
  @Option(help: ArgumentHelp("What an exit's loss counts beside the last layer's. Default: 1.", valueName: "weight"))
  var exitWeight: String?
  @Option(help: ArgumentHelp("What the development queries are measured with. Default: nDCG@10.", valueName: "measure"))
  var devMeasure: String?
  @Option(help: ArgumentHelp("Candidates of a development query. Default: 20.", valueName: "n"))
  var devDepth: String?
  @Option(help: ArgumentHelp("Development queries that are used, or all. Default: 100.", valueName: "n"))
  var devQueries: String?
  @Option(help: ArgumentHelp("true (default) or false.", valueName: "bool"))
  var tuneFirstStageWeight: String?
  @Option(help: ArgumentHelp("Of everything random. Default: 1.", valueName: "n"))
  var seed: String?

  private var given: [(name: String, value: String?)] {
    [
      ("model", model), ("data", data), ("architecture", architecture), ("head", head), ("first-stage", firstStage),
      ("depth", depth), ("loss", loss), ("sampling", sampling), ("negatives", negatives), ("list-size", listSize),
      ("teacher", teacher), ("guide", guide), ("positive-grade", positiveGrade), ("curriculum", curriculum),
      ("curriculum-end", curriculumEnd), ("anti", anti ? "true" : nil), ("curriculum-weighting", curriculumWeighting),
      ("weighting", weighting), ("samples-per-epoch", samplesPerEpoch), ("epochs", epochs),
      ("patience", patience), ("batch", batch), ("micro-batch", microBatch),
      ("gradient-cache", gradientCache),
      ("checkpoint-activations", checkpointActivations ? "true" : nil), ("encoder-learning-rate", encoderLearningRate),
      ("head-learning-rate", headLearningRate), ("schedule", schedule), ("warmup", warmup),
      ("gradient-clipping", gradientClipping), ("layers", layers), ("precision", precision),
      ("maximum-tokens", maximumTokens),
      ("maximum-query-tokens", maximumQueryTokens), ("encoder-layers", encoderLayers), ("join-layer", joinLayer),
      ("exits", exits), ("exit-weight", exitWeight),
      ("dev-measure", devMeasure), ("dev-depth", devDepth), ("dev-queries", devQueries),
      ("tune-first-stage-weight", tuneFirstStageWeight), ("seed", seed),
    ]
  }

  /// The settings of a file, changed by the options.
  func settings(over file: [(name: String, value: String)]) throws -> TrainingSettings {
    var all = file + given.compactMap { option in option.value.map { (option.name, $0) } }
    // Where nothing was said, what the loss is about: single documents, lists of clicks, or pairs.
    if !all.contains(where: { $0.name == "sampling" }), let loss = all.last(where: { $0.name == "loss" })?.value,
      let entry = try? LossNames.entry(loss)
    {
      if entry.name.hasSuffix("pointwise") || entry.name.hasPrefix("pointwise") || entry.model == .thresholds {
        all.append(("sampling", "pointwise"))
      } else if entry.labels == .clicks {
        all.append(("sampling", "listwise"))
      }
    }
    return try TrainingSettings(values: all)
  }
}
