import ArgumentParser
import Gradus

struct BenchKernelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kernels", abstract: "Operations and bytes per second of single kernels.",
    discussion: """
        gradus bench kernels --threads 1 --json

      Each thread runs the kernel on data of its own. An operation is an addition or a multiplication; bytes are those that a \
      kernel has to read and write at least. Benchmarks/roofline.sh sets them against what the machine can do at most.
      """)

  @Option(help: ArgumentHelp("Only kernels whose name has this in it.", valueName: "text"))
  var only: String?

  @Option(help: ArgumentHelp("Timed repeats, at least 5.", valueName: "n"))
  var repeats = 7

  @Option(help: ArgumentHelp("Milliseconds of a repeat, at least.", valueName: "ms"))
  var milliseconds = 20

  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard repeats >= 5 else { throw ValidationError("--repeats must be at least 5, found \(repeats)") }
    guard milliseconds >= 1 else { throw ValidationError("--milliseconds must be at least 1, found \(milliseconds)") }
  }

  func run() throws {
    let count = threads.apply()
    let cases = KernelCase.all.filter { only.map($0.name.contains) ?? true }
    guard !cases.isEmpty else {
      let known = KernelCase.all.map(\.name).joined(separator: ", ")
      throw UsageError("--only: no kernel's name has '\(only ?? "")' in it; there are \(known)")
    }
    let figures = cases.map { kernel in
      Figure(kernel, seconds: kernel.measure(threads: count, repeats: repeats, milliseconds: milliseconds), count)
    }
    if output.json {
      return try printJSON(Figures(kernels: figures, threads: count, instruction_set: NumericBackend.instructionSet))
    }
    var table = TextTable(header: ["kernel", "shape", "microseconds", "Gop/s", "GB/s"], rightAligned: [2, 3, 4])
    for figure in figures {
      table.append([
        figure.kernel, figure.shape, (1e6 * figure.seconds.median).fixed(2),
        figure.giga_operations_per_second.map { $0.fixed(1) } ?? "", figure.gigabytes_per_second.fixed(1),
      ])
    }
    try printOutput(table.text)
  }

  /// Names are those of the JSON object. Rates are of all threads together, at the median time.
  private struct Figure: Encodable {
    let kernel: String
    let shape: String
    let arithmetic: String?
    let seconds: MedianAndBest
    let giga_operations_per_second: Double?
    let gigabytes_per_second: Double

    init(_ kernel: KernelCase, seconds times: [Double], _ threads: Int) {
      self.kernel = kernel.name
      shape = kernel.shape
      arithmetic = kernel.arithmetic
      seconds = MedianAndBest(times, best: \.first)
      let scale = Double(threads) / seconds.median / 1e9
      giga_operations_per_second = kernel.operations > 0 ? Double(kernel.operations) * scale : nil
      gigabytes_per_second = Double(kernel.bytes) * scale
    }
  }

  private struct Figures: Encodable {
    let kernels: [Figure]
    let threads: Int
    let instruction_set: String
  }
}
