import GradusCore
import GradusFormats
import GradusTestSupport
import Testing

@testable import GradusData

@Suite("The faq collection from packages in a folder")
struct FAQCollectionBuilderTests {
  static let sources = [
    FAQSource(
      name: "kettle", package: "kettle*-doc", licence: "MIT", faqPages: ["usr/share/doc/kettle/faq.html"],
      manualPages: ["usr/share/doc/kettle/*.html"], excludedPages: ["usr/share/doc/kettle/index.html"], isRequired: true),
    FAQSource(
      name: "stove", package: "stove-doc", licence: "GPL-2.0-only", format: .pod, faqPages: ["usr/share/stove/*.pod"],
      manualPages: [], questions: .init(levels: 2...2, needsQuestionMark: false)),
    FAQSource(name: "absent", package: "absent-doc", licence: "MIT", faqPages: ["*"], manualPages: []),
  ]

  /// `kettle` as an archive in two versions, `stove` as an unpacked folder.
  private func packages() throws -> String {
    let folder = try TemporaryFolder.make()
    let faq = try Fixture.bytes("pages/sphinx.html")
    let manual = "<h1>Manual</h1><p>Fill the kettle with water before you switch it on.</p>"
    let entries: [(String, [UInt8])] = [
      ("usr/share/doc/kettle/faq.html", faq),
      ("usr/share/doc/kettle/manual.html", Array(manual.utf8)),
      ("usr/share/doc/kettle/index.html", Array("<p>This page lists all of the other pages of this manual.</p>".utf8)),
      ("usr/share/doc/kettle/copyright", Array("Licence of the kettle".utf8)),
    ]
    try WholeFile.write(ArchiveBuilder.debianPackage(entries), to: folder + "/kettle10-doc_1%3a2.0-1_all.deb")
    try WholeFile.write(ArchiveBuilder.debianPackage([]), to: folder + "/kettle9-doc_9.9_all.deb")
    try StagedFolder.makeFolder(folder + "/stove-doc_3/usr/share/stove")
    let pod = "=head2 Why does the stove smoke\n\nThe flue is closed, so the smoke has nowhere else to go.\n"
    try WholeFile.write(pod, to: folder + "/stove-doc_3/usr/share/stove/faq.pod")
    return folder
  }

  @Test("Archives and folders give one collection, byte for byte the same, and the second build finds it")
  func builds() throws {
    let folder = try packages()
    let home = DataHome(folder: try TemporaryFolder.make())
    let builder = FAQCollectionBuilder(home: home, sources: Self.sources)
    let first = try builder.build(packages: .folder(folder))
    #expect(first.questions == 3 && first.missingSources == ["absent"] && !first.wasUpToDate)
    #expect(try builder.build(packages: .folder(folder)).wasUpToDate)

    let corpus = try CorpusReader(path: first.folder).readAll()
    #expect(corpus.map(\.docno) == ["kettle-faq-1", "kettle-faq-2", "kettle-faq-3", "kettle-manual-1", "stove-faq-1"])
    #expect(corpus.allSatisfy { $0.title.isEmpty })
    #expect(corpus[1].text == "The leaves stayed in the pot for much too long this time.")
    #expect(corpus[3].metadata == ["source": "kettle"])
    let queries = try TopicsReader.read(first.folder + "/queries.jsonl")
    #expect(queries.map(\.text) == ["How do I boil water quickly?", "Why is the tea bitter?", "Why does the stove smoke"])
    let readme = String(decoding: try WholeFile.bytes(first.folder + "/README.md"), as: UTF8.self)
    #expect(readme.contains("| kettle | kettle10-doc | 1:2.0-1 | MIT | 2 |") && readme.contains("- 1 sentences that repeat"))
    #expect(try WholeFile.bytes(first.folder + "/licences/kettle10-doc.txt") == Array("Licence of the kettle".utf8))

    let second = try builder.build(to: home.folder + "/again", packages: .folder(folder))
    let files = ["corpus.jsonl.gz", "queries.jsonl", "README.md", "source.json"]
    for file in files + ["train", "dev", "test"].map({ "qrels/\($0).tsv" }) {
      #expect(try WholeFile.bytes(first.folder + "/" + file) == WholeFile.bytes(second.folder + "/" + file), "\(file)")
    }
  }

  @Test("A changed package or a damaged collection is built again")
  func rebuilds() throws {
    let folder = try packages()
    let builder = FAQCollectionBuilder(home: DataHome(folder: try TemporaryFolder.make()), sources: Self.sources)
    let first = try builder.build(packages: .folder(folder))
    try WholeFile.write("", to: first.folder + "/queries.jsonl")
    #expect(try !builder.build(packages: .folder(folder)).wasUpToDate)
    let pod = "=head2 Why is it cold\n\nThe door is open, and it has been so all day long.\n"
    try WholeFile.write(pod, to: folder + "/stove-doc_3/usr/share/stove/more.pod")
    let more = try builder.build(packages: .folder(folder))
    #expect(more.questions == 4 && !more.wasUpToDate)
  }

  @Test("A required package that is not there is named; a damaged one stops the build and leaves the old collection")
  func reportsMissing() throws {
    let empty = try TemporaryFolder.make()
    let builder = FAQCollectionBuilder(home: DataHome(folder: try TemporaryFolder.make()), sources: Self.sources)
    #expect(throws: DebianError.packageMissing(package: "kettle*-doc", place: empty)) {
      try builder.build(packages: .folder(empty))
    }
    #expect(throws: FileError.self) { try builder.build(packages: .folder("/nowhere")) }
    let folder = try packages()
    let built = try builder.build(packages: .folder(folder))
    try WholeFile.write("!<arch>\nnoise", to: folder + "/kettle10-doc_1%3a2.0-1_all.deb")
    #expect(throws: ArchiveError.self) { try builder.build(packages: .folder(folder)) }
    #expect(FileStatus.isFile(built.folder + "/corpus.jsonl.gz"))
  }

  @Test("The newest package is taken, numbers compared as numbers")
  func ordersVersions() {
    #expect(DebianVersion.precedes(("python3.9-doc", "9"), ("python3.11-doc", "1")))
    #expect(DebianVersion.precedes(("a", "1.9-1"), ("a", "1.10-1")))
    #expect(!DebianVersion.precedes(("a", "2"), ("a", "2")))
  }

  @Test("apt's candidates are read from its policy")
  func readsPolicy() {
    let text = """
      perl-doc:
        Installed: (none)
        Candidate: 5.36.0-7
        Version table:
           5.36.0-7 500
      ghost:
        Installed: (none)
        Candidate: (none)

      """
    #expect(AptPackages.candidateVersions(inPolicy: text) == ["perl-doc": "5.36.0-7"])
  }
}
