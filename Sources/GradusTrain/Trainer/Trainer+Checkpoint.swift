#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusTensor

/// The part of a checkpoint that is neither tensors nor the state of sampler, weightings and hooks.
private struct TrainerCheckpoint: Codable {
  struct Setting: Codable, Equatable {
    let name: String
    let value: String
  }

  struct Group: Codable {
    let name: String
    let parameters: [String]
    let learningRate: Double
    let weightDecay: Double
  }

  struct Model: Codable {
    /// Nil for a model without an optimizer.
    let groups: [Group]?
    let frozen: [String]
  }

  /// Everything that decides how training goes on. How long it goes on (epochs, patience) may change.
  let settings: [Setting]
  let state: TrainerState
  let models: [Model]
}

extension Trainer {
  /// Writes the complete state: weights, best weights, optimizers, sampler, weightings, hooks, history.
  ///
  /// The directory holds one checkpoint; the new one takes the old one's place in one step, so that a process killed while
  /// writing leaves the old one usable.
  ///
  /// - Throws: `FileError`, for instance where the disk is full.
  public func saveCheckpoint(to directory: String) throws {
    try CheckpointDirectory(path: directory).write { folder in
      var files: [String] = []
      func add(_ name: String, _ data: Data) throws {
        try CheckpointDirectory.writeFile("\(folder)/\(name)", data)
        files.append(name)
      }
      func add(_ name: String, _ tensors: [NamedTensor]) throws {
        try TensorArchive.write(tensors, to: "\(folder)/\(name)")
        files.append(name)
      }
      let checkpoint = TrainerCheckpoint(
        settings: settings, state: state, models: try models.map(Self.describe))
      try add("trainer.json", try CheckpointCoding.encoder().encode(checkpoint))
      try add("sampler.json", try sampler.encodedState())
      for (position, weighting) in weightings.enumerated() {
        if let weighting { try add("weighting-\(position).json", try weighting.encodedState()) }
      }
      for (position, loss) in statefulLosses.enumerated() {
        if let loss { try add("loss-\(position).json", try loss.encodedState()) }
      }
      for (position, hook) in hooks.enumerated() { try add("hook-\(position).json", try hook.encodedState()) }
      for (position, model) in models.enumerated() {
        let parameters = model.scorer.parameters
        try add("model-\(position).safetensors", parameters.map { NamedTensor($0.name, $0.value.detached()) })
        if let optimizer = model.optimizer {
          try add("optimizer-\(position).safetensors", optimizer.exportState())
        }
        if let bestValues {
          let best = zip(parameters, bestValues[position]).map { NamedTensor($0.name, $1) }
          try add("best-\(position).safetensors", best)
        }
      }
      return files
    }
  }

