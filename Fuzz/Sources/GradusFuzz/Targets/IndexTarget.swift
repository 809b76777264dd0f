import Foundation
import GradusCore
@testable import GradusIndex
import GradusText

extension FuzzTarget {
  /// All files of an index of words: postings, documents, positions, columns, fields and deletions.
  static let index = FuzzTarget("index", maximumBytes: 2000, dictionary: "config") {
    original.seeds
  } run: { input in
    guard let path = original.write("index", changedBy: input) else { return }
    let index = try InvertedIndex(path: path)
    for query in ["w0 w1 w2", "w3", "w1 w1 w9 w11 w40", "title"] {
      attempt { for document in try index.search(query, k: 5).documents { _ = try index.document(docno: document.docno) } }
      attempt { _ = try index.search(query, k: 1000, pruning: .exhaustive) }
      attempt { _ = try index.search(query, k: 5, model: BM25F(fields: [.init("title", weight: 3)])) }
      attempt { _ = try index.search(query, dependence: SequentialDependence(), k: 5) }
      attempt { _ = try index.explain(query, docno: "d7919") }
      attempt { _ = try index.score(query, docnos: ["d7919", "d0", "none"]) }
    }
    attempt { _ = try index.search(BooleanQuery(parsing: "+\"w0 w1\" w2 -w9 \"w1 w3\"~4"), k: 9) }
    for filter in ["n>=20", "kind=even", "day=2001|2003 kind!=odd"] {
      attempt {
        let allowed = try index.documents(matching: MetadataFilter(parsing: filter))
        _ = try index.search("w0 w4", k: 5, filter: allowed)
      }
    }
    for number in 0..<min(index.statistics.documents, 300) {
      attempt { _ = try index.document(DocIndex(number)) }
      attempt { _ = try index.docIndex(of: try index.docno(DocIndex(number))) }
      attempt { _ = try index.length(DocIndex(number)) }
    }
    attempt { try index.verify() }
  }

  /// 200 short documents: some terms have blocks of postings, some a few. Two are deleted.
  private static let original = ChangedIndex("index") { path in
    var generator = SeededGenerator(seed: 5)
    let analyzer = AnalyzerConfiguration(language: "none", tokenization: .wordCharacters, minimumTokenLength: 1)
    let builder = try IndexBuilder(
      directory: path, analyzer: analyzer, threads: 1, positions: true, columns: FuzzMetadata.columns, fields: .standard)
    for number in 0..<200 {
      let words = (0..<8).map { _ in "w\(Int(45 * pow(generator.uniform(), 3)))" }.joined(separator: " ")
      try builder.add(
        Document(
          docno: "d\(number * 7919 % 1_000_003)", title: number % 3 == 0 ? "title" : "", text: words,
          metadata: FuzzMetadata.of(number)))
    }
    _ = try builder.finish()
    let writer = try IndexWriter(updating: path, threads: 1)
    for number in [3, 150] { try writer.delete(docno: "d\(number * 7919 % 1_000_003)") }
    _ = try writer.commit()
    writer.close()
  }
}

/// Metadata of all kinds of columns.
enum FuzzMetadata {
  static let columns = [MetadataColumn("n", .number), MetadataColumn("kind", .keyword), MetadataColumn("day", .date)]

  static func of(_ number: Int) -> [String: String] {
    ["n": "\(number)", "kind": number % 2 == 0 ? "even" : "odd", "day": "200\(number % 10)-01-0\(1 + number % 9)"]
  }
}
