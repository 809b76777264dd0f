import GradusCore
import GradusData
import GradusFormats
import GradusIndex
import GradusRank
import GradusTrain

/// A collection as a training sees it: texts, first stage, and the judgements of the queries that may be looked at.
///
///     let data = try TrainingData(try CollectionCatalog().locate("faq"))
///     let candidates = try data.run(data.train, model: BM25(), depth: 100)
///
/// Training queries that are also judged in another split are left out of `train`; without a `dev` split a fifth of the
/// training queries, at most 200, is held out for it, always the same ones.
public struct TrainingData: Sendable {
  public let collection: TestCollection
  public let index: InvertedIndex
  /// Judgements of the queries that are trained on.
  public let train: Qrels
  /// Judgements of the queries that choose: the best epoch, the end of a curriculum, the first stage's weight.
  public let dev: Qrels
  /// Whether `dev` was taken from the training queries.
  public let isDevHeldOut: Bool
  /// SHA-256 of the files, by what they hold.
  public let digests: [String: String]
  private let queries: [String: Query]

  static let mostHeldOut = 200

  /// - Throws: ``TrainingDataError``; the readers' errors.
  public init(_ collection: TestCollection, home: DataHome = .current, showsProgress: Bool? = nil) throws {
    guard let topics = collection.queries, collection.qrels["train"] != nil else {
      throw TrainingDataError.nothingToTrainOn(collection: collection.folder, splits: collection.splits)
    }
    self.collection = collection
    var digests = ["corpus": try FileDigest.sha256(collection.corpus), "queries": try FileDigest.sha256(topics)]
    let read = try TopicsReader.read(topics)
    queries = Dictionary(read.map { ($0.qid, $0) }, uniquingKeysWith: { first, _ in first })
    var train = try QrelsReader.read(try collection.qrels("train"))
    var others: Set<String> = []
    for split in collection.splits {
      digests["qrels-" + split] = try FileDigest.sha256(try collection.qrels(split))
      if split != "train" { others.formUnion(try QrelsReader.read(try collection.qrels(split)).qids) }
    }
    train = train.restricted(to: Set(train.qids).subtracting(others))
    isDevHeldOut = collection.qrels["dev"] == nil
    if isDevHeldOut {
      let count = min(Self.mostHeldOut, train.qids.count / 5)
      var generator = SeededGenerator(seed: 0).stream("held out for development")
      let chosen = Set(generator.permutation(train.qids.count).prefix(count).map { train.qids[$0] })
      dev = train.restricted(to: chosen)
      train = train.restricted(to: Set(train.qids).subtracting(chosen))
    } else {
      dev = try QrelsReader.read(try collection.qrels("dev"))
    }
    guard !train.qids.isEmpty, !dev.qids.isEmpty else {
      throw TrainingDataError.tooFewQueries(collection: collection.folder, train: train.qids.count, dev: dev.qids.count)
    }
    self.train = train
    self.digests = digests
    index = try FirstStageIndex.open(
      corpus: collection.corpus, digest: digests["corpus"] ?? "", home: home, showsProgress: showsProgress)
  }

  /// Judgements of any split, for evaluation.
  public func qrels(_ split: String) throws -> Qrels { try QrelsReader.read(try collection.qrels(split)) }

  /// The first stage's candidates of all queries of `qrels`; queries for which it finds nothing are left out.
  public func run(_ qrels: Qrels, model: BM25, depth: Int) throws -> Run {
    let found = try LexicalRetriever(index: index, model: model).retrieve(try qrels.qids.map(query), depth: depth)
    return Run(name: "bm25", rankings: found.filter { !$0.documents.isEmpty })
  }

  /// The candidates with their texts and labels.
  public func groups(_ run: Run, qrels: Qrels) throws -> [CandidateGroup] {
    try run.candidateGroups(
      queries: try run.qids.map(query), depth: .max, qrels: qrels, document: index.document(docno:))
  }

  /// `qrels` of at most `count` queries, taken evenly; nil for all of them.
  public static func evenly(_ qrels: Qrels, _ count: Int?) -> Qrels {
    guard let count, count < qrels.qids.count else { return qrels }
    return qrels.restricted(to: Set((0..<count).map { qrels.qids[$0 * qrels.qids.count / count] }))
  }
}

extension TrainingData: TrainingTexts {
  public func query(_ qid: String) throws -> Query {
    guard let query = queries[qid] else { throw TrainingError.unknownQuery(qid: qid) }
    return query
  }

  public func document(_ docno: String) throws -> Document {
    guard let document = try index.document(docno: docno) else { throw TrainingError.unknownDocument(docno: docno) }
    return document
  }
}

/// A collection that nothing can be trained on.
public enum TrainingDataError: GradusError, Equatable {
  case nothingToTrainOn(collection: String, splits: [String])
  case tooFewQueries(collection: String, train: Int, dev: Int)

  public var failureKind: FailureKind { .badData }

  public var description: String {
    switch self {
    case .nothingToTrainOn(let collection, let splits):
      "\(collection): training needs queries.jsonl and qrels/train.tsv; the collection has "
        + (splits.isEmpty ? "no judgements" : "judgements for \(splits.joined(separator: ", ")) only")
    case .tooFewQueries(let collection, let train, let dev):
      "\(collection): \(train) training and \(dev) development queries; both are needed (five judged training queries do)"
    }
  }
}
