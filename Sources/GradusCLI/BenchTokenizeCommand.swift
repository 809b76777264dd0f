import ArgumentParser
import Gradus

struct BenchTokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize", abstract: "Megabytes of text per second that a tokenizer turns into ids.",
    discussion: """
        gradus bench tokenize faq --model minilm-l6 --json

      Encodes every document of the corpus by itself, on one thread, without the special tokens that a model's inputs \
      begin and end with. A document is its title, one space, and its text. A megabyte is a million bytes of UTF-8.
      """)

  @Argument(help: ArgumentHelp("Corpus file or collection.", valueName: "corpus"))
  var corpus: String

  @Option(help: ArgumentHelp("Name or folder of a model, or a GGUF file.", valueName: "model"))
  var model: String

  @Option(help: ArgumentHelp("Also write the ids of each document, a JSON array a line.", valueName: "file"))
  var ids: String?

  @Option(help: ArgumentHelp("Timed passes over the corpus, at least 5.", valueName: "n"))
  var repeats = 5

  @OptionGroup var output: JSONOption

  func validate() throws {
    guard repeats >= 5 else { throw ValidationError("--repeats must be at least 5, found \(repeats)") }
    guard ids != "-" else { throw ValidationError("--ids needs a file: standard output is for the figures") }
  }

  func run() throws {
    let encode = try InputNames.encode(model)
    var texts: [String] = []
    try CorpusReader(path: try InputNames.corpus(corpus)).forEach { document in
      var text = document.title.isEmpty ? document.text : document.title + " " + document.text
      text.makeContiguousUTF8()
      texts.append(text)
    }
    let bytes = texts.reduce(0) { $0 + $1.utf8.count }
    guard bytes > 0 else { throw UsageError("\(corpus): no text to tokenize") }
    // The pass that warms up also counts, and keeps the ids that are asked for.
    var tokens = 0
    let file = try ids.map { try OutputFile(path: $0) }
    for text in texts {
      let found = encode(text)
      tokens += found.count
      try file?.write("[" + found.map(String.init).joined(separator: ",") + "]\n")
    }
    try file?.commit()
    var rates: [Double] = []
    for _ in 0..<repeats {
      var again = 0
      let time = seconds { for text in texts { again += encode(text).count } }
      precondition(again == tokens, "the same texts gave \(tokens) tokens at first and \(again) later")
      rates.append(Double(bytes) / 1e6 / time)
    }
    let rate = MedianAndBest(rates, best: { $0.max() })
    if output.json {
      return try printJSON(
        Figures(
          megabytes_per_second: rate, model: model, texts: texts.count, bytes: bytes, tokens: tokens, repeats: repeats,
          threads: 1, peak_mb: PeakMemory.megabytes))
    }
    try printOutput(
      "\(rate.median.fixed(2)) MB/s (best \(rate.best.fixed(2))): \(model), \(texts.count.grouped) texts, \(bytes.byteText), "
        + "\(tokens.grouped) tokens, one thread, \(repeats) repeats\n")
  }

  /// Names are those of the JSON object.
  private struct Figures: Encodable {
    let megabytes_per_second: MedianAndBest
    let model: String
    let texts: Int
    let bytes: Int
    let tokens: Int
    let repeats: Int
    let threads: Int
    let peak_mb: Double
  }
}
