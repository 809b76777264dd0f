import GradusCore
import GradusFormats

extension FuzzTarget {
  /// Runs, judgements, topics and triples.
  static let trec = FuzzTarget("trec", maximumBytes: 2048, dictionary: "trec") {
    [
      "1 Q0 d1 1 2.5 bm25\n1 Q0 d2 2 1e-3 bm25\n2 Q0 d1 1 -7 bm25\n", "1\td1\t1\n1\td2\t2\n", "1 0 d1 2\n1 0 d2 0\n",
      "query-id\tcorpus-id\tscore\n1\td1\t1\n", "<top>\n<num> Number: 301\n<title> Crime\n<desc> Description:\nWhat?\n</top>\n",
      "<topics><topic number=\"1\"><query>a &amp; b</query></topic></topics>", "{\"_id\": \"1\", \"text\": \"who\"}\n",
      "1\twhat is it\n", "q1\ta positive text\ta negative text\n",
      "2 qid:1 1:0.5 3:1e-2 # docid = a\n0 qid:1 2:7\n", "1 1:3\n0 2:-1\n",
    ].map { Array($0.utf8) }
  } run: { input in
    let path = Workplace.write(input, "input.txt")
    attempt { _ = try TrecRunReader.read(path) }
    attempt { _ = try MSMARCORunReader.read(path) }
    attempt { _ = try QrelsReader.read(path) }
    attempt { _ = try LETORReader.read(path).digest }
    attempt { _ = try LETORReader.read(path, groups: path, width: 4) }
    for field in TopicField.allCases { attempt { _ = try TopicsReader.read(path, field: field) } }
    attempt {
      let triples = try TriplesReader(path: path)
      while try triples.next() != nil {}
    }
  }

  /// Documents in every format.
  static let corpus = FuzzTarget("corpus", maximumBytes: 2048, dictionary: "trec") {
    [
      #"{"_id": "d1", "title": "t", "text": "some text", "metadata": {"a": [1]}}"# + "\n" + #"{"id": 7, "contents": "x"}"#,
      "d1\tsome text\nd2\tother text\n", "d1\thttp://a\ttitle\ttext\n",
      "<DOC>\n<DOCNO> d1 </DOCNO>\n<TITLE>t</TITLE>\n<TEXT>a &lt; b <b>c</b></TEXT>\n</DOC>\n",
    ].map { Array($0.utf8) }
  } run: { input in
    let path = Workplace.write(input, "corpus.txt")
    attempt { _ = try CorpusReader(path: path).readAll() }
    for format in [CorpusFormat.jsonLines, .tabSeparated, .trec] {
      attempt { _ = try CorpusReader(path: path, format: format).readAll() }
    }
  }

  /// Packed lines; a kilobyte unpacks to a megabyte at most, and lines are handed out in pieces of memory of their own size.
  static let gzip = FuzzTarget("gzip", maximumBytes: 1024) {
    try [
      Workplace.fixture("GradusTextTests/Fixtures/BytePair/gpt2.ids.jsonl.gz").prefix(1000).map { $0 },
      [
        0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0x4B, 0xE4, 0x4A, 0xE2, 0x02, 0, 0xA3, 0x7A, 0x0D, 0x2C, 4, 0, 0, 0,
      ],
      Array("plain\r\ntext\n".utf8),
    ]
  } run: { input in
    for name in ["input.gz", "input.any"] {
      let path = Workplace.write(input, name)
      attempt { try LineReader(path: path).forEachLine { _, _ in } }
    }
  }
}
