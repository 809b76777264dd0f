import GradusCore
import GradusFormats
import GradusTestSupport
import Testing

@testable import GradusData

@Suite("Collections by name")
struct CollectionTests {
  static let corpus = Array(
    """
    {"_id": "d1", "title": "", "text": "one"}
    {"_id": "d2", "title": "", "text": "two"}

    """.utf8)

  static func archive(root: String = "tiny/") -> [UInt8] {
    ArchiveBuilder.make(
      .zip,
      [
        (root + "corpus.jsonl", corpus), (root + "queries.jsonl", Array("{\"_id\": \"q1\", \"text\": \"one\"}\n".utf8)),
        (root + "qrels/test.tsv", Array("query-id\tcorpus-id\tscore\nq1\td1\t1\n".utf8)),
      ])
  }

  @Test("The environment says where data lie")
  func readsEnvironment() {
    let set = DataHome(environment: ["GRADUS_DATA": "/a:/b", "GRADUS_HOME": "/g", "HOME": "/h"])
    #expect(set.collectionFolders == ["/a", "/b", "/g/data"])
    let unset = DataHome(environment: ["GRADUS_DATA": "", "HOME": "/h"])
    #expect(unset.folder == "/h/.cache/gradus")
    #expect(unset.collectionFolders == ["/h/.cache/gradus/data"])
    #expect(unset.models == "/h/.cache/gradus/models")
  }

