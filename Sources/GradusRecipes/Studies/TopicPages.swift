import GradusCore
import GradusData
import GradusTrain

/// The passages of a collection by page: classes that are disjoint between training, development and test. A page is what its
/// queries' ids have in common before the first slash, its passages what is relevant for them (TREC CAR).
struct TopicPages {
  /// In the order of names; passages too.
  struct Page: Sendable {
    let name: String
    let passages: [String]
  }

  let training: [Page]
  let development: [Page]
  let test: [Page]

  /// Passages of fewer words, and those of several pages, say nothing about a page.
  static let leastWords = 5

  /// - Parameter least: Fewest passages of a page.
  init(_ bench: VectorBench, least: Int, study: String) throws {
    let splits = [bench.data.train, bench.data.dev, try bench.data.qrels("test")]
    var pagesOf: [String: Set<String>] = [:]
    for qrels in splits {
      for qid in qrels.qids {
        let page = String(qid.prefix { $0 != "/" })
        for docno in qrels.relevant(qid: qid) { pagesOf[docno, default: []].insert(page) }
      }
    }
    var kept: [String: [String]] = [:]
    for (docno, pages) in pagesOf where pages.count == 1 {
      let words = try bench.data.document(docno).contents.split(separator: " ").count
      if words >= Self.leastWords, let page = pages.first { kept[page, default: []].append(docno) }
    }
    func pages(_ qrels: Qrels) throws -> [Page] {
      let names = Set(qrels.qids.map { String($0.prefix { $0 != "/" }) }).sorted()
      let found = names.compactMap { name -> Page? in
        let passages = (kept[name] ?? []).sorted()
        return passages.count >= least ? Page(name: name, passages: passages) : nil
      }
      guard found.count >= 2 else {
        throw StudyError.missingData(
          study: study, what: "pages of \(least) passages (query ids PAGE/HEADING)", searched: [bench.data.collection.folder])
      }
      return found
    }
    training = try pages(splits[0])
    development = try pages(splits[1])
    test = try pages(splits[2])
  }
}
