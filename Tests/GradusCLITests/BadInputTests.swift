import Foundation
import Testing

@Suite("Bad input", .enabled(if: Command.isBuilt, Comment(rawValue: Command.skipNotice)))
struct BadInputTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try TinyCollection.write(to: folder)
  }

  private func run(_ arguments: String...) throws -> Command.Outcome { try Command.run(arguments, in: folder) }

  private func expect(
    _ outcome: Command.Outcome, _ code: Int32, _ message: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(outcome.code == code, "\(outcome.error)", sourceLocation: sourceLocation)
    #expect(outcome.error.contains(message), "\(outcome.error)", sourceLocation: sourceLocation)
    #expect(outcome.error.split(separator: "\n").count <= 1, "one line: \(outcome.error)", sourceLocation: sourceLocation)
  }

  @Test("What is not there ends with 66")
  func missing() throws {
    try expect(run("index", "no.jsonl", "--out", "i"), 66, "no.jsonl: cannot open: No such file or directory")
    try expect(run("index", "no-collection", "--out", "i"), 66, "no collection 'no-collection'")
    try expect(run("search", "no-index", "--query", "a"), 66, "no-index")
    try expect(run("evaluate", "no.qrels", "no.run"), 66, "no.qrels")
    try expect(run("bench", "encode", "--model", "minilm-l6"), 66, "gradus models pull minilm-l6")
    try expect(run("bench", "tokenize", "tiny", "--model", "minilm-l6"), 66, "gradus models pull minilm-l6")
    try expect(run("bench", "tokenize", "tiny", "--model", "tiny"), 66, "tiny")
    #expect(!FileManager.default.fileExists(atPath: folder.path("i")))
  }

  @Test("More threads than there are processors change no byte; none at all are refused")
  func threads() throws {
    func command(_ environment: String, _ threads: String) throws -> String {
      let outcome = try Command.shell(
        "\(environment) gradus index tiny --out 'index \(threads)' --threads \(threads) > index.txt && "
          + "\(environment) gradus search 'index \(threads)' --topics tiny -k 5 --threads \(threads)", in: folder)
      #expect(outcome.code == 0, "\(outcome.error)")
      return outcome.output
    }
    let expected = try command("", "1")
    #expect(!expected.isEmpty)
    #expect(try command("GRADUS_THREADS=64", "64") == expected)
    #expect(try command("GRADUS_THREADS=64", "1000000") == expected)
    for threads in ["0", "-1", "many"] { #expect(try run("index", "tiny", "--out", "i", "--threads", threads).code == 2) }
  }

  @Test("Chat options that contradict each other end with 2")
  func chatOptions() throws {
    func generate(_ arguments: String...) throws -> Command.Outcome {
      try Command.run(["generate", "--model", "./m.gguf", "--prompt", "x"] + arguments, in: folder)
    }
    for (option, value) in [("--system", "s"), ("--chat-template", "chatml"), ("--date", "2024-07-26")] {
      let outcome = try generate("--raw", option, value)
      #expect(outcome.code == 2 && outcome.error.contains("\(option) needs a chat format"), "\(outcome.error)")
    }
    #expect(try generate("--date", "2023-02-29").code == 2)
    try expect(generate(), 66, "./m.gguf: cannot open")
  }

  @Test("Topics in Latin-1 end with 65 and the place of the byte")
  func latin1Topics() throws {
    #expect(try run("index", "tiny", "--out", "index").code == 0)
    try folder.write(Array("1\tgood\n2\tcaf".utf8) + [0xE9] + Array("\n".utf8), "latin1.tsv")
    try expect(run("search", "index", "--topics", "latin1.tsv"), 65, "latin1.tsv:2:")
  }

  @Test("A run with NaN, a short line or a document twice ends with 65 and file:line")
  func runs() throws {
    try folder.write("1 0 a 1\n", "qrels")
    for (text, message) in [
      ("1 Q0 a 1 2 x\n1 Q0 b 2 nan x\n", "bad.run:2: score 'nan'"),
      ("1 Q0 a 1 2\n", "bad.run:1: expected 6 fields"),
      ("1 Q0 a 1 2 x\n1 Q0 b 2 1 x\n1 Q0 a 3 0 x\n", "bad.run:3: document a is already listed"),
    ] {
      try folder.write(text, "bad.run")
      try expect(run("evaluate", "qrels", "bad.run"), 65, message)
      let validated = try run("validate", "bad.run")
      #expect(validated.code == 65 && validated.output.contains(message.prefix(10)))
    }
  }

  @Test("A corpus with a docno twice, broken JSON or broken gzip ends with 65, and no index appears")
  func corpora() throws {
    try folder.write("a\tone\nb\ttwo\na\tthree\n", "twice.tsv")
    try expect(run("index", "twice.tsv", "--out", "i"), 65, "twice.tsv:3:")
    try folder.write("{\"_id\": \"a\", \"text\": \"one\"}\n{\"_id\": \"b\", \"text\": \n", "broken.jsonl")
    try expect(run("index", "broken.jsonl", "--out", "i"), 65, "broken.jsonl:2:")
    #expect(try Command.shell("gzip -c tiny/corpus.jsonl > cut.jsonl.gz; truncate -s -20 cut.jsonl.gz", in: folder).code == 0)
    try expect(run("index", "cut.jsonl.gz", "--out", "i"), 65, "cut.jsonl.gz")
    #expect(try run("search", "i", "--query", "one").code == 65)
  }

  @Test("A truncated or changed index ends with 65; validate finds every damage")
  func damagedIndex() throws {
    #expect(try run("index", "tiny", "--out", "index").code == 0)
    #expect(try run("validate", "index").output.contains("valid index: 6 documents"))
    let name = try #require(try folder.names("index").first { $0.hasSuffix(".postings") })
    let bytes = try folder.bytes("index/" + name)
    try folder.write(Array(bytes.dropLast(7)), "index/" + name)
    try expect(run("search", "index", "--query", "heat"), 65, "the file is cut short")
    for offset in stride(from: 3, to: bytes.count, by: max(1, bytes.count / 9)) {
      var changed = bytes
      changed[offset] ^= 0x10
      try folder.write(changed, "index/" + name)
      #expect(try run("validate", "index", "--kind", "index").code == 65, "byte \(offset)")
    }
  }

  @Test("A safetensors file whose header lies, or whose weights are not numbers, is refused")
  func safetensors() throws {
    func file(_ header: String, _ data: [UInt8]) -> [UInt8] {
      withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init) + Array(header.utf8) + data
    }
    let zeros = [UInt8](repeating: 0, count: 16)
    let honest = #"{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#
    try folder.write(file(honest, zeros), "good.safetensors")
    #expect(try run("validate", "good.safetensors").output == "good.safetensors: valid safetensors: 1 tensors, 4 values\n")
    try folder.write(file(honest, Array(zeros.dropLast(4)) + [0, 0, 0xC0, 0x7F]), "nan.safetensors")
    let beyond = #"{"w":{"dtype":"F32","shape":[400],"data_offsets":[0,1600]}}"#
    try folder.write(file(beyond, zeros), "beyond.safetensors")
    let wrong = #"{"w":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,16]}}"#
    try folder.write(file(wrong, zeros), "wrong.safetensors")
    try folder.write([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F] + zeros, "long.safetensors")
    for name in ["nan", "beyond", "wrong", "long"] {
      let outcome = try run("validate", "\(name).safetensors")
      #expect(outcome.code == 65 && outcome.output.hasPrefix("\(name).safetensors: "), "\(name): \(outcome.output)")
    }
  }

  @Test("A file that PyTorch would run is refused by the name of what it would call")
  func stateDict() throws {
    let tests = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")
    let files = tests + "/GradusFormatsTests/Fixtures/PyTorch/"
    #expect(try run("validate", files + "zip.bin").output.hasSuffix("zip.bin: valid state-dict: 9 tensors, 26 values\n"))
    let outcome = try run("validate", files + "module.pth")
    #expect(outcome.code == 65 && outcome.output.contains("holds 'torch.nn."), "\(outcome.output)")
  }

  @Test("Validate goes on after a problem, and its exit code is the worst")
  func validateMany() throws {
    try folder.write("1 0 a x\n", "bad.qrels")
    let outcome = try run("validate", "bad.qrels", "tiny", "gone.run", "--json")
    #expect(outcome.code == 65)
    let files = try #require(try outcome.json()["files"] as? [[String: Any]])
    #expect(files.map { $0["is_valid"] as? Bool } == [false, true, false])
    #expect(try run("validate", "tiny/qrels/test.tsv", "tiny/queries.jsonl", "tiny/corpus.jsonl").code == 0)
    try folder.write("query-id\tcorpus-id\tscore\nq1\tnowhere\t1\n", "tiny/qrels/dev.tsv")
    #expect(try run("validate", "tiny").output.contains("document nowhere is judged"))
  }
}
