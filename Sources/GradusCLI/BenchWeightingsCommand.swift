import ArgumentParser
import Gradus

struct BenchWeightingsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "weightings", abstract: "What each sample weighting costs beside training without one.",
    discussion: """
        gradus bench weightings --model minilm-l6 --documents 16 --tokens 64 --json

      A step is one of the trainer: samples drawn, weighted, scored, differentiated, AdamW. Every weighting is measured in turns \
      with a training without one on the same pairs and pairwise cross-entropy. What a weighting needs beside that (a second \
      model, another pass) is said with its name.
      """)

  @OptionGroup var options: ModelBenchOptions
  @OptionGroup var step: StepSizeOption

  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func run() throws {
    let threadCount = threads.apply()
    let bench = try WeightingBench(folder: try options.folder(), documents: step.documents, options: options)
    var rows: [Figures.Row] = []
    for weighted in WeightingBench.Case.all {
      let row = try bench.measure(weighted, repeats: options.repeats)
      rows.append(row)
      if !output.json {
        try printOutput(
          "\(row.name)  \(row.seconds_per_step.fixed(4)) s/step, \(row.ratio.fixed(3)) of none"
            + (row.needs.isEmpty ? "\n" : "; needs \(row.needs)\n"))
      }
    }
    if output.json {
      try printJSON(
        Figures(
          weightings: rows, model: options.model, documents: step.documents, tokens: options.tokens, repeats: options.repeats,
          threads: threadCount, instruction_set: NumericBackend.instructionSet))
    }
  }

  /// Names are those of the JSON object.
  struct Figures: Encodable {
    struct Row: Encodable {
      let name: String
      let seconds_per_step: Double
      /// Median over the turns of this weighting's step over the one without beside it.
      let ratio: Double
      /// A second model or another pass; empty for none.
      let needs: String
    }

    let weightings: [Row]
    let model: String
    let documents: Int
    let tokens: Int
    let repeats: Int
    let threads: Int
    let instruction_set: String
  }
}