  @Test("A collection is found by name, by path and below a folder; earlier folders win")
  func locates() throws {
    let first = try TemporaryFolder.make()
    let second = try TemporaryFolder.make()
    for path in [first + "/tiny", second + "/tiny", second + "/family/de"] {
      try StagedFolder.makeFolder(path + "/qrels")
      try WholeFile.write(Self.corpus, to: path + "/corpus.jsonl")
      for split in ["test", "train", "extra"] { try WholeFile.write("", to: path + "/qrels/\(split).tsv") }
    }
    let catalog = CollectionCatalog(home: DataHome(folder: "/nowhere", collectionFolders: [first, second]))
    let tiny = try catalog.locate("tiny")
    #expect(tiny.folder == first + "/tiny" && tiny.queries == nil)
    #expect(tiny.splits == ["train", "test", "extra"])
    #expect(try tiny.qrels("test") == first + "/tiny/qrels/test.tsv")
    #expect(throws: CollectionError.noSuchSplit(collection: tiny.folder, split: "dev", has: ["train", "test", "extra"])) {
      try tiny.qrels("dev")
    }
    #expect(try catalog.locate("family/de").name == "family/de")
    #expect(try catalog.locate(second + "/tiny").folder == second + "/tiny")
    #expect(catalog.entries.map(\.name) == ["family/de", "faq", "tiny"])
    #expect(catalog.entries.map { $0.collection != nil } == [true, false, true])
  }

  @Test("What is missing is said with the command that gets it")
  func saysHowToGetIt() throws {
    let catalog = CollectionCatalog(home: DataHome(folder: "/nowhere"))
    #expect(
      throws: CollectionError.missing(name: "faq", searched: ["/nowhere/data"], remedy: "get it with: gradus data build faq")
    ) { try catalog.locate("faq") }
    #expect(throws: CollectionError.self) { try catalog.locate("unheard-of") }
    #expect(throws: CollectionError.notACollection(path: "/nowhere/x")) { try catalog.locate("/nowhere/x") }
    #expect(CollectionError.missing(name: "", searched: [], remedy: "").failureKind == .missingInput)
    #expect(throws: CollectionError.notOnCatalogue(name: "x", known: [])) { try catalog.pull("x") }
  }

  @Test("The shared collections are found", .enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.skipNotice)))
  func findsSharedCollections() throws {
    let catalog = CollectionCatalog(home: DataHome(folder: "/nowhere", collectionFolders: [try #require(SharedData.folder)]))
    #expect(try catalog.locate("scifact").splits == ["train", "dev", "test"])
    #expect(try catalog.locate("xquad/de").corpus.hasSuffix("corpus.jsonl.gz"))
    #expect(catalog.entries.contains { $0.name == "cranfield" && $0.bytes! > 100_000 })
  }

  @Test(
    "A published collection is pulled, checked and unpacked; the second time nothing is asked",
    arguments: ["tiny/", "", "a/b/"])
  func pulls(root: String) throws {
    let archive = Self.archive(root: root)
    let server = try LoopbackServer(["/tiny.zip": .init(body: archive)])
    let catalogueText = """
      {"collections": [{"name": "tiny", "url": "\(server.address)/tiny.zip", "sha256": "\(SHA256Digest.hex(of: archive))",
        "bytes": \(archive.count), "licence": "CC0-1.0", "summary": "two documents"}]}
      """
    server.set("/catalogue.json", .init(type: "application/json", body: Array(catalogueText.utf8)))
    let published = try PublishedCollection.catalogue(server.address + "/catalogue.json")
    let catalog = CollectionCatalog(home: DataHome(folder: try TemporaryFolder.make()), published: published)
    #expect(catalog.entries.first { $0.name == "tiny" }?.remedy == "gradus data pull tiny")
    let collection = try catalog.pull("tiny")
    server.stop()
    #expect(collection.splits == ["test"])
    #expect(try CorpusReader(path: collection.folder).readAll().map(\.docno) == ["d1", "d2"])
    #expect(try catalog.pull("tiny") == collection)
  }

  @Test("A collection with the wrong hash, or an archive without a corpus, installs nothing")
  func refusesWrongArchives() throws {
    let archive = ArchiveBuilder.make(.zip, [("tiny/readme.txt", [1])])
    let server = try LoopbackServer(["/tiny.zip": .init(body: archive)])
    defer { server.stop() }
    for (hash, isHashWrong) in [(String(repeating: "a", count: 64), true), (SHA256Digest.hex(of: archive), false)] {
      let item = PublishedCollection(
        name: "tiny", url: server.address + "/tiny.zip", sha256: hash, bytes: 1, licence: "", summary: "")
      let catalog = CollectionCatalog(home: DataHome(folder: try TemporaryFolder.make()), published: [item])
      #expect {
        try catalog.pull("tiny")
      } throws: { error in
        isHashWrong ? error is DownloadError : error is ArchiveError
      }
      #expect(FileStatus.names(in: catalog.home.ownCollections).isEmpty)
    }
  }

  @Test(
    "A catalogue that could write elsewhere or promises no hash is refused",
    arguments: ["../x", "/x", ".hidden", "", "ok"])
  func refusesUnsoundCatalogues(name: String) throws {
    let path = try TemporaryFolder.make() + "/catalogue.json"
    let hash = name == "ok" ? "1234" : String(repeating: "a", count: 64)
    try WholeFile.write(
      #"{"collections": [{"name": "\#(name)", "url": "http://x", "sha256": "\#(hash)", "bytes": 1, "licence": "", "#
        + #""summary": ""}]}"#,
      to: path)
    #expect(throws: CollectionError.unreadableCatalogue(path: path)) { try PublishedCollection.catalogue(path) }
  }

  @Test("Text files, topics and judgements become a collection")
  func importsTexts() throws {
    let source = try TemporaryFolder.make()
    try StagedFolder.makeFolder(source + "/notes/deep")
    try WholeFile.write("First note.\n", to: source + "/notes/a.txt")
    try WholeFile.write("Second note.\n", to: source + "/notes/deep/b.txt")
    try WholeFile.write("7\tsecond\n", to: source + "/topics.tsv")
    try WholeFile.write("7 0 deep/b.txt 2\n7 0 gone.txt 1\n", to: source + "/qrels.txt")
    let importer = CollectionImporter(home: DataHome(folder: source + "/home"))
    let result = try importer.importCorpus(
      at: source + "/notes", as: "notes", queries: source + "/topics.tsv", qrels: ["test": source + "/qrels.txt"])
    #expect(result.documents == 2 && result.queries == 1 && result.judgements == 2 && result.judgedButAbsent == 1)
    let collection = try CollectionCatalog(home: importer.home).locate("notes")
    #expect(try CorpusReader(path: collection.folder).readAll().map(\.docno) == ["a.txt", "deep/b.txt"])
    #expect(try QrelsReader.read(try collection.qrels("test")).grade(qid: "7", docno: "deep/b.txt") == 2)
    #expect(throws: CollectionError.alreadyThere(path: collection.folder)) {
      try importer.importCorpus(at: source + "/notes", as: "notes")
    }
  }

  @Test("A corpus with an error leaves nothing behind")
  func importFailsWhole() throws {
    let source = try TemporaryFolder.make()
    try WholeFile.write("{\"_id\": \"d1\", \"text\": \"one\"}\n{\"_id\": \"d1\", \"text\": \"again\"}\n", to: source + "/x.jsonl")
    let importer = CollectionImporter(home: DataHome(folder: source + "/home"))
    #expect(throws: CorpusFormatError.self) { try importer.importCorpus(at: source + "/x.jsonl", as: "x") }
    #expect(FileStatus.names(in: importer.home.ownCollections).isEmpty)
  }
}