  /// Takes up a training where its checkpoint left it: all that follows has the same bits as if it had never stopped.
  ///
  /// The trainer must have been made with the same data, settings and models; the weights that the models come with do not
  /// matter. More epochs or another patience are allowed. After an error the trainer must not be used any more.
  ///
  /// - Throws: ``CheckpointError``; ``SamplerError/stateOfAnotherSampler(expected:found:)`` for other training data.
  public func resume(from directory: String) throws {
    let folder = try CheckpointDirectory(path: directory).verifiedFolder()
    let checkpoint: TrainerCheckpoint = try CheckpointDirectory.decode(folder + "/trainer.json")
    let own = settings
    for (position, setting) in own.enumerated() {
      let found = position < checkpoint.settings.count ? checkpoint.settings[position] : nil
      guard found == setting else {
        throw CheckpointError.otherTraining(
          directory: directory, setting: setting.name, expected: setting.value, found: found?.value ?? "nothing")
      }
    }
    let corrupt = { CheckpointError.corrupt(file: folder + "/trainer.json", problem: $0) }
    guard checkpoint.models.count == models.count else {
      throw corrupt("it has \(checkpoint.models.count) models instead of \(models.count)")
    }
    if let problem = checkpoint.state.contradiction(objectives: objectives.count) { throw corrupt(problem) }
    func restore<Value: Resumable>(_ value: inout Value, _ name: String) throws {
      let path = "\(folder)/\(name)"
      do {
        try value.resume(fromEncoded: try CheckpointDirectory.contents(path))
      } catch is DecodingError {
        throw CheckpointError.corrupt(file: path, problem: "it is not the JSON that was expected")
      }
    }
    try restore(&sampler, "sampler.json")
    for position in weightings.indices {
      guard var weighting = weightings[position] else { continue }
      try restore(&weighting, "weighting-\(position).json")
      weightings[position] = weighting
    }
    for position in statefulLosses.indices {
      guard var loss = statefulLosses[position] else { continue }
      try restore(&loss, "loss-\(position).json")
      statefulLosses[position] = loss
    }
    for position in hooks.indices { try restore(&hooks[position], "hook-\(position).json") }
    var best: [[Tensor]] = []
    for (position, model) in models.enumerated() {
      let parameters = model.scorer.parameters
      let frozen = Set(checkpoint.models[position].frozen)
      let values = try Self.values(of: parameters, "\(folder)/model-\(position).safetensors", directory)
      for (parameter, value) in zip(parameters, values) {
        parameter.isTrainable = !frozen.contains(parameter.name)
        parameter.value = value
      }
      if let optimizer = model.optimizer, let groups = checkpoint.models[position].groups {
        let byName = Dictionary(parameters.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        optimizer.groups = try groups.map { group in
          let members = try group.parameters.map { name in
            guard let parameter = byName[name] else {
              throw corrupt("group '\(group.name)' has '\(name)', which the model has not")
            }
            return parameter
          }
          return ParameterGroup(
            group.name, parameters: members, learningRate: group.learningRate, weightDecay: group.weightDecay)
        }
        try optimizer.importState(try TensorArchive.read("\(folder)/optimizer-\(position).safetensors"))
      }
      if checkpoint.state.bestEpoch != nil {
        best.append(try Self.values(of: parameters, "\(folder)/best-\(position).safetensors", directory))
      }
    }
    bestValues = best.isEmpty ? nil : best
    state = checkpoint.state
  }

  /// The stored values of a model's parameters, in the model's order.
  private static func values(of parameters: [Parameter], _ path: String, _ directory: String) throws -> [Tensor] {
    let stored = Dictionary(
      try TensorArchive.read(path).map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
    func other(_ expected: String, _ found: String) -> CheckpointError {
      .otherTraining(directory: directory, setting: "parameters", expected: expected, found: found)
    }
    guard stored.count == parameters.count else {
      throw other("\(parameters.count) of them", "\(stored.count) of them")
    }
    return try parameters.map { parameter in
      let expected = "\(parameter.name) \(parameter.value.type) \(parameter.shape)"
      guard let tensor = stored[parameter.name] else { throw other(expected, "none of that name") }
      guard tensor.shape == parameter.shape && tensor.type == parameter.value.type else {
        throw other(expected, "\(parameter.name) \(tensor.type) \(tensor.shape)")
      }
      return tensor
    }
  }

  private static func describe(_ model: TrainedModel) throws -> TrainerCheckpoint.Model {
    try model.checkGroups()
    return TrainerCheckpoint.Model(
      groups: model.optimizer?.groups.map {
        TrainerCheckpoint.Group(
          name: $0.name, parameters: $0.parameters.map(\.name), learningRate: $0.learningRate,
          weightDecay: $0.weightDecay)
      },
      frozen: model.scorer.parameters.filter { !$0.isTrainable }.map(\.name))
  }

  private var settings: [TrainerCheckpoint.Setting] {
    var settings: [TrainerCheckpoint.Setting] = []
    func add(_ name: String, _ value: String) { settings.append(.init(name: name, value: value)) }
    add("batch size", "\(options.batchSize)")
    add("samples of an epoch", "\(samplesPerEpoch)")
    let whole = options.gradientCacheSize.map { "whole batch, encoded by \($0)" } ?? "whole batch"
    add("micro-batch size", options.microBatchSize.map { "\($0)" } ?? whole)
    add("combination of gradients", options.gradients.rawValue)
    add("seed", "\(options.seed)")
    add("sampler", "\(type(of: sampler))")
    add("models", models.map { model in
      let optimizer = model.optimizer.map { "\(type(of: $0)) \(model.schedule)" } ?? "frozen"
      let clipping = model.gradientClipping.map { " clipped to \($0)" } ?? ""
      return "\(model.name) \(type(of: model.scorer)) \(optimizer)\(clipping)"
    }.joined(separator: ", "))
    add("parameter groups", givenGroups)
    add("objectives", zip(objectives, weightings).map { objective, weighting in
      let weighted = weighting.map { "weighted by \(type(of: $0))" } ?? "unweighted"
      return "\(objective.name) of \(objective.model) times \(objective.scale) \(weighted)"
    }.joined(separator: ", "))
    add("hooks", hooks.map { "\(type(of: $0))" }.joined(separator: ", "))
    return settings
  }
}
