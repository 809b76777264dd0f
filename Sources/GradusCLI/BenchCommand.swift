import ArgumentParser

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure speed: search, encode, train, generate, losses, kernels, vectors and more.",
    discussion: """
      One warm-up pass comes first; medians are over the timed repeats.

        gradus bench search faq.index --topics faq -k 10 --json
        gradus bench encode --model minilm-l6 --batch 32 --tokens 128 --json
      """,
    subcommands: [
      BenchSearchCommand.self, BenchEncodeCommand.self, BenchTrainCommand.self, BenchGenerateCommand.self,
      BenchTokenizeCommand.self, BenchLossesCommand.self, BenchWeightingsCommand.self, BenchOutputLayerCommand.self,
      BenchKernelsCommand.self, BenchVectorsCommand.self, BenchMaxSimCommand.self,
    ])
}
