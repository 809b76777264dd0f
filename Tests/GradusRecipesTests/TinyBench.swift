import Foundation
import GradusCore
import GradusData
import GradusFormats
import GradusModels
@testable import GradusRecipes
import GradusText

/// A collection of generated questions and a randomly initialised two-layer encoder, in a folder that a test owns.
///
/// Each query asks for two of forty words; its relevant document holds both, the other documents at most one, so that
/// BM25 is good and there is something to learn.
struct TinyBench {
  let folder: String
  let model: ModelFolder
  let home: DataHome

  static let words = (0..<40).map { "word\($0)" }

  init(train: Int = 30, dev: Int? = 8, test: Int = 8) throws {
    folder = NSTemporaryDirectory() + "gradus-recipes-\(UUID().uuidString)"
    model = ModelFolder(path: folder + "/model")
    home = DataHome(folder: folder + "/home", collectionFolders: [folder + "/data"])
    try makeModel()
    try makeCollection(train: train, dev: dev, test: test)
  }

  func remove() { try? FileManager.default.removeItem(atPath: folder) }

  func collection() throws -> TestCollection { try CollectionCatalog(home: home).locate("tiny") }

  func data() throws -> TrainingData { try TrainingData(try collection(), home: home, showsProgress: false) }

  private func makeModel() throws {
    let source = folder + "/vocabulary"
    try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
    let pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + Self.words
    try Data((pieces.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: source + "/vocab.txt"))
    var generator = SeededGenerator(seed: 5)
    let configuration = BertConfiguration(
      vocabularySize: pieces.count, hiddenSize: 32, intermediateSize: 64, layerCount: 2, headCount: 4, maximumPositions: 64)
    let scorer = CrossEncoder(
      encoder: BertEncoder(configuration, using: &generator), tokenizer: try ModelFolder(path: source).tokenizer(), seed: 1)
    let manifest = ModelManifest(architecture: .crossEncoder, base: "none", baseDigest: "", seed: 5)
    try RankingModel(scorer: scorer, manifest: manifest).save(to: model.path, tokenizerOf: ModelFolder(path: source))
  }

  private func makeCollection(train: Int, dev: Int?, test: Int) throws {
    var generator = SeededGenerator(seed: 9)
    var documents: [Document] = []
    var queries: [Query] = []
    let writer = try BEIRWriter(folder: folder + "/data/tiny")
    for (split, count) in [("train", train), ("dev", dev ?? 0), ("test", test)] where count > 0 {
      var qrels = Qrels()
      for number in 0..<count {
        let order = generator.permutation(Self.words.count)
        let qid = "\(split)-\(number)"
        queries.append(Query(qid: qid, text: "\(Self.words[order[0]]) \(Self.words[order[1]])"))
        for (name, first, second) in [("both", order[0], order[1]), ("one", order[0], order[2]), ("other", order[1], order[3])] {
          let text = [first, second, order[4], order[5], order[6]].map { Self.words[$0] }.joined(separator: " ")
          documents.append(Document(docno: "\(qid)-\(name)", text: text))
        }
        qrels.judge(qid: qid, docno: "\(qid)-both", grade: 1)
      }
      try writer.writeQrels(qrels, split: split)
    }
    try writer.writeCorpus(documents)
    try writer.writeQueries(queries)
  }

  /// Settings that train in a fraction of a second.
  var settings: TrainingSettings {
    var settings = TrainingSettings()
    settings.model = model.path
    settings.data = "tiny"
    settings.depth = 20
    settings.curriculum = "kde"
    settings.curriculumEnd = 2
    settings.samplesPerEpoch = 12
    settings.epochs = 3
    settings.batch = 4
    settings.warmup = 2
    settings.maximumTokens = 24
    settings.devDepth = 10
    return settings
  }
}
