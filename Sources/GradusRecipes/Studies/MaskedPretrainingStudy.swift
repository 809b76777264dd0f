import GradusCore
import GradusData
import GradusFormats
import GradusModels
import GradusTrain

/// Masked-language pretraining of a small encoder on a collection's passages: the home of ``LossReweighting``, at a size that
/// fits a processor. All arms see the same texts in the same order with the same gaps, and take equally many steps.
public enum MaskedPretrainingStudy: Study {
  public static let name = "masked-pretraining"
  public static let summary = "masked-language pretraining of a small encoder on passages"
  public static let items = "held-out passages"
  public static let settings = [
    StudySetting("data", .text, default: "faq", "collection whose passages are learned from"),
    StudySetting("model", .text, default: "splade-tiny", "encoder to go on from; its tokenizer where layers is above 0"),
    StudySetting("layers", .count(least: 0), default: "2", "of a fresh encoder; 0 goes on from the model"),
    StudySetting("width", .count(least: 2), default: "128", "of a fresh encoder, with heads of 64"),
    StudySetting("passages", .count(least: 64), default: "8000", "most passages, evenly over the collection"),
    StudySetting("held-out", .count(least: 8), default: "400", "passages that are measured"),
    StudySetting("tokens", .count(least: 8), default: "64", "of a passage that are read"),
    StudySetting("batch", .count(least: 2), default: "32", "passages of a step"),
    StudySetting("steps", .count(least: 1), default: "400", "steps"),
    StudySetting("warmup", .count(least: 0), default: "20", "steps over which the learning rate rises"),
    StudySetting("learning-rate", .number(1e-7...1), default: "1e-3", "of AdamW"),
    StudySetting("whole-words", .choice(["false", "true"]), default: "false", "whether the pieces of a word are hidden together"),
    StudySetting("weighting", .weighting, default: "none", "loss(...), or none"),
  ]
  public static let measures = [StudyMeasure("loss of hidden tokens, nats", isLowerBetter: true)]

  public static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome {
    let collection = try CollectionCatalog(home: context.home).locate(settings["data"])
    let all = try CorpusReader(path: collection.corpus).readAll()
    let count = min(settings.count("passages"), all.count)
    let documents = (0..<count).map { all[$0 * all.count / count] }
    let base = ModelFolder(path: try ModelCatalog(home: context.home).locate(settings["model"]).folder)
    var masking = TokenMasking()
    masking.masksWholeWords = settings["whole-words"] == "true"
    let layers = settings.count("layers"), width = settings.count("width"), tokens = settings.count("tokens")
    let model = layers == 0
      ? try MaskedTokenScorer(folder: base, masking: masking, maximumTokens: tokens, seed: seed)
      : try MaskedTokenScorer(
        scratch: base, layers: layers, width: width, heads: max(1, width / 64), masking: masking, maximumTokens: tokens,
        seed: seed)
    var options = MaskedLanguageTraining.Settings()
    options.steps = settings.count("steps")
    options.batch = settings.count("batch")
    options.stepsPerEpoch = max(1, settings.count("steps") / 8)
    options.learningRate = settings.number("learning-rate")
    options.warmup = min(settings.count("warmup"), options.steps - 1)
    options.weighting = settings["weighting"]
    options.heldOut = settings.count("held-out")
    options.seed = seed
    guard let result = try MaskedLanguageTraining(options, model: model, documents: documents).train() else {
      throw CancellationError()
    }
    var curves = [StudyCurve("loss of hidden tokens in held-out passages, nats", xLabel: "step")]
    var share = StudyCurve("effective samples, share of all", xLabel: "step")
    for epoch in result.history {
      curves[0].append(Double(epoch.steps), epoch.heldOutLoss)
      if let value = epoch.effectiveShare { share.append(Double(epoch.steps), value) }
    }
    if !share.x.isEmpty { curves.append(share) }
    return StudyOutcome(
      items: result.heldOut.map(\.docno), values: [measures[0].name: result.heldOut.map(\.loss)], development: -result.loss,
      curves: curves)
  }
}
