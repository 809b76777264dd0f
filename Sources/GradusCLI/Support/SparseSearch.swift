import ArgumentParser
import Gradus

/// How queries become weighted terms of an impact index.
enum SparseQueryEncoding: String, ExpressibleByArgument, CaseIterable {
  /// The model's weights of the query's words and others.
  case splade
  /// The query's tokens, each weighted by how often it occurs.
  case tokens
  /// The same of words.
  case words
  /// The topics are weighted already.
  case vectors
}

/// An impact index with what its queries need.
struct SparseSearch {
  let index: ImpactIndex
  let encoding: SparseQueryEncoding
  private let encoder: any SparseQueryEncoder
  /// Where given, only these documents are retrieved.
  let filter: DocumentSet?

  /// - Parameters:
  ///   - encoding: Nil for what the index was made for.
  ///   - model: Of the queries; nil for the one that made the index.
  ///   - topics: A file of weighted queries, for `vectors`.
  ///   - filter: As `--filter` has it.
  init(
    index path: String, encoding given: SparseQueryEncoding?, model: String?, topics: String? = nil, filter: String? = nil
  ) throws {
    let index = try ImpactIndex(path: path)
    self.index = index
    self.filter = try filter.map { text throws in try index.documents(matching: MetadataFilter(parsing: text)) }
    let encoding: SparseQueryEncoding
    switch (given, index.configuration.method) {
    case (let given?, _): encoding = given
    case (nil, .splade): encoding = .splade
    case (nil, .tildev2): encoding = .tokens
    case (nil, .imported):
      throw UsageError(
        "\(path) was imported and does not say how queries become terms: give --query-encoder words or vectors, or tokens or "
          + "splade with --encoder MODEL")
    }
    self.encoding = encoding
    switch encoding {
    case .splade:
      let (folder, _) = try Self.folder(of: index, model)
      encoder = SpladeQueryEncoder(try SpladeEncoder(folder: folder))
    case .tokens:
      let (folder, _) = try Self.folder(of: index, model)
      let tokenizer = try folder.tokenizer()
      let isTILDE = index.configuration.method == .tildev2
      encoder = TokenQueryEncoder(
        tokenizer: tokenizer, stops: isTILDE ? StopTokens(tokenizer).matching : [],
        maximumTokens: (index.configuration.maximumQueryTokens ?? Int.max) - 2)
    case .words:
      try Self.refuse(model, encoding)
      encoder = WordQueryEncoder()
    case .vectors:
      try Self.refuse(model, encoding)
      guard let topics else { throw UsageError("--query-encoder vectors reads weighted queries; give them as --topics FILE") }
      var vectors: [String: [WeightedTerm]] = [:]
      let reader = try SparseVectorReader(path: topics)
      while let record = try reader.next() {
        vectors[record.name] = record.terms.map { WeightedTerm($0.term, weight: $0.weight) }
      }
      encoder = StoredQueryEncoder(vectors)
    }
  }

  /// The queries of a topics argument; of weighted ones only the names.
  static func queries(
    _ topics: String, encoding: SparseQueryEncoding, split: String?, field: TopicField
  ) throws -> [Query] {
    guard encoding == .vectors else { return try InputNames.queries(topics, split: split, field: field) }
    guard split == nil else { throw UsageError("--split needs a collection; --query-encoder vectors reads a file") }
    let reader = try SparseVectorReader(path: topics)
    var queries: [Query] = []
    while let record = try reader.next() { queries.append(Query(qid: record.name, text: record.content)) }
    return queries
  }

  private static func folder(of index: ImpactIndex, _ model: String?) throws -> (folder: ModelFolder, name: String) {
    guard let name = model ?? index.configuration.vocabulary?.name else {
      throw UsageError("\(index.path) does not say which model made its terms; give --encoder MODEL")
    }
    let isTrained = TILDEv2.isPresent(in: ModelFolder(path: name))
    let folder = ModelFolder(path: isTrained ? name : try InputNames.model(name).folder)
    try index.requireVocabulary(of: folder, name: name)
    return (folder, name)
  }

  private static func refuse(_ model: String?, _ encoding: SparseQueryEncoding) throws {
    if model != nil { throw UsageError("--encoder has no meaning with --query-encoder \(encoding.rawValue)") }
  }

  /// The retriever by name, as summaries show it.
  var description: String { "impacts(\(index.configuration.method.rawValue), queries: \(encoding.rawValue))" }

  var retriever: ImpactRetriever { ImpactRetriever(index: index, encoder: encoder, filter: filter) }

  func terms(of queries: [Query]) throws -> [[WeightedTerm]] { try encoder.terms(of: queries) }

  func answers(_ query: String, k: Int, isExplained: Bool) throws -> Answers {
    let terms = try terms(of: [Query(qid: "1", text: query)])[0]
    let result = try index.search(terms, k: k, filter: filter)
    return Answers(
      query: query, model: description, unknown_terms: result.unknownTerms,
      query_terms: isExplained ? terms.map { Answers.Weight(term: $0.term, weight: $0.weight) } : nil,
      documents: try StoredHit.hits(result.documents) {
        try index.document(docno: $0)
      } explanation: {
        isExplained ? try explanation(of: $0, terms) : nil
      })
  }

  private func explanation(of docno: String, _ terms: [WeightedTerm]) throws -> [StoredHit.Term] {
    try index.explain(terms, docno: docno).terms.filter { $0.impact > 0 }.sorted { $0.contribution > $1.contribution }.map {
      StoredHit.Term(
        term: $0.term, query_weight: $0.queryWeight, document_weight: $0.documentWeight, contribution: $0.contribution)
    }
  }

  /// Names are those of the JSON object.
  struct Answers: Encodable {
    struct Weight: Encodable {
      let term: String
      let weight: Double
    }

    let query: String
    let model: String
    let unknown_terms: [String]
    let query_terms: [Weight]?
    let documents: [StoredHit]

    func text(_ terminal: Terminal, isFiltered: Bool) -> String {
      guard !documents.isEmpty else {
        return "No answer: no document \(isFiltered ? "that passes the filter " : "")holds any of the query's terms.\n"
      }
      return documents.map { $0.text(terminal) }.joined()
    }
  }
}
