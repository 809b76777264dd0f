import GradusCore
import GradusTestSupport
import Testing

@testable import GradusFormats

@Suite("Corpora")
struct CorpusTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func read(_ path: String) throws -> [Document] { try CorpusReader(path: path).readAll() }

  @Test("JSON lines under the names that the field uses; metadata as strings")
  func jsonLines() throws {
    let path = try folder.write(
      #"{"_id": "1", "title": "T", "text": "a\nb", "metadata": {"s": "x", "n": 1.5, "l": [1, 2], "z": null}}"# + "\n\n"
        + #"{"contents": "c", "id": 7, "title": null}"# + "\n" + #"{"docno":"3","text":"\ud83d\ude00 \u00e9 \/"}"#,
      "c.jsonl")
    #expect(
      try read(path) == [
        Document(docno: "1", title: "T", text: "a\nb", metadata: ["s": "x", "n": "1.5", "l": "[1, 2]"]),
        Document(docno: "7", text: "c"), Document(docno: "3", text: "😀 é /"),
      ])
    #expect(try CorpusReader(path: path).format == .jsonLines)
  }

  @Test("A BEIR folder survives writing, with the same bytes each time; Unicode's line breaks are escaped")
  func beir() throws {
    let documents = [
      Document(docno: "b", title: "\"q\" \\", text: "x\u{85}y\u{2028}z\u{2029}\u{1}\t", metadata: ["b": "2", "a": "1"]),
      Document(docno: "a%'(", text: "é😀"),
    ]
    var qrels = Qrels()
    qrels.judge(qid: "1", docno: "b", grade: 2)
    var bytes: [[UInt8]] = []
    for name in ["one", "two"] {
      let writer = try BEIRWriter(folder: folder.path + "/" + name)
      try writer.writeCorpus(documents)
      try writer.writeQueries([Query(qid: "1", text: "t")])
      try writer.writeQrels(qrels, split: "test")
      bytes.append(try TemporaryFolder.read(writer.folder + "/corpus.jsonl.gz"))
      #expect(try read(writer.folder) == documents)
      #expect(try QrelsReader.read(writer.folder + "/qrels/test.tsv") == qrels)
    }
    #expect(bytes[0] == bytes[1])
    let line =
      #"{"_id": "b", "title": "\"q\" \\", "text": "x\u0085y\u2028z\u2029\u0001\t", "metadata": {"a": "1", "b": "2"}}"#
    #expect(try folder.firstLine("one/corpus.jsonl.gz") == line)
    let writer = try BEIRWriter(folder: folder.path + "/one")
    let file = writer.folder + "/corpus.jsonl.gz"
    #expect(throws: CorpusFormatError(file: file, line: 1, reason: .docno("a b"))) {
      try writer.writeCorpus([Document(docno: "a b", text: "")])
    }
    #expect(throws: CorpusFormatError(file: file, line: 2, reason: .duplicate(docno: "x", firstFile: file, firstLine: 1))) {
      try writer.writeCorpus([Document(docno: "x", text: ""), Document(docno: "x", text: "")])
    }
    #expect(try TemporaryFolder.read(file) == bytes[0])
  }

  @Test("MS MARCO's passages and documents")
  func tabSeparated() throws {
    #expect(try read(folder.write("0\tfirst passage\n1\tsecond\n", "c.tsv")).map(\.text) == ["first passage", "second"])
    #expect(
      try read(folder.write("D1\thttp://x\tTitle\tBody\n", "d.tsv")) == [
        Document(docno: "D1", title: "Title", text: "Body", metadata: ["url": "http://x"])
      ])
    let path = try folder.write("0\ta\n1\ta\tb\n", "bad.tsv")
    #expect(throws: CorpusFormatError(file: path, line: 2, reason: .fieldCount(found: 3))) { try read(path) }
  }

  @Test("TREC's documents")
  func trec() throws {
    let path = try folder.write(
      """
      <DOC>
      <DOCNO> FT911-1 </DOCNO>
      <HEADLINE>FT  14 MAY / A &amp; B</HEADLINE>
      <TEXT>
      One<P>two
      three.
      </TEXT>
      </DOC>

      <doc><docno>2</docno>
      Loose text <b>bold</b> 1 < 2
      </doc>
      """, "docs")
    #expect(
      try read(path) == [
        Document(docno: "FT911-1", title: "FT 14 MAY / A & B", text: "One two three."),
        Document(docno: "2", text: "Loose text bold 1 < 2"),
      ])
    for (text, line) in [("<DOC>\n<DOCNO>1</DOCNO>\n", 1), ("<DOC>\n<DOC>\n", 1), ("<DOC><DOCNO>1</DOCNO></DOC>\n<x>\n", 2)] {
      let broken = try folder.write(text, "broken")
      #expect(throws: CorpusFormatError(file: broken, line: line, reason: .unclosedDocument)) { try read(broken) }
    }
    let nameless = try folder.write("<DOC>\n</DOC>\n", "nameless")
    #expect(throws: CorpusFormatError(file: nameless, line: 1, reason: .missing("<DOCNO>"))) { try read(nameless) }
  }

  @Test("A folder of text files, in byte order of their paths, without hidden ones")
  func textFolder() throws {
    let path = folder.path("texts")
    for (name, text) in [("b.txt", "B"), ("a 1%.txt", "A"), ("sub/c.txt", "C"), (".hidden", "H"), ("Z.txt", "Z")] {
      try folder.write(text, "texts/" + name)
    }
    let documents = try read(path)
    #expect(documents.map(\.docno) == ["Z.txt", "a%201%25.txt", "b.txt", "sub/c.txt"])
    #expect(documents.map(\.text) == ["Z", "A", "B", "C"])
    let empty = try folder.makeFolder("empty")
    #expect(throws: CorpusFormatError(file: empty, line: 0, reason: .emptyFolder)) { try read(empty) }
  }

  @Test(
    "A document that is wrong is named",
    arguments: [
      (#"{"_id":"1","text":"b"}"#, CorpusFormatError.Reason.duplicate(docno: "1", firstFile: "", firstLine: 1)),
      (#"{"text":"b"}"#, .missing("_id, id, docno or docid")), (#"{"_id":"2"}"#, .missing("text or contents")),
      (#"{"_id":"a b","text":"b"}"#, .docno("a b")), (#"{"_id":"","text":"b"}"#, .docno("")),
      (#"{"_id":"2","text":"b"} x"#, .json(JSONError(offset: 23, reason: .trailingBytes))),
      (#"{"_id":"2","text":5}"#, .json(JSONError(offset: 18, reason: .expected("a string")))),
      (#"{"_id":"2","text":"\ud800"}"#, .json(JSONError(offset: 19, reason: .invalidEscape))),
      (#"{"_id":"2","text":"\x"}"#, .json(JSONError(offset: 19, reason: .invalidEscape))),
      ("{\"_id\":\"2\",\"text\":\"\t\"}", .json(JSONError(offset: 19, reason: .controlCharacter))),
      (#"{"_id":"2",}"#, .json(JSONError(offset: 11, reason: .expected("a string")))),
      (#"{"_id":"2","x":01}"#, .json(JSONError(offset: 15, reason: .expected("a number without leading zeros")))),
    ])
  func badDocuments(line: String, reason: CorpusFormatError.Reason) throws {
    let path = try folder.write(#"{"_id":"1","text":"a"}"# + "\n" + line + "\n", "c.jsonl")
    let expected: CorpusFormatError.Reason =
      if case .duplicate(let docno, _, let firstLine) = reason {
        .duplicate(docno: docno, firstFile: path, firstLine: firstLine)
      } else {
        reason
      }
    #expect(throws: CorpusFormatError(file: path, line: 2, reason: expected)) { try read(path) }
  }

  @Test("Canonically equivalent docnos are two documents; thousands of docnos are told apart")
  func docnos() throws {
    #expect(try read(folder.write("\u{E9}\ta\ne\u{301}\tb\n", "e.tsv")).count == 2)
    let text = (0..<50_000).map { "d\($0)\tx\n" }.joined()
    #expect(try read(folder.write(text, "many.tsv")).count == 50_000)
    let path = try folder.write(text + "d77\tx\n", "twice.tsv")
    let reason = CorpusFormatError.Reason.duplicate(docno: "d77", firstFile: path, firstLine: 78)
    #expect(throws: CorpusFormatError(file: path, line: 50_001, reason: reason)) { try read(path) }
  }

  @Test("Deep nesting is refused instead of overflowing the stack")
  func deepNesting() throws {
    let deep = String(repeating: "[", count: 100_000)
    let path = try folder.write("{\"x\":\(deep)", "deep.jsonl")
    let error = #expect(throws: CorpusFormatError.self) { try read(path) }
    if case .json(let json) = error?.reason { #expect(json.reason == .tooDeep) } else { Issue.record("\(error as Any)") }
  }

  @Test("A file of no known kind is refused")
  func unknown() throws {
    let path = try folder.write("\njust words\n", "words")
    #expect(throws: CorpusFormatError(file: path, line: 2, reason: .unknownFormat)) { try read(path) }
    #expect(try read(folder.write("\n", "nothing")).isEmpty)
  }

  @Test("Random bytes are read or refused, never worse")
  func randomBytes() throws {
    var generator = SeededGenerator(seed: 9)
    let alphabet = Array("{}[]\":,<>/\\ \t\n01e.-&;docnumtextDOCNOtop_idé".utf8) + [0xC3, 0x80, 0xFF, 0x1F, 0x8B, 0]
    let starts = ["", "{\"_id\":\"1\",", "<DOC>\n<DOCNO>", "<top><num>", "1\t", "q Q0 d 1 ", "\u{1F}\u{8B}\u{8}"]
    for _ in 0..<1500 {
      let start = Array(starts[generator.integer(below: starts.count)].unicodeScalars.map { UInt8($0.value & 0xFF) })
      let bytes = start + (0..<generator.integer(below: 120)).map { _ in alphabet[generator.integer(below: alphabet.count)] }
      let path = try folder.write(bytes, "random")
      let readers: [() throws -> Void] = [
        { _ = try read(path) }, { _ = try CorpusReader(path: path, format: .trec).readAll() },
        { _ = try TopicsReader.read(path) }, { _ = try TrecRunReader.read(path) }, { _ = try QrelsReader.read(path) },
        { _ = try MSMARCORunReader.read(path) }, { _ = try SafetensorsFile(path: path) },
      ]
      for reader in readers {
        do { try reader() } catch { #expect(error is any GradusError, "\(error)") }
      }
    }
  }
}
