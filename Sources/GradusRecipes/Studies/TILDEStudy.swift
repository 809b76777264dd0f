#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusData
import GradusEval
import GradusFormats
import GradusIndex
import GradusModels
import GradusRank

/// Re-ranking by the stored token weights of TILDEv2, with and without expanded passages: the test of ``TILDEv2``.
///
/// The model is trained, all passages of the collection are indexed with 8-bit weights, and BM25's candidates of the test queries
/// are re-ranked from the index, without a network.
public enum TILDEStudy: Study {
  public static let name = "token-weights"
  public static let summary = "re-ranking by stored weights of passages' tokens (TILDEv2)"
  public static let items = "test queries"
  public static let settings = [
    StudySetting("data", .text, default: "scifact", "collection with training queries"),
    StudySetting("model", .text, default: "splade-tiny", "encoder with a masked-language-model head to start from"),
    StudySetting("method", .choice(["bm25", "tildev2"]), default: "tildev2", "who orders the candidates"),
    StudySetting(
      "first-stage", .choice(["left-out", "added"]), default: "left-out",
      "whether BM25's score is added, with the weight that is best on the development queries"),
    StudySetting("expansion", .count(least: 0), default: "0", "entries of the vocabulary that passages are expanded from"),
    StudySetting(
      "reading", .choice(TILDE.Reading.allCases.map(\.rawValue)), default: "largest",
      "where the expander reads logits: at the first position, trained for it, or the largest of all, as they are"),
    StudySetting(
      "likelihood-epochs", .count(least: 0), default: "10", "epochs of the expander, where it reads the first position"),
    StudySetting("epochs", .count(least: 1), default: "5", "epochs"),
    StudySetting("batch", .count(least: 2), default: "8", "queries of a step"),
    StudySetting("negatives", .count(least: 1), default: "3", "documents of a query that are not relevant"),
    StudySetting("learning-rate", .number(1e-7...1), default: "2e-4", "of the encoder"),
    StudySetting("passage-tokens", .count(least: 8), default: "192", "tokens of an expanded passage"),
    StudySetting("queries", .count(least: 2), default: "100000", "most training queries"),
    StudySetting("test-queries", .count(least: 2), default: "1000", "most queries of test and development"),
    StudySetting("depth", .count(least: 2), default: "100", "BM25's candidates that are re-ranked"),
  ]
  public static let measures = [StudyMeasure("nDCG@10")]

  /// Weights of BM25's score that are tried.
  private static let firstStageWeights = [0, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]

  public static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome {
    let data = try TrainingData(try CollectionCatalog(home: context.home).locate(settings["data"]), home: context.home)
    func groups(_ qrels: Qrels) throws -> ([CandidateGroup], Qrels) {
      let chosen = TrainingData.evenly(qrels, settings.count("test-queries"))
      return (try data.groups(try data.run(chosen, model: BM25(), depth: settings.count("depth")), qrels: chosen), chosen)
    }
    let (devGroups, devQrels) = try groups(data.dev)
    let (testGroups, testQrels) = try groups(try data.qrels("test"))
    func values(_ groups: [CandidateGroup], _ qrels: Qrels, _ ranking: (CandidateGroup) throws -> Ranking) throws -> [Double] {
      let run = Run(name: "re-ranked", rankings: try groups.map(ranking))
      let evaluation = try evaluate(
        qrels: qrels.restricted(to: Set(groups.map(\.query.qid))), run: run,
        measures: [try MeasureSpecification(measures[0].name)])
      let byQid = Dictionary(uniqueKeysWithValues: zip(evaluation.qids, evaluation.values[0]))
      return groups.map { byQid[$0.query.qid] ?? 0 }
    }
    func outcome(_ ranking: (CandidateGroup) throws -> Ranking, development: Double) throws -> StudyOutcome {
      StudyOutcome(
        items: testGroups.map(\.query.qid), values: [measures[0].name: try values(testGroups, testQrels, ranking)],
        development: development)
    }
    guard settings["method"] == "tildev2" else {
      func asFound(_ group: CandidateGroup) -> Ranking {
        Ranking(qid: group.query.qid, documents: group.candidates.map {
          ScoredDocument(docno: $0.document.docno, score: $0.firstStageScore ?? 0)
        })
      }
      return try outcome(asFound, development: try values(devGroups, devQrels, asFound).mean)
    }
    let base = ModelFolder(path: try ModelCatalog(home: context.home).locate(settings["model"]).folder)
    let model = try training(base, settings).train(on: data, seed: seed)
    let folder = try TemporaryFolder(in: context.home.cache)
    let reranker = TILDEv2Reranker(index: try index(model, data, in: folder.path), tokenizer: model.tokenizer)
    var best: (weight: Double, figure: Double)?
    for weight in settings["first-stage"] == "added" ? firstStageWeights : [0] {
      let weighted = InterpolatedReranker(base: reranker, weight: weight)
      let figure = try values(devGroups, devQrels) { try weighted.rerank($0, depth: .max).ranking }.mean
      if best.map({ figure > $0.figure }) ?? true { best = (weight, figure) }
    }
    let chosen = InterpolatedReranker(base: reranker, weight: best?.weight ?? 0)
    return try outcome({ try chosen.rerank($0, depth: .max).ranking }, development: best?.figure ?? 0)
  }

  private static func training(_ base: ModelFolder, _ settings: StudySettings) -> TILDETraining {
    var training = TILDETraining(base: base)
    training.expansionCount = settings.count("expansion")
    training.reading = TILDE.Reading(rawValue: settings["reading"]) ?? .largest
    training.likelihoodEpochs = settings.count("likelihood-epochs")
    training.epochs = settings.count("epochs")
    training.batch = settings.count("batch")
    training.negatives = settings.count("negatives")
    training.learningRate = settings.number("learning-rate")
    training.maximumPassageTokens = settings.count("passage-tokens")
    training.queries = settings.count("queries")
    return training
  }

  private static func index(_ model: TILDEv2, _ data: TrainingData, in folder: String) throws -> ImpactIndex {
    let configuration = ImpactIndexConfiguration(
      method: .tildev2, quantization: .down, maximumQueryTokens: model.maximumQueryTokens)
    let builder = try ImpactIndexBuilder(creating: folder, configuration: configuration)
    let progress = Progress("indexing", total: nil, unit: "documents")
    defer { progress.finish() }
    let reader = try CorpusReader(path: data.collection.corpus)
    var piece: [Document] = []
    func flush() throws {
      let weights = try model.weights(of: piece.map(\.contents)).weights
      for (document, own) in zip(piece, weights) {
        try builder.add(Document(docno: document.docno, text: ""), terms: own.terms(model.tokenizer))
      }
      progress.advance(by: piece.count)
      piece.removeAll(keepingCapacity: true)
    }
    while let document = try reader.next() {
      piece.append(document)
      if piece.count == 512 { try flush() }
    }
    try flush()
    _ = try builder.finish()
    return try ImpactIndex(path: folder)
  }

  /// A folder that goes with its owner.
  private final class TemporaryFolder {
    let path: String

    init(in parent: String) throws {
      path = "\(parent)/token-weights-\(UUID().uuidString)"
      try Folder.create(path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
  }
}
