import Foundation
import GradusCore
import GradusFormats
@testable import GradusIndex
import GradusRank
import GradusTensor
import GradusText

extension FuzzTarget {
  /// Every syntax of queries, filters, retrieval models, feedback, fusion, columns and fields.
  static let queries = FuzzTarget("queries", maximumBytes: 200, dictionary: "queries") {
    [
      "w0 w1 w2", "+\"w0 w1\" -w2 w3 \"w1 w4\"~5 \"w2 w0\"~u3", "lang=en|de price>=10 day<2001-02 kind!=\"a b\"",
      "bm25f(k1=1.2,title=3,title.b=0.5)", "ql-dirichlet(mu=20)", "pl2(c=7)", "in_expb2", "rm3(docs=5,terms=10,weight=0.5)",
      "rocchio(docs=3,alpha=0.4,beta=0.6)", "ance-prf(docs=2)", "rrf(k=60)", "combgmnz(gamma=2)", "minmax", "zscore",
      "year:date,lang:keyword,price:number", "title,text,keywords", "truncated(tolerance=0.01)",
    ].map { Array($0.utf8) }
  } run: { input in
    let text = String(decoding: input, as: UTF8.self)
    let index = searched.index
    for syntax in QuerySyntax.allCases {
      attempt { _ = try index.search(text, syntax: syntax, k: 5) }
      attempt { _ = try index.explain(text, syntax: syntax, docno: "d1") }
    }
    attempt { _ = try index.search("w0 w1", k: 5, filter: index.documents(matching: MetadataFilter(parsing: text))) }
    attempt { _ = try MetadataFilter(parsing: text).matches(FuzzMetadata.of(7)) }
    attempt {
      let model = try WeightingModels.parse(text)
      // What is printed reads back as the same model.
      let again = try WeightingModels.parse(model.description)
      precondition(again.description == model.description, "\(model.description)")
      _ = try index.search("w0 w3 w11", k: 5, model: model)
    }
    attempt { _ = try RelevanceFeedbackMethods.parse(text) }
    attempt { _ = try VectorFeedbackMethod(parsing: text) }
    attempt {
      let method = try FusionMethod(parsing: text)
      precondition(try! FusionMethod(parsing: method.description) == method, "\(method.description)")
    }
    attempt { _ = try ScoreNormalization(parsing: text) }
    attempt { _ = try PseudoInverse(parsing: text) }
    attempt { _ = try MetadataColumn.parse(text) }
    attempt { _ = try IndexFields(parsing: text) }
  }

  /// An index that stays as it is.
  private final class Searched: Sendable {
    let index: InvertedIndex

    init() {
      let path = "\(Workplace.folder)/searched"
      do {
        let analyzer = AnalyzerConfiguration(language: "none", tokenization: .wordCharacters, minimumTokenLength: 1)
        let builder = try IndexBuilder(
          directory: path, analyzer: analyzer, threads: 1, positions: true, columns: FuzzMetadata.columns, fields: .standard)
        for number in 0..<40 {
          let words = (0..<12).map { "w\((number * $0 + number / 3) % 13)" }.joined(separator: " ")
          try builder.add(Document(docno: "d\(number)", title: "w\(number % 5)", text: words, metadata: FuzzMetadata.of(number)))
        }
        _ = try builder.finish()
        index = try InvertedIndex(path: path)
      } catch {
        fatalError("the index to be searched cannot be made: \(error)")
      }
    }
  }

  private static let searched = Searched()

  /// Indexes of other programs, and weights of terms: CIFF and JSON lines.
  static let exchange = FuzzTarget("exchange", maximumBytes: 2048) {
    let file = "\(Workplace.folder)/exchange.ciff"
    try searched.index.exportCIFF(to: file, text: "seed")
    return [
      Array(try Workplace.repository(file).prefix(2000)),
      Array(#"{"id": "d1", "content": "x", "vector": {"heat": 1.4, "flow": 0.7}}"#.utf8),
      Array("{\"id\": 2, \"vector\": {\"a\": 1e-3}}\n{\"id\": \"3\", \"vector\": {}}\n".utf8),
    ]
  } run: { input in
    let ciff = Workplace.write(input, "input.ciff"), lines = Workplace.write(input, "input.jsonl")
    attempt {
      let folder = "\(Workplace.folder)/imported"
      let analyzer = AnalyzerConfiguration(language: "none", tokenization: .wordCharacters, minimumTokenLength: 1)
      try IndexBuilder.importCIFF(ciff, to: folder, analyzer: analyzer)
      _ = try InvertedIndex(path: folder).search("w0 w1", k: 5)
    }
    attempt {
      let reader = try SparseVectorReader(path: lines)
      while try reader.next() != nil {}
    }
  }
}
