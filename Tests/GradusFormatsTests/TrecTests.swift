import GradusCore
import GradusTestSupport
import Testing

@testable import GradusFormats

@Suite("TREC files")
struct TrecTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  // MARK: Runs

  @Test("A run is ordered by score and tie rule, whatever rank, line order and white space say")
  func readRun() throws {
    let path = try folder.write(
      "# comment\nq2 Q0 x 1 1 first\nq1\tQ0\ta   9 1.5 t\nq1 0 b 1 2e0 t\r\n\nq2 Q0 y 7 1.0 t\nq1 Q0 c 3 1.50 last", "run")
    let run = try TrecRunReader.read(path)
    #expect(run.name == "last" && run.qids == ["q2", "q1"])
    #expect(run["q1"]?.documents.map(\.docno) == ["b", "c", "a"])
    #expect(run["q2"]?.documents.map(\.docno) == ["y", "x"])
  }

  @Test(
    "A line that is wrong is named",
    arguments: [
      ("q Q0 d 1 1", RunFormatError.Reason.fieldCount(found: 5, expected: 6)),
      ("q Q0 d 1 1 t t", .fieldCount(found: 7, expected: 6)), ("q Q0 d 1 nan t", .score("nan")),
      ("q Q0 d 1 inf t", .score("inf")), ("q Q0 d 1 1e999 t", .score("1e999")), ("q Q0 d 1 0x10 t", .score("0x10")),
      ("q Q0 d 1 1.2.3 t", .score("1.2.3")), ("q Q0 a 2 0.5 t", .duplicate(qid: "q", docno: "a", firstLine: 1)),
    ])
  func badRun(line: String, reason: RunFormatError.Reason) throws {
    let path = try folder.write("q Q0 a 1 1 t\nr Q0 a 1 1 t\n\(line)\n", "run")
    #expect(throws: RunFormatError(file: path, line: 3, reason: reason)) { try TrecRunReader.read(path) }
  }

  @Test("Written scores read back as the same numbers, so that no ties appear")
  func runRoundTrip() throws {
    var generator = SeededGenerator(seed: 1)
    var run = Run(name: "bm25")
    for query in 0..<20 {
      let documents = (0..<200).map { index in
        let score = (generator.uniform() - 0.5) * [1e-300, 1e-9, 1, 1e12, 1e300][generator.integer(below: 5)]
        return ScoredDocument(docno: "d\(index)", score: index % 50 == 0 ? 1 : score)
      }
      run.append(Ranking(qid: "q\(query)", documents: documents))
    }
    for name in ["run", "run.gz"] {
      try TrecRunWriter.write(run, to: folder.path + "/" + name)
      #expect(try TrecRunReader.read(folder.path + "/" + name) == run)
    }
    let first = try folder.firstLine("run").split(separator: " ")
    #expect(first.count == 6 && first[3] == "1" && first[1] == "Q0")
  }

  @Test("What cannot be a column or a score is not written, and no file appears")
  func unwritableRuns() throws {
    let path = folder.path + "/run"
    func write(_ name: String, _ qid: String, _ docno: String, _ score: Double) throws {
      try TrecRunWriter.write(
        Run(name: name, rankings: [Ranking(qid: qid, documents: [ScoredDocument(docno: docno, score: score)])]), to: path)
    }
    #expect(throws: RunFormatError(file: path, line: 1, reason: .name("a b"))) { try write("a b", "q", "d", 1) }
    #expect(throws: RunFormatError(file: path, line: 1, reason: .name(""))) { try write("t", "", "d", 1) }
    #expect(throws: RunFormatError(file: path, line: 1, reason: .name("d\t"))) { try write("t", "q", "d\t", 1) }
    #expect(throws: RunFormatError(file: path, line: 1, reason: .score("inf"))) { try write("t", "q", "d", .infinity) }
    #expect(try folder.names().isEmpty)
  }

  @Test("Numbers parse to the nearest double")
  func decimals() {
    var generator = SeededGenerator(seed: 2)
    for _ in 0..<20_000 {
      let value = Double(bitPattern: generator.next())
      guard value.isFinite else { continue }
      #expect(Array("\(value)".utf8).withUnsafeBufferPointer(DecimalParser.double)?.bitPattern == value.bitPattern)
    }
    for text in ["", "-", ".", "e5", "1e", "1e+", "--1", "1 ", "nan", "0x1", "1_0"] {
      #expect(Array(text.utf8).withUnsafeBufferPointer(DecimalParser.double) == nil, "\(text)")
    }
    for (text, value) in [("+.5", 0.5), ("5.", 5), ("1e99999999999999999999", .infinity), ("-0", 0), ("1e-400", 0)] {
      #expect(Array(text.utf8).withUnsafeBufferPointer(DecimalParser.double) == value, "\(text)")
    }
    #expect(Array("9223372036854775808".utf8).withUnsafeBufferPointer(DecimalParser.integer) == nil)
  }

  // MARK: Qrels

  @Test("TREC's and BEIR's columns give the same judgements")
  func readQrels() throws {
    let trec = try QrelsReader.read(folder.write("1 0 a 2\n2 0 b -1\n1 0 c 0\n1 0 a 2\n", "trec"))
    let beir = try QrelsReader.read(folder.write("query-id\tcorpus-id\tscore\n1\ta\t2\n2\tb\t-1\n1\tc\t0\n", "beir"))
    let bare = try QrelsReader.read(folder.write("1\ta\t2\n2\tb\t-1\n1\tc\t0\n", "bare"))
    #expect(trec == beir && bare == beir)
    #expect(trec.qids == ["1", "2"] && trec.grade(qid: "2", docno: "b") == -1)
  }

  @Test("Comment lines in judgements are skipped, before the layout is known and after")
  func qrelsComments() throws {
    let path = try folder.write("# pooled to depth 100\n1 0 a 2\n#1 0 a 1\n1 0 b 0\n", "qrels")
    let qrels = try QrelsReader.read(path)
    #expect(qrels.qids == ["1"] && qrels.grade(qid: "1", docno: "a") == 2 && qrels.grade(qid: "1", docno: "b") == 0)
  }

  @Test(
    "A judgement that is wrong is named",
    arguments: [
      ("1 0 b", QrelsFormatError.Reason.fieldCount(found: 3, expected: 4)), ("1 0 b high", .grade("high")),
      ("1 0 b 1.5", .grade("1.5")), ("1 0 a 1", .contradiction(qid: "1", docno: "a", firstLine: 1)),
    ])
  func badQrels(line: String, reason: QrelsFormatError.Reason) throws {
    let path = try folder.write("1 0 a 2\n\(line)\n", "qrels")
    #expect(throws: QrelsFormatError(file: path, line: 2, reason: reason)) { try QrelsReader.read(path) }
  }

  @Test("Judgements survive writing", arguments: [QrelsWriter.Layout.trec, .beir])
  func qrelsRoundTrip(layout: QrelsWriter.Layout) throws {
    var qrels = Qrels()
    for index in [3, 1, 2] { qrels.judge(qid: "q\(index % 2)", docno: "d\(index)", grade: index - 2) }
    let path = folder.path + "/qrels.gz"
    try QrelsWriter.write(qrels, to: path, layout: layout)
    #expect(try QrelsReader.read(path) == qrels)
    qrels.judge(qid: "q 1", docno: "d", grade: 1)
    #expect(throws: QrelsFormatError.self) { try QrelsWriter.write(qrels, to: path, layout: layout) }
  }

  // MARK: Topics

  @Test("TREC's topics without closing tags")
  func sgmlTopics() throws {
    let path = try folder.write(
      """
      <top>

      <num> Number: 301
      <title> International
      Organized &amp; Crime

      <desc> Description:
      Identify <i>organizations</i> that
      participate.

      <narr> Narrative:
      A relevant document.

      </top>
      <top><num>302<title>Topic: Polio < 5</title><desc>D<narr>N</top>
      """, "topics")
    #expect(
      try TopicsReader.read(path) == [
        Query(qid: "301", text: "International Organized & Crime"), Query(qid: "302", text: "Polio < 5"),
      ])
    let descriptions = try TopicsReader.read(path, field: .description)
    #expect(descriptions.map(\.text) == ["Identify organizations that participate.", "D"])
    #expect(try TopicsReader.read(path, field: .narrative).map(\.text) == ["A relevant document.", "N"])
  }

  @Test("TREC's topics in XML")
  func xmlTopics() throws {
    let path = try folder.write(
      "<?xml version=\"1.0\"?>\n<!-- c --><topics><topic number=\"1\"><query>virus &#x6F;rigin</query>"
        + "<question>where?</question></topic>\n<topic number='2'><title><![CDATA[a<b]]></title>"
        + "<description>d</description></topic></topics>", "topics")
    #expect(try TopicsReader.read(path) == [Query(qid: "1", text: "virus origin"), Query(qid: "2", text: "a<b")])
    #expect(try TopicsReader.read(path, field: .description).map(\.text) == ["where?", "d"])
    #expect(throws: TopicsFormatError(file: path, line: 2, reason: .missing("narrative"))) {
      try TopicsReader.read(path, field: .narrative)
    }
  }

  @Test("Queries of BEIR and tab-separated ones")
  func lineTopics() throws {
    let expected = [Query(qid: "1", text: "a \"b\""), Query(qid: "2", text: "é")]
    let json = #"{"_id": "1", "text": "a \"b\"", "metadata": {"x": [1, {}]}}"# + "\n\n" + #"{"text": "\u00e9", "id": 2}"# + "\n"
    #expect(try TopicsReader.read(folder.write(json, "q.jsonl")) == expected)
    #expect(try TopicsReader.read(folder.write("1\ta \"b\"\r\n2\té\tmore\n", "q.tsv")) == expected)
    for layout in [TopicsWriter.Layout.jsonLines, .tabSeparated] {
      let path = folder.path + "/written.gz"
      try TopicsWriter.write(expected, to: path, layout: layout)
      #expect(try TopicsReader.read(path) == expected)
    }
    #expect(try TopicsReader.read(folder.write(" \n", "empty")).isEmpty)
  }

  @Test(
    "A topic that is wrong is named",
    arguments: [
      ("1\ta\njust words\n", 2, TopicsFormatError.Reason.unknownFormat), ("1\ta\n1\tb\n", 2, .duplicate(qid: "1")),
      ("1 2\ta\n", 1, .name("1 2")), ("{\"_id\":\"1\"}", 1, .missing("text")), ("{\"text\":\"1\"}", 1, .missing("_id")),
      ("{\"_id\":\"1\"", 1, .json(JSONError(offset: 10, reason: .unexpectedEnd))), ("<p>no topics</p>", 1, .unknownFormat),
      ("\n<top><title>a</top>", 2, .missing("number")), ("<top><num>1</top>", 1, .missing("title")),
      ("<top><num>1<title>a</top>\n<top><num>1<title>b</top>", 2, .duplicate(qid: "1")),
    ])
  func badTopics(text: String, line: Int, reason: TopicsFormatError.Reason) throws {
    let path = try folder.write(text, "topics")
    #expect(throws: TopicsFormatError(file: path, line: line, reason: reason)) { try TopicsReader.read(path) }
  }

  @Test("A tab or line break does not fit a tab-separated topic")
  func unwritableTopics() throws {
    let path = folder.path + "/t"
    #expect(throws: TopicsFormatError(file: path, line: 1, reason: .text(qid: "1"))) {
      try TopicsWriter.write([Query(qid: "1", text: "a\tb")], to: path, layout: .tabSeparated)
    }
    #expect(try folder.names().isEmpty)
  }

  @Test("MS MARCO's runs and triples")
  func msmarco() throws {
    let run = try MSMARCORunReader.read(folder.write("1\tp2\t2\n1\tp1\t1\n", "run"))
    #expect(run["1"]?.documents == [ScoredDocument(docno: "p1", score: 1), ScoredDocument(docno: "p2", score: 0.5)])
    let zero = try folder.write("1\tp\t0\n", "zero")
    #expect(throws: RunFormatError(file: zero, line: 1, reason: .rank("0"))) { try MSMARCORunReader.read(zero) }
    let short = try folder.write("1\tp\n", "short")
    #expect(throws: RunFormatError(file: short, line: 1, reason: .fieldCount(found: 2, expected: 3))) {
      try MSMARCORunReader.read(short)
    }
    let path = try folder.write("1 a b\n1 a\n", "triples")
    let triples = try TriplesReader(path: path)
    #expect(try triples.next() == TrainingTriple(qid: "1", positive: "a", negative: "b"))
    #expect(throws: TriplesFormatError(file: path, line: 2, found: 2)) { try triples.next() }
  }

  @Test(
    "A real collection reads in full",
    .enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.skipNotice)))
  func realFiles() throws {
    let folder = try #require(SharedData.path("scifact"))
    #expect(try TopicsReader.read(folder + "/queries.jsonl").count == 1109)
    #expect(try QrelsReader.read(folder + "/qrels/test.tsv").qids.count == 300)
    let documents = try CorpusReader(path: folder).readAll()
    #expect(documents.count == 5183 && documents.allSatisfy { !$0.text.isEmpty })
  }
}
