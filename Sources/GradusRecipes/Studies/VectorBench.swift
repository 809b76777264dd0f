import GradusCore
import GradusData
import GradusEval
import GradusFormats
import GradusIndex
import GradusModels
import GradusTensor
import GradusTrain

/// A text collection with a vector of a frozen encoder for each query and document: where studies train rankers in seconds.
///
/// The vectors are computed once (``TextVectors``).
struct VectorBench {
  let data: TrainingData
  /// Of all judged queries, and of the titles of documents where a study asks for them (`title:DOCNO`).
  let queries: VectorTable
  let documents: VectorTable
  /// All documents, in the collection's order.
  let docnos: [String]

  /// - Parameters:
  ///   - titles: Whether titles of documents have vectors among the queries'.
  ///   - droppedWords: Where above 0, training queries also have vectors without this share of their words, always the same
  ///     ones (`strong:QID`).
  init(collection: String, model: String, titles: Bool = false, droppedWords: Double = 0, home: DataHome) throws {
    let collection = try CollectionCatalog(home: home).locate(collection)
    let encoder = try TextVectors(model: model, home: home)
    let data = try TrainingData(collection, home: home)
    self.data = data
    var texts: [(name: String, text: String)] = []
    var titleTexts: [(name: String, text: String)] = []
    try CorpusReader(path: collection.corpus).forEach { document in
      texts.append((document.docno, document.contents))
      if titles, !document.title.isEmpty { titleTexts.append(("title:" + document.docno, document.title)) }
    }
    docnos = texts.map(\.name)
    var qids: [String] = []
    for split in collection.splits { qids += try data.qrels(split).qids }
    qids += data.dev.qids
    let queryTexts: [(name: String, text: String)] = try Set(qids).sorted().map { ($0, try data.query($0).text) }
    let dropper = SeededGenerator(seed: 0)
    let strongTexts = droppedWords == 0 ? [] : try data.train.qids.enumerated().map {
      number, qid -> (name: String, text: String) in
      let words = try data.query(qid).text.split(separator: " ")
      var stream = dropper.stream("dropped words", number)
      // One word at least stays, in its place.
      let count = max(1, words.count - Int((droppedWords * Double(words.count)).rounded()))
      let kept = stream.permutation(words.count).prefix(count).sorted()
      return ("strong:" + qid, kept.map { String(words[$0]) }.joined(separator: " "))
    }
    documents = VectorTable(try encoder.vectors(texts))
    queries = VectorTable(
      try [queryTexts, titleTexts, strongTexts].map(encoder.vectors).reduce(into: [:]) { $0.merge($1) { first, _ in first } })
  }

  /// BM25's candidates of judged queries, with their texts.
  func groups(_ qrels: Qrels, depth: Int) throws -> [CandidateGroup] {
    try data.groups(try data.run(qrels, model: BM25(), depth: depth), qrels: qrels)
  }

  /// Training pairs of a query and a document of at least `grade`, by qid and docno.
  func positives(grade: Int) -> [(qid: String, docno: String)] {
    data.train.qids.flatMap { qid in data.train.relevant(qid: qid, minimumGrade: grade).map { (qid, $0) } }
  }

  /// Documents that a training query is judged relevant for.
  var relevant: [String: Set<String>] {
    Dictionary(uniqueKeysWithValues: data.train.qids.map { qid in
      (qid, Set(data.train.relevant(qid: qid)))
    })
  }
}

extension [CandidateGroup] {
  /// A measure of each query after re-ranking by a scorer.
  func values(_ scorer: any PairScorer, qrels: Qrels, measure: MeasureSpecification) throws -> [Double] {
    let pairs = flatMap { group in group.candidates.map { ScoringPair(query: group.query, document: $0.document) } }
    var scores = try scorer.rankingScores(pairs, maximumTokens: 1 << 14).map(\.score)[...]
    let run = Run(name: "re-ranked", rankings: map { group in
      let own = scores.prefix(group.candidates.count)
      scores = scores.dropFirst(group.candidates.count)
      return Ranking(qid: group.query.qid, documents: zip(group.candidates, own).map {
        ScoredDocument(docno: $0.document.docno, score: $1)
      })
    })
    let judged = qrels.restricted(to: Set(self.map(\.query.qid)))
    let evaluation = try evaluate(qrels: judged, run: run, measures: [measure])
    let byQid = Dictionary(uniqueKeysWithValues: zip(evaluation.qids, evaluation.values[0]))
    return self.map { byQid[$0.query.qid] ?? 0 }
  }
}
