import GradusCore
import GradusFormats
import GradusTestSupport
import Testing

@testable import GradusData

extension Tag {
  /// Takes more than five seconds, or needs a network.
  @Tag static var slow: Self
}

/// The real packages, where apt knows them and can fetch them.
@Suite("The faq collection from Debian's packages", .tags(.slow))
struct FAQFromDebianTests {
  static let isAvailable: Bool = {
    guard let cache = try? TemporaryFolder.make() else { return false }
    let apt = AptPackages(cache: cache)
    guard let candidates = try? apt.candidates(["debian-faq"]), let faq = candidates[0] else { return false }
    return (try? apt.fetch([faq])) != nil
  }()

  @Test(
    "Builds enough questions and passages, twice the same bytes, and passages without their questions",
    .enabled(if: isAvailable, "needs apt with package lists and a network"))
  func buildsFromPackages() throws {
    let home = DataHome(folder: try TemporaryFolder.make())
    let builder = FAQCollectionBuilder(home: home)
    let first = try builder.build()
    #expect(!first.wasUpToDate)
    #expect(first.questions >= 600)
    #expect(first.passages >= 10_000)

    let again = try builder.build()
    #expect(again.wasUpToDate)
    let second = try builder.build(to: TemporaryFolder.make() + "/second")
    #expect(try WholeFile.sha256(first.folder + "/corpus.jsonl.gz") == WholeFile.sha256(second.folder + "/corpus.jsonl.gz"))
    #expect(try WholeFile.sha256(first.folder + "/queries.jsonl") == WholeFile.sha256(second.folder + "/queries.jsonl"))

    let collection = try CollectionCatalog(home: home).locate("faq")
    let queries = try TopicsReader.read(try #require(collection.queries))
    let filter = LeakageFilter(questions: queries.map(\.text))
    var docnos: Set<String> = []
    try CorpusReader(path: first.folder).forEach { document in
      #expect(document.title.isEmpty)
      #expect(!filter.leaks(document.text), "\(document.docno)")
      docnos.insert(document.docno)
    }
    #expect(docnos.count == first.passages)
    var judged: [String] = []
    for split in collection.splits {
      let qrels = try QrelsReader.read(try collection.qrels(split))
      judged += qrels.qids
      for qid in qrels.qids { #expect(qrels[qid].keys.allSatisfy(docnos.contains)) }
    }
    #expect(judged.sorted() == queries.map(\.qid).sorted())
  }
}
