import GradusCore
@testable import GradusIndex
import GradusText
import Testing

/// Whether an index that was changed by and by, or put in another order, is to its users the one that was built at once from the
/// same documents.
struct IndexComparison {
  let changed: InvertedIndex
  let once: InvertedIndex
  /// Whether documents must have the same numbers, too.
  var hasSameNumbers = true
  var queries = RandomCollection.queries(8, terms: 5, vocabulary: 70, seed: 99) + ["w1 title", "unknown words"]

  func documentsAndCounts() throws {
    #expect(changed.statistics == once.statistics)
    var met: Set<DocIndex> = []
    for number in 0..<once.statistics.documents {
      let other = DocIndex(number)
      let docno = try once.docno(other)
      let doc = try #require(try changed.docIndex(of: docno))
      if hasSameNumbers { #expect(doc == other) }
      met.insert(doc)
      #expect(try changed.docno(doc) == docno)
      #expect(try changed.length(doc) == once.length(other))
      #expect(try changed.document(doc) == once.document(other))
    }
    #expect(met.count == once.statistics.documents)
    for word in (0..<70).map({ "w\($0)" }) {
      #expect(try changed.documentFrequency(of: word) == once.documentFrequency(of: word), "\(word)")
      #expect(try changed.collectionFrequency(of: word) == once.collectionFrequency(of: word), "\(word)")
    }
  }

  func searches(models: [String]) throws {
    var filter = DocumentSet(documents: once.statistics.documents)
    var changedFilter = filter
    for number in stride(from: 0, to: once.statistics.documents, by: 3) {
      filter.insert(DocIndex(number))
      changedFilter.insert(try #require(try changed.docIndex(of: once.docno(DocIndex(number)))))
    }
    let docnos = try stride(from: 0, to: once.statistics.documents, by: 7).map { try once.docno(DocIndex($0)) }
    for name in models {
      let model = try WeightingModels.parse(name)
      for query in queries {
        for k in [1, 10, 1000] {
          for pruning in Pruning.allCases {
            #expect(
              try changed.search(query, k: k, model: model, pruning: pruning)
                == once.search(query, k: k, model: model, pruning: pruning), "\(name), '\(query)', \(k), \(pruning)")
          }
        }
        #expect(
          try changed.search(query, k: 10, model: model, filter: changedFilter)
            == once.search(query, k: 10, model: model, filter: filter), "\(name), '\(query)'")
        #expect(try changed.score(query, docnos: docnos, model: model) == once.score(query, docnos: docnos, model: model))
        let docno = docnos[docnos.count / 2]
        #expect(
          try changed.explain(query, docno: docno, model: model) == once.explain(query, docno: docno, model: model))
      }
    }
  }

  func phrasesAndFilters() throws {
    let boolean = try ["\"w0 w1\" w2", "+w1 -w0 w3", "+\"w0 w2\"~3", "w1 \"w0 w1\"~u4", "-\"w1 w0\" w0"].map {
      try BooleanQuery(parsing: $0)
    }
    for query in boolean {
      #expect(try changed.search(query, k: 40) == once.search(query, k: 40), "\(query)")
    }
    for query in queries {
      #expect(
        try changed.search(query, dependence: SequentialDependence(), k: 20)
          == once.search(query, dependence: SequentialDependence(), k: 20))
    }
    for text in ["kind=even", "kind!=even", "year>=1995 year<2003", "kind=odd|even year=1999"] {
      let filter = try MetadataFilter(parsing: text)
      let (here, there) = (try changed.documents(matching: filter), try once.documents(matching: filter))
      #expect(hasSameNumbers ? here == there : here.count == there.count, "\(text)")
      for query in queries {
        #expect(
          try changed.search(query, k: 25, filter: here) == once.search(query, k: 25, filter: there), "\(text), '\(query)'")
      }
    }
  }

  func all(models: [String]) throws {
    try documentsAndCounts()
    try searches(models: models)
    try phrasesAndFilters()
  }
}

/// A collection that is changed, with what it should be by now.
struct ChangingCollection {
  static let columns = [MetadataColumn("kind", .keyword), MetadataColumn("year", .date)]

  let writer: IndexWriter
  private let fields: IndexFields?
  /// Live documents in the order in which an index built at once has them.
  private(set) var live: [Document]

  /// Builds an index of the first documents.
  init(_ documents: [Document], in folder: String, positions: Bool = true, fields: IndexFields? = nil) throws {
    _ = try RandomCollection.build(documents, in: folder, positions: positions, columns: Self.columns, fields: fields)
    self.fields = fields
    writer = try IndexWriter(updating: folder, threads: 2)
    live = documents
  }

  mutating func add(_ documents: some Sequence<Document>) throws {
    for document in documents {
      try writer.add(document)
      live.append(document)
    }
  }

  mutating func update(_ document: Document) throws {
    #expect(try writer.update(document) == live.contains(where: { $0.docno == document.docno }))
    live.removeAll { $0.docno == document.docno }
    live.append(document)
  }

  mutating func delete(_ docno: String) throws {
    try writer.delete(docno: docno)
    live.removeAll { $0.docno == docno }
  }

  func once(in folder: String, positions: Bool = true) throws -> InvertedIndex {
    try RandomCollection.build(live, in: folder, positions: positions, columns: Self.columns, fields: fields)
  }

  /// Documents with metadata, many of them of the same words, so that there are ties.
  static func documents(_ count: Int, seed: UInt64) -> [Document] {
    let documents = RandomCollection.documents(count, words: 9, vocabulary: 60, seed: seed)
    return documents.enumerated().map { number, document in
      let twin = number % 4 == 1 ? documents[number - 1] : document
      var metadata = ["kind": number % 2 == 0 ? "even" : "odd"]
      if number % 5 != 0 { metadata["year"] = "\(1990 + number % 20)" }
      return Document(docno: document.docno, title: twin.title, text: twin.text, metadata: metadata)
    }
  }
}
