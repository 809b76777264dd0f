import GradusCore
import GradusData
import GradusFormats

/// Passages of a collection by the page that they are from: a real classification with as many classes as there are pages.
///
/// A page is what docnos have in common before their last hyphen: `perl-perlfunc-17` is a passage of `perl-perlfunc`, as the FAQ
/// collection names them. Every page gives equally many passages, half of them to train on, a fifth to choose by, the rest to
/// test on, the same ones for every seed.
struct PassagePages: Sendable {
  struct Passage: Sendable {
    let docno: String
    let text: String
    /// Number of the page.
    let page: Int
  }

  /// In the order of the collection.
  let pages: [String]
  private(set) var training: [Passage] = []
  private(set) var development: [Passage] = []
  private(set) var test: [Passage] = []

  /// - Parameters:
  ///   - count: Pages, taken evenly from those with enough passages.
  ///   - perPage: Passages of each, at least 10.
  /// - Throws: ``StudyError/missingData(study:what:searched:)`` for a collection with fewer such pages.
  init(collection: String, pages count: Int, perPage: Int, study: String, home: DataHome) throws {
    let corpus = try CollectionCatalog(home: home).locate(collection).corpus
    var names: [String] = []
    var documents: [String: [Document]] = [:]
    try CorpusReader(path: corpus).forEach { document in
      guard let end = document.docno.lastIndex(of: "-") else { return }
      let page = String(document.docno[..<end])
      if documents[page] == nil { names.append(page) }
      documents[page, default: []].append(document)
    }
    let large = names.filter { (documents[$0]?.count ?? 0) >= perPage }
    guard large.count >= count else {
      let what = "\(count) pages of \(perPage) passages (there are \(large.count)), docnos as PAGE-NUMBER"
      throw StudyError.missingData(study: study, what: what, searched: [corpus])
    }
    pages = (0..<count).map { large[$0 * large.count / count] }
    let generator = SeededGenerator(seed: 0)
    for (number, page) in pages.enumerated() {
      let own = documents[page] ?? []
      var stream = generator.stream(page)
      let chosen = stream.permutation(own.count).prefix(perPage).map { place in
        Passage(docno: own[place].docno, text: own[place].contents, page: number)
      }
      let (first, second) = (perPage / 2, perPage / 2 + perPage / 5)
      training += chosen[..<first]
      development += chosen[first..<second]
      test += chosen[second...]
    }
  }

  var all: [Passage] { training + development + test }
}
