import ArgumentParser
import Gradus

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a re-ranker on a collection's judgements, with or without a curriculum.",
    discussion: """
      Trains on the queries of the split 'train', chooses the best epoch on 'dev', and never looks at 'test':

        gradus train --model minilm-l6 --data faq --loss pairwise-cross-entropy --curriculum recip --out my-ranker
        gradus search faq.index --topics faq --split test --out bm25.run
        gradus rerank bm25.run --topics faq --corpus faq --model my-ranker --out reranked.run
        gradus evaluate faq bm25.run reranked.run --baseline bm25.run

      Stopped at any moment and started again with the same options, it goes on where it was; the result has the same bits. \
      RECIPE is a YAML file with the options as keys, without dashes in front; options on the command line win. At the end \
      the weight of the first stage's score is tuned on 'dev' and stored with the model, where 'rerank' finds it.
      """)

  @Argument(help: ArgumentHelp("YAML file of settings.", valueName: "recipe"))
  var recipe: String?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Folder for the model; also where an interrupted training goes on.", valueName: "dir"))
  var out: String

  @OptionGroup var settings: TrainingOptions
  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func run() throws {
    _ = threads.apply()
    let settings = try self.settings.settings(over: try recipe.map { try TrainingFile.read($0) } ?? [])
    let training = try RankerTraining(settings)
    var epochs = 0
    var plan: TrainingMemory?
    let outcome = try training.run(out: out, onPlan: { planned in
      plan = planned
      if !output.json { try? printOutput(Self.line(planned)) }
    }) { epoch in
      epochs += 1
      if !output.json { try? printOutput(Self.line(epoch, settings)) }
    }
    if output.json {
      return try printJSON(
        Report(
          out: out, wasFinished: outcome.wasFinished, epochsTrainedNow: epochs,
          peakMegabytes: PeakMemory.megabytes, plannedPeakMegabytes: plan.map { Double($0.peakBytes) / 1e6 },
          history: outcome.history))
    }
    try printOutput(summary(outcome))
    try printOutput(
      "peak memory: \(PeakMemory.megabytes.fixed(0)) MB"
        + (plan.map { " (planned: \(Self.megabytes($0.peakBytes)))\n" } ?? "\n"))
  }

  private static func megabytes(_ bytes: Int) -> String { (Double(bytes) / 1e6).fixed(0) }

  private static func line(_ plan: TrainingMemory) -> String {
    let vectors = plan.vectorBytes > 0 ? ", vectors of a step in the gradient cache \(megabytes(plan.vectorBytes))" : ""
    let differentiated = plan.vectorBytes > 0 ? "chunk of it" : "batch"
    return "memory: about \(megabytes(plan.peakBytes)) MB at the peak: process \(megabytes(plan.processBytes)) (weights "
      + "\(megabytes(plan.weightBytes))), gradients \(megabytes(plan.gradientBytes)), optimizer "
      + "\(megabytes(plan.optimizerBytes)), best epoch \(megabytes(plan.copyBytes)), activations of the largest "
      + "\(differentiated) \(megabytes(plan.activationBytes))\(vectors)\n"
  }

  private static func line(_ epoch: TrainingHistory.Epoch, _ settings: TrainingSettings) -> String {
    var line = "epoch \(epoch.epoch + 1)  loss \(epoch.loss.fixed(4))"
    if let easiness = epoch.meanEasiness, let weight = epoch.meanWeight {
      line += "  mean D \(easiness.fixed(3))  mean W \(weight.fixed(3))"
    }
    line += "  dev \(settings.devMeasure) \(epoch.dev.fixed(4))\(epoch.isBest ? " *" : "")"
    return line + "  \(epoch.seconds.fixed(1)) s\n"
  }

  private func summary(_ outcome: RankerTraining.Outcome) -> String {
    let history = outcome.history
    let development = history.development
    var text = outcome.wasFinished ? "\(out): finished before with the same settings and data; nothing to do\n" : ""
    text += "best epoch \(history.bestEpoch + 1) of \(history.epochs.count)"
    text += history.end == .patience ? " (no better one for \(history.epochs.count - 1 - history.bestEpoch) epochs)\n" : "\n"
    if history.stoppedInsideCurriculum {
      text += "training stopped before the curriculum was over; a shorter one may do better\n"
    }
    var table = TextTable(header: ["dev \(development.measure), \(development.queries) queries", ""], rightAligned: [1])
    table.append(["first stage, \(development.depth) candidates", development.firstStage.fixed(4)])
    table.append(["re-ranked by the model", development.model.fixed(4)])
    if let value = development.interpolated, let weight = development.firstStageWeight {
      table.append(["model + \(weight) x first stage", value.fixed(4)])
    }
    return text + table.text + "model: \(out)\n"
  }

  private struct Report: Encodable {
    let out: String
    let wasFinished: Bool
    let epochsTrainedNow: Int
    let peakMegabytes: Double
    /// Nil where nothing was trained, and for models that are not planned.
    let plannedPeakMegabytes: Double?
    let history: TrainingHistory

    enum CodingKeys: String, CodingKey {
      case out, history
      case wasFinished = "was_finished"
      case epochsTrainedNow = "epochs_trained_now"
      case peakMegabytes = "peak_mb"
      case plannedPeakMegabytes = "planned_peak_mb"
    }
  }
}
