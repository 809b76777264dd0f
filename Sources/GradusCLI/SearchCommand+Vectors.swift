#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import Gradus

extension SearchCommand {
  /// Searches the index if it is one of vectors.
  ///
  /// - Returns: False where it is another, for which no option about vectors was given.
  func searchesVectors() throws -> Bool {
    if VectorIndex.isPresent(at: index) {
      guard !tokens.isGiven else {
        throw UsageError("\(index) has one vector a document: --nprobe, --ndocs and --centroid-threshold are about token vectors")
      }
      try searchVectors()
      return true
    }
    if TokenIndex.isPresent(at: index) {
      try searchTokens()
      return true
    }
    guard !vectors.isGiven, !tokens.isGiven else {
      guard InputNames.exists(index) else { throw FileError(.open, path: index, code: ENOENT) }
      throw UsageError("\(index) is no vector index: its options (--encoder, --exact and others) have no meaning for it")
    }
    return false
  }

  private func refuseTerms() throws {
    guard !explain, syntax == .words else {
      throw UsageError("\(index) is a vector index: --explain and --syntax are about terms, which it has none of")
    }
  }

  private func searchVectors() throws {
    try refuseTerms()
    let search = try DenseSearch(index: index, vectors, feedback: feedback, filter: filter)
    if let query {
      let answers = try search.answers(query, k: depth ?? 10)
      return try output.json ? printJSON(answers) : printOutput(answers.text(.standardOutput))
    }
    try answerTopics(search.description, feedback: search.feedback?.description) {
      zip($0, try search.retriever.search($0, depth: $1)).map { $1.ranking(qid: $0.qid) }
    }
  }

  private func searchTokens() throws {
    try refuseTerms()
    guard feedback == nil, vectors.efSearch == nil, vectors.vectorFeedback == nil else {
      throw UsageError("\(index) holds token vectors, which know no graph and no feedback: leave --efSearch and --feedback out")
    }
    let search = try TokenSearch(index: index, vectors, tokens, filter: filter, depth: depth ?? (query == nil ? 1000 : 10))
    if let query {
      let answers = try search.answers(query, k: depth ?? 10)
      return try output.json ? printJSON(answers) : printOutput(answers.text(.standardOutput))
    }
    try answerTopics(search.description, feedback: nil) { try search.retriever.retrieve($0, depth: $1) }
  }

  /// Writes the run of the topics, and a summary where it is asked for.
  private func answerTopics(
    _ model: String, feedback: String?, _ retrieve: ([Query], Int) throws -> [Ranking]
  ) throws {
    guard let topics else { return }
    let queries = try InputNames.queries(topics, split: split, field: field)
    var rankings: [Ranking] = []
    let elapsed = try seconds { rankings = try retrieve(queries, depth ?? 1000) }
    try TrecRunWriter.write(Run(name: tag ?? "gradus-dense", rankings: rankings), to: out ?? "-")
    guard output.json else { return }
    try printJSON(
      Summary(
        index: index, out: out ?? "-", model: model, feedback: feedback, queries: queries.count,
        retrieved: rankings.reduce(0) { $0 + $1.documents.count },
        without_candidates: rankings.filter(\.documents.isEmpty).map(\.qid), seconds: elapsed))
  }
}
