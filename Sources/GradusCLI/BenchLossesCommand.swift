import ArgumentParser
import Gradus

struct BenchLossesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "losses", abstract: "What each training loss costs beside the plainest one.",
    discussion: """
        gradus bench losses --model minilm-l6 --documents 16 --tokens 64 --json

      A step is the forward pass, the loss, the gradients of all parameters and AdamW's update. Every loss is measured in turns \
      with pairwise cross-entropy of the same architecture over equally many documents: pairs of two, lists of four, or single \
      documents. Losses over scores train a cross-encoder, losses over vectors a bi-encoder. 'alone' is the loss's own forward \
      and backward pass.
      """)

  @OptionGroup var options: ModelBenchOptions
  @OptionGroup var step: StepSizeOption

  @Option(name: .long, parsing: .upToNextOption, help: ArgumentHelp("Only these losses.", valueName: "name"))
  var loss: [String] = []

  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func run() throws {
    let threadCount = threads.apply()
    let bench = try LossBench(folder: try options.folder(), documents: step.documents, options: options)
    let names = loss.isEmpty ? LossNames.all : loss
    var rows: [Figures.Row] = []
    for name in names {
      let row = try bench.measure(name, repeats: options.repeats)
      rows.append(row)
      if !output.json {
        try printOutput(
          "\(name)  \(row.seconds_per_step.fixed(4)) s/step, \(row.ratio.fixed(3)) of pairwise cross-entropy; alone "
            + "\(row.alone_ms.fixed(2)) ms\n")
      }
    }
    if output.json {
      try printJSON(
        Figures(
          losses: rows, model: options.model, documents: step.documents, tokens: options.tokens, repeats: options.repeats,
          threads: threadCount, instruction_set: NumericBackend.instructionSet))
    }
  }

  /// Names are those of the JSON object.
  struct Figures: Encodable {
    struct Row: Encodable {
      let name: String
      let architecture: String
      let form: String
      let seconds_per_step: Double
      /// Median over the turns of this loss's step over the plain one's beside it.
      let ratio: Double
      let alone_ms: Double
    }

    let losses: [Row]
    let model: String
    let documents: Int
    let tokens: Int
    let repeats: Int
    let threads: Int
    let instruction_set: String
  }
}
