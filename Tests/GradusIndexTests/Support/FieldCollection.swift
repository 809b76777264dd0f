import Foundation
import GradusCore
import GradusIndex
import GradusText

/// Random documents with a title and an attribute `notes`, of the words of ``RandomCollection``.
enum FieldCollection {
  /// Title, text and notes.
  static let fields = Result { try IndexFields(metadata: ["notes"]) }

  static func documents(_ count: Int, words: Int, vocabulary: Int, seed: UInt64) -> [Document] {
    let texts = RandomCollection.documents(count, words: words, vocabulary: vocabulary, seed: seed)
    let titles = RandomCollection.documents(count, words: 2, vocabulary: vocabulary, seed: seed + 1000)
    let notes = RandomCollection.documents(count, words: 4, vocabulary: vocabulary, seed: seed + 2000)
    return texts.indices.map { number in
      // Every seventh is one of the documents before it under another name: equal scores must go by name.
      let source = number % 7 == 6 ? number - 3 : number
      return Document(
        docno: texts[number].docno, title: titles[source].text, text: texts[source].text,
        metadata: source % 3 == 0 ? [:] : ["notes": notes[source].text, "source": "w1 w2"])
    }
  }

  @discardableResult
  static func build(
    _ documents: [Document], in folder: String, memoryBudgetBytes: Int = 64 << 20, threads: Int = 2, positions: Bool = false
  ) throws -> InvertedIndex {
    try RandomCollection.build(
      documents, in: folder, memoryBudgetBytes: memoryBudgetBytes, threads: threads, positions: positions, fields: fields.get())
  }

  /// A collection of several windows and many blocks, built once for all tests that only read it.
  static let large = Result<InvertedIndex, any Error> {
    let folder = try TemporaryFolder()
    return try build(documents(20_000, words: 10, vocabulary: 2000, seed: 71), in: folder.path("idx"))
  }

  static let models = [
    "bm25f", "bm25f(k1=1.2,title=3,title.b=0.5,text=1,text.b=0.75,notes=0.3)", "bm25f(k1=0,title=2)",
    "bm25f(k1=2.5,b=1,title=8,notes.b=0)", "bm25f(title=0,notes=5,notes.b=0.9)",
  ]
}

/// BM25F by the book, on dictionaries: what the index must agree with.
struct FieldBruteForce {
  /// By document and field.
  private var frequencies: [[[String: Int]]] = []
  private var lengths: [[Int]] = []
  private let docnos: [String]
  private let names: [String]
  private let analyzer: Analyzer

  init(_ documents: [Document], fields: IndexFields) throws {
    analyzer = try Analyzer(RandomCollection.analyzer)
    names = fields.names
    docnos = documents.map(\.docno)
    for document in documents {
      let terms = names.map { name in
        analyzer.terms(name == "title" ? document.title : name == "text" ? document.text : document.metadata[name] ?? "")
      }
      lengths.append(terms.map(\.count))
      frequencies.append(terms.map { $0.reduce(into: [:]) { $0[$1, default: 0] += 1 } })
    }
  }

  /// The k best.
  func search(_ query: String, k: Int, _ model: BM25F) -> [ScoredDocument] {
    let count = Double(docnos.count)
    let averages = names.indices.map { place in Double(lengths.reduce(0) { $0 + $1[place] }) / count }
    var scores = [Double](repeating: 0, count: docnos.count)
    for (term, terms) in Dictionary(grouping: analyzer.terms(query), by: { $0 }).sorted(by: { $0.key < $1.key }) {
      let df = Double(frequencies.count { $0.contains { $0[term] != nil } })
      let weight = Double(terms.count) * log(1 + (count - df + 0.5) / (df + 0.5))
      for doc in docnos.indices {
        var sum = 0.0
        for (place, name) in names.enumerated() {
          guard let tf = frequencies[doc][place][term] else { continue }
          let field = model.fields.first { $0.name == name } ?? .init(name)
          let b = field.b ?? model.b
          sum += field.weight * Double(tf) / (1 - b + b * Double(lengths[doc][place]) / averages[place])
        }
        if sum > 0 { scores[doc] += weight * sum / (model.k1 + sum) }
      }
    }
    let hits = docnos.indices.filter { scores[$0] > 0 }.map { ScoredDocument(docno: docnos[$0], score: scores[$0]) }
    return Array(hits.sorted(by: ScoredDocument.precedes).prefix(k))
  }
}
