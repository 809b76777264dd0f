import ArgumentParser
import Gradus

struct BenchMaxSimCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "maxsim", abstract: "Latency of late interaction: exact MaxSim of a query with some candidates.",
    discussion: """
      Random token vectors, one query at a time on one thread; first from vectors in memory, then from an index that holds \
      them compressed:

        gradus bench maxsim --candidates 100 --tokens 64 --query-tokens 32 --dimension 384 --json
      """)

  @Option(help: ArgumentHelp("Documents that the query is compared with.", valueName: "n"))
  var candidates = 100

  @Option(help: ArgumentHelp("Tokens of a document.", valueName: "n"))
  var tokens = 64

  @Option(help: ArgumentHelp("Tokens of the query.", valueName: "n"))
  var queryTokens = 32

  @Option(help: ArgumentHelp("Numbers of a token's vector, a multiple of 16.", valueName: "n"))
  var dimension = 384

  @Option(help: ArgumentHelp("Bits of a number in the index: 1, 2 or 4.", valueName: "n"))
  var nbits = 2

  @Option(help: ArgumentHelp("Timed queries.", valueName: "n"))
  var repeats = 200

  @OptionGroup var output: JSONOption

  func validate() throws {
    for (name, value) in [
      ("--candidates", candidates), ("--tokens", tokens), ("--query-tokens", queryTokens), ("--dimension", dimension),
      ("--repeats", repeats),
    ] where value < 1 {
      throw ValidationError("\(name) must be at least 1, found \(value)")
    }
    guard candidates * tokens <= 1 << 24, queryTokens <= 1 << 12 else {
      throw ValidationError("at most \(1 << 24) document tokens and \(1 << 12) query tokens can be measured")
    }
  }

  func run() throws {
    var generator = SeededGenerator(seed: 1)
    func vectors(_ count: Int) -> [Float] { (0..<count * dimension).map { _ in Float(generator.normal()) } }
    let folder = try TemporaryIndexFolder()
    let builder = try TokenIndexBuilder(
      creating: folder.path,
      configuration: TokenIndexConfiguration(
        dimension: dimension, encoder: EncoderFingerprint(name: "random", digest: "of no encoder"), residualBits: nbits,
        iterations: 1))
    var all: [Float] = []
    var ends: [UInt32] = [0]
    let names = (0..<candidates).map { "d\($0)" }
    for name in names {
      let own = vectors(tokens)
      try builder.add(docno: name, tokens: own)
      all += own
      ends.append(ends[ends.count - 1] + UInt32(tokens))
    }
    try builder.commit()
    let index = try TokenIndex(path: folder.path)
    let query = vectors(queryTokens)
    // The query is packed each time: that is a part of answering it.
    let inMemory = try latencies { _ = MaxSimQuery(tokens: query, dimension: dimension).scores(of: all, ends: ends) }
    let compressed = try latencies { _ = try index.scores(query, docnos: names) }
    let figures = Figures(
      candidates: candidates, tokens: tokens, query_tokens: queryTokens, dimension: dimension, nbits: nbits,
      memory: Figures.Latency(inMemory), index: Figures.Latency(compressed))
    if output.json { return try printJSON(figures) }
    try printOutput(figures.text)
  }

  private func latencies(_ body: () throws -> Void) throws -> [Double] {
    for _ in 0..<3 { try body() }
    return try (0..<repeats).map { _ in try 1000 * seconds { try body() } }.sorted()
  }

  /// Names are those of the JSON object.
  private struct Figures: Encodable {
    struct Latency: Encodable {
      let best_ms: Double
      let p50_ms: Double
      let p99_ms: Double

      /// - Parameter times: Ascending.
      init(_ times: [Double]) {
        best_ms = times[0]
        p50_ms = times[times.count / 2]
        p99_ms = times[min(times.count - 1, times.count * 99 / 100)]
      }
    }

    let candidates: Int
    let tokens: Int
    let query_tokens: Int
    let dimension: Int
    let nbits: Int
    /// Vectors in memory.
    let memory: Latency
    /// Vectors of an index, decompressed each time.
    let index: Latency

    var text: String {
      var table = TextTable(header: ["vectors", "best ms", "p50 ms", "p99 ms"], rightAligned: [1, 2, 3])
      for (name, latency) in [("in memory", memory), ("of an index, \(nbits) bits", index)] {
        table.append([name, latency.best_ms.fixed(3), latency.p50_ms.fixed(3), latency.p99_ms.fixed(3)])
      }
      return "\(candidates) candidates of \(tokens) tokens, a query of \(query_tokens), \(dimension) numbers each, one thread\n"
        + table.text
    }
  }
}
