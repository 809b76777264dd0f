#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusFormats
import GradusModels
import GradusTrain

/// The folder of one training: what it was asked to do, its checkpoint while it runs, model and history when it is done.
///
///     OUT/settings.json     settings, digests of data and base model
///     OUT/checkpoint/       while it runs
///     OUT/gradus.json ...   the model, as RankingModel saves it
///     OUT/history.json      last of all: a folder with it is finished
struct TrainingFolder {
  /// What decides the result.
  struct Identity: Codable, Equatable {
    let settings: TrainingSettings
    let baseSHA256: String
    let dataSHA256: [String: String]
    let version: String

    enum CodingKeys: String, CodingKey {
      case settings, version
      case baseSHA256 = "base_sha256"
      case dataSHA256 = "data_sha256"
    }
  }

  let path: String

  var checkpoint: String { path + "/checkpoint" }
  var historyFile: String { path + "/history.json" }
  private var settingsFile: String { path + "/settings.json" }

  static func holdsCheckpoint(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path + "/LATEST") }

  var isFinished: Bool { FileManager.default.fileExists(atPath: historyFile) }

  /// Makes the folder this training's own.
  ///
  /// - Throws: ``TrainingFolderError`` where it belongs to another training, or holds something else.
  func claim(_ identity: Identity) throws {
    if FileManager.default.fileExists(atPath: settingsFile) {
      let found = try JSONFile.read(Identity.self, from: settingsFile)
      guard found != identity else { return }
      throw TrainingFolderError.otherTraining(folder: path, difference: Self.difference(found, identity))
    }
    if let name = ModelFolder(path: path).weightsFileName { throw TrainingFolderError.occupied(folder: path, file: name) }
    for name in [ModelManifest.fileName, "history.json"] where FileManager.default.fileExists(atPath: path + "/" + name) {
      throw TrainingFolderError.occupied(folder: path, file: name)
    }
    try Folder.create(path)
    try JSONFile.write(identity, to: settingsFile)
  }

  /// Saves the model, then the history, and removes the checkpoint, which is not needed any more.
  func finish(_ trained: RankerTraining.Trained, tokenizerOf base: ModelFolder) throws {
    try trained.model.save(to: path, tokenizerOf: base)
    try JSONFile.write(trained.history, to: historyFile)
    if FileManager.default.fileExists(atPath: checkpoint) { try FileManager.default.removeItem(atPath: checkpoint) }
  }

  private static func difference(_ found: Identity, _ asked: Identity) -> String {
    for (first, second) in zip(found.settings.values, asked.settings.values) where first.value != second.value {
      return "\(first.name) '\(first.value)', not '\(second.value)'"
    }
    if found.baseSHA256 != asked.baseSHA256 { return "a base model with other weights" }
    for name in Set(found.dataSHA256.keys).union(asked.dataSHA256.keys).sorted()
    where found.dataSHA256[name] != asked.dataSHA256[name] {
      return "another file of \(name)"
    }
    return "version \(found.version), not \(asked.version)"
  }
}

/// An output folder that cannot be used.
public enum TrainingFolderError: GradusError, Equatable {
  case otherTraining(folder: String, difference: String)
  case occupied(folder: String, file: String)

  public var failureKind: FailureKind { .usage }

  public var description: String {
    switch self {
    case .otherTraining(let folder, let difference):
      "\(folder): holds a training with \(difference); give another --out, or remove the folder to start anew"
    case .occupied(let folder, let file): "\(folder): holds '\(file)' of something else; give another --out"
    }
  }
}

extension RankerTraining {
  /// A training in a folder.
  public struct Outcome {
    public let model: RankingModel
    public let history: TrainingHistory
    /// The folder held the result of the same training: nothing was computed.
    public let wasFinished: Bool
  }

  /// Trains in `folder`: resumes what was interrupted there, and returns at once what is finished.
  ///
  /// - Parameters:
  ///   - onPlan: Called before the first step that is taken now with what memory the training will need.
  ///   - onEpoch: Called after each epoch that is trained now.
  /// - Throws: ``TrainingFolderError``, and what ``train(checkpoint:steps:showsProgress:onPlan:onEpoch:)`` throws.
  public func run(
    out folder: String, showsProgress: Bool? = nil, onPlan: (TrainingMemory) -> Void = { _ in },
    onEpoch: @escaping (TrainingHistory.Epoch) -> Void = { _ in }
  ) throws -> Outcome {
    let own = TrainingFolder(path: folder)
    try own.claim(
      TrainingFolder.Identity(
        settings: settings, baseSHA256: baseDigest, dataSHA256: digests, version: GradusVersion.current))
    if !own.isFinished,
      let trained = try train(
        checkpoint: own.checkpoint, showsProgress: showsProgress, onPlan: onPlan, onEpoch: onEpoch)
    {
      try own.finish(trained, tokenizerOf: base)
      return Outcome(model: trained.model, history: trained.history, wasFinished: false)
    }
    return Outcome(
      model: try RankingModel(folder: ModelFolder(path: folder)),
      history: try JSONFile.read(TrainingHistory.self, from: own.historyFile), wasFinished: true)
  }
}
