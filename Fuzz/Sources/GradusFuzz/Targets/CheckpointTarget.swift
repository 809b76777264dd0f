import Foundation
import GradusCore
import GradusModels
import GradusTensor
@testable import GradusTrain

extension FuzzTarget {
  /// One file of a checkpoint, the first byte says which, with a manifest that vouches for it; then training goes on.
  static let checkpoint = FuzzTarget("checkpoint", maximumBytes: 8192, dictionary: "checkpoint") {
    try files.enumerated().map { number, name in [UInt8(number)] + [UInt8](try contents(name)) }
  } run: { input in
    guard let first = input.first else { return }
    let replaced = files[Int(first) % files.count]
    let folder = "\(Workplace.folder)/checkpoint"
    try? FileManager.default.removeItem(atPath: folder)
    try! CheckpointDirectory(path: folder).write { inner in
      for name in files {
        let data = name == replaced ? Data(input.dropFirst()) : try contents(name)
        try data.write(to: URL(fileURLWithPath: "\(inner)/\(name)"))
      }
      return files
    }
    let trainer = try! makeTrainer()
    try trainer.resume(from: folder)
    _ = try trainer.train(steps: 1)
  }

  private static let files = [
    "trainer.json", "sampler.json", "weighting-0.json", "model-0.safetensors", "optimizer-0.safetensors",
  ]

  private static func contents(_ name: String) throws -> Data {
    guard let data = original[name] else { throw CocoaError(.fileNoSuchFile) }
    return data
  }

  /// The files of a good checkpoint.
  private static let original: [String: Data] = {
    let folder = "\(Workplace.folder)/original"
    let trainer = try! makeTrainer()
    _ = try! trainer.train(steps: 3)
    try! trainer.saveCheckpoint(to: folder)
    let inner = try! CheckpointDirectory(path: folder).verifiedFolder()
    return Dictionary(uniqueKeysWithValues: files.map { ($0, FileManager.default.contents(atPath: "\(inner)/\($0)")!) })
  }()

  private static func makeTrainer() throws -> Trainer {
    let scorer = LengthScorer()
    let group = ParameterGroup("all", parameters: scorer.parameters, learningRate: 0.01)
    let run = Run(name: "first", rankings: (0..<3).map { query in
      Ranking(qid: "q\(query)", documents: (0..<4).map { ScoredDocument(docno: "d\($0)", score: Double(9 - $0)) })
    })
    var qrels = Qrels()
    for query in 0..<3 { qrels.judge(qid: "q\(query)", docno: "d\(query)", grade: 1) }
    let texts = InMemoryTexts(
      queries: (0..<3).map { Query(qid: "q\($0)", text: "q") },
      documents: (0..<4).map { Document(docno: "d\($0)", text: String(repeating: "x", count: $0)) })
    var options = TrainerOptions(seed: 1)
    options.batchSize = 2
    options.epochLength = .samples(4)
    options.maxEpochs = 3
    options.showsProgress = false
    let weighting = CurriculumWeighting(
      heuristic: ReciprocalRankDifficulty(), schedule: try LinearCurriculum(endEpoch: 2),
      statistics: try FirstStageStatistics(run: run))
    return try Trainer(
      models: [TrainedModel(scorer, optimizer: Adam(groups: [group]))],
      sampler: try PairwiseSampler(run: run, qrels: qrels, seed: 2), texts: texts,
      objectives: [TrainingObjective(PairwiseSoftmaxLoss(), weighting: weighting)], options: options)
  }
}

/// Scores a document by its length.
private final class LengthScorer: PairScorer {
  private let layer: Linear

  init() {
    var generator = SeededGenerator(seed: 1)
    layer = Linear("layer", inputs: 1, outputs: 1, standardDeviation: 0.5, using: &generator)
  }

  var parameters: [Parameter] { layer.parameters }
  var logitsPerPair: Int { 1 }

  func scores(_ batch: [ScoringPair], context: ForwardContext) -> Tensor {
    let lengths = batch.map { Float($0.document.text.utf8.count) }
    return layer(Tensor(lengths, shape: [batch.count, 1])).reshaped(to: [batch.count])
  }
}
