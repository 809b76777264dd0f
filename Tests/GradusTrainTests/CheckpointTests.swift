import Foundation
import GradusCore
import GradusTensor
@testable import GradusTrain
import GradusTestSupport
import Testing

/// Freezes the hidden layer after some steps, later gives it back with another learning rate.
struct FreezingHook: TrainerHook {
  mutating func afterOptimizerStep(_ trainer: Trainer) {
    guard let scorer = trainer.models[0].scorer as? TinyScorer, let optimizer = trainer.models[0].optimizer else { return }
    if trainer.step == 4 {
      for parameter in scorer.hidden.parameters { parameter.isTrainable = false }
      optimizer.groups[1].learningRate = 0.02
    }
    if trainer.step == 12 {
      for parameter in scorer.hidden.parameters { parameter.isTrainable = true }
      optimizer.groups = [ParameterGroup("all", parameters: scorer.parameters, learningRate: 0.01, weightDecay: 0.1)]
    }
  }
}

@Suite("Checkpoints")
struct CheckpointTests {
  /// Everything with a state at once: dropout, curriculum, a weighting with memory, hooks, micro-batches, frozen layers.
  static func training() throws -> TinyTraining {
    var training = TinyTraining()
    training.options.microBatchSize = 3
    training.objectives = [
      TrainingObjective(PairwiseSoftmaxLoss(), name: "softmax", weighting: try TinyTraining.curriculum(KDEScoreDifficulty())),
      TrainingObjective(PairwiseCrossEntropyLoss(), name: "memory", weighting: LossMemoryWeighting(), scale: 0.5),
    ]
    training.validation = try TinyTexts.validation("nDCG@3")
    training.hooks = [FreezingHook(), DiaryHook()]
    return training
  }

  static func temporaryFolder(_ body: (String) throws -> Void) throws {
    let folder = try TemporaryFolder.make()
    try body(folder)
  }

  // 6 epochs of 3 steps. Step 9 ends the third epoch; the others lie inside of epochs.
  @Test("Stopping and resuming gives the bits of never having stopped", arguments: [9, 1, 4, 10, 14, 17, 18])
  func resume(steps: Int) throws {
    try Self.temporaryFolder { folder in
      let straight = try Self.training().make()
      let expected = try straight.trainer.train()
      #expect(expected.history.count == 6 && expected.end == .maxEpochs)

      let interrupted = try Self.training().make()
      _ = try interrupted.trainer.train(steps: steps)
      try interrupted.trainer.saveCheckpoint(to: folder)

      // Other weights to begin with: all of them have to come from the checkpoint.
      var again = try Self.training()
      again.scorerSeed = 1234
      let resumed = try again.make()
      try resumed.trainer.resume(from: folder)
      #expect(resumed.trainer.step == steps)
      let result = try resumed.trainer.train()
      #expect(resumed.scorer.bits == straight.scorer.bits)
      #expect(result.bestEpoch == expected.bestEpoch && result.end == expected.end)
      #expect(result.history.count == 6)
      for (first, second) in zip(result.history, expected.history) { #expect(first.hasSameResult(as: second)) }
      #expect((resumed.trainer.hooks[1] as? DiaryHook)?.state == (straight.trainer.hooks[1] as? DiaryHook)?.state)
      // The last weights and the optimizer too, not only the best ones: their checkpoints are the same, byte for byte.
      let names = ["model-0.safetensors", "best-0.safetensors", "optimizer-0.safetensors", "sampler.json", "weighting-1.json"]
      try straight.trainer.saveCheckpoint(to: folder + "/straight")
      try resumed.trainer.saveCheckpoint(to: folder + "/resumed")
      for name in names {
        let first = FileManager.default.contents(atPath: folder + "/straight/checkpoint-000001/" + name)
        #expect(first != nil && first == FileManager.default.contents(atPath: folder + "/resumed/checkpoint-000001/" + name))
      }
    }
  }

  @Test("Checkpoints by the policy: one directory, one checkpoint, the latest; more epochs may be added")
  func policy() throws {
    try Self.temporaryFolder { folder in
      var training = try Self.training()
      training.options.maxEpochs = 2
      training.options.checkpoint = CheckpointPolicy(directory: folder, everySteps: 2)
      _ = try training.make().trainer.train()
      // After steps 2, 4, 6 and after both epochs: the fifth counts, and is the only one left.
      #expect(try Set(FileManager.default.contentsOfDirectory(atPath: folder)) == ["LATEST", "checkpoint-000005"])
      training.options.maxEpochs = 6
      let resumed = try training.make()
      try resumed.trainer.resume(from: folder)
      #expect(resumed.trainer.epoch == 2)
      _ = try resumed.trainer.train()
      let straight = try Self.training().make()
      _ = try straight.trainer.train()
      #expect(resumed.scorer.bits == straight.scorer.bits)
    }
  }

  @Test("A process that dies while writing leaves the previous checkpoint usable")
  func dyingWriter() throws {
    try Self.temporaryFolder { folder in
      let first = try Self.training().make()
      _ = try first.trainer.train(steps: 5)
      try first.trainer.saveCheckpoint(to: folder)
      struct Killed: Error {}
      let directory = CheckpointDirectory(path: folder)
      // Dies after some files.
      #expect(throws: Killed.self) {
        try directory.write { inner in
          try CheckpointDirectory.writeFile(inner + "/trainer.json", Data("{".utf8))
          throw Killed()
        }
      }
      // Dies after all files, before the new name counts; and with a half-written file beside.
      #expect(throws: Killed.self) {
        try directory.write { inner in
          try CheckpointDirectory.writeFile(inner + "/manifest.json", Data("{}".utf8))
          throw Killed()
        }
      }
      _ = FileManager.default.createFile(atPath: folder + "/.LATEST.77-0.partial", contents: Data("checkpoint-0".utf8))
      let resumed = try Self.training().make()
      try resumed.trainer.resume(from: folder)
      #expect(resumed.trainer.step == 5)
      // The next complete one cleans up.
      _ = try resumed.trainer.train(steps: 1)
      try resumed.trainer.saveCheckpoint(to: folder)
      #expect(try Set(FileManager.default.contentsOfDirectory(atPath: folder)) == ["LATEST", "checkpoint-000004"])
      let last = try Self.training().make()
      try last.trainer.resume(from: folder)
      #expect(last.trainer.step == 6)
    }
  }

  @Test("A damaged file is named in the error, whichever it is")
  func corruption() throws {
    try Self.temporaryFolder { folder in
      let trained = try Self.training().make()
      _ = try trained.trainer.train(steps: 4)
      try trained.trainer.saveCheckpoint(to: folder)
      let inner = folder + "/checkpoint-000001"
      func resume() throws { try Self.training().make().trainer.resume(from: folder) }
      try resume()
      let names = try FileManager.default.contentsOfDirectory(atPath: inner).filter { $0 != "manifest.json" }
      #expect(names.count == 9)
      for name in names {
        let path = inner + "/" + name
        let data = try #require(FileManager.default.contents(atPath: path))
        var flipped = data
        flipped[flipped.count / 2] ^= 1
        try flipped.write(to: URL(fileURLWithPath: path))
        let changed = "its SHA-256 is not that of the manifest"
        #expect(throws: CheckpointError.corrupt(file: path, problem: changed)) { try resume() }
        try data.dropLast().write(to: URL(fileURLWithPath: path))
        let shorter = "it has \(data.count - 1) bytes instead of \(data.count)"
        #expect(throws: CheckpointError.corrupt(file: path, problem: shorter)) { try resume() }
        try FileManager.default.removeItem(atPath: path)
        #expect(throws: CheckpointError.corrupt(file: path, problem: "the file is missing")) { try resume() }
        try data.write(to: URL(fileURLWithPath: path))
      }
      let manifest = inner + "/manifest.json"
      try Data("{\"files\":[],\"formatVersion\":9}".utf8).write(to: URL(fileURLWithPath: manifest))
      #expect(throws: CheckpointError.formatVersion(file: manifest, found: 9, known: 1)) { try resume() }
      try Data("[".utf8).write(to: URL(fileURLWithPath: manifest))
      let unreadable = "it is not the JSON that was expected"
      #expect(throws: CheckpointError.corrupt(file: manifest, problem: unreadable)) { try resume() }
      try Data("elsewhere\n".utf8).write(to: URL(fileURLWithPath: folder + "/LATEST"))
      let stray = CheckpointError.corrupt(file: folder + "/LATEST", problem: "it does not name a checkpoint")
      #expect(throws: stray) { try resume() }
      try FileManager.default.removeItem(atPath: folder + "/LATEST")
      #expect(throws: CheckpointError.missing(directory: folder)) { try resume() }
      #expect(throws: CheckpointError.missing(directory: folder + "/nowhere")) {
        try Self.training().make().trainer.resume(from: folder + "/nowhere")
      }
    }
  }

  @Test("Values that no training writes are refused, though their digests fit")
  func impossibleValues() throws {
    try Self.temporaryFolder { folder in
      let trained = try Self.training().make()
      _ = try trained.trainer.train(steps: 4)
      try trained.trainer.saveCheckpoint(to: folder)
      let inner = try CheckpointDirectory(path: folder).verifiedFolder()
      let names = try FileManager.default.contentsOfDirectory(atPath: inner).filter { $0 != "manifest.json" }
      let files = try names.map { ($0, try #require(FileManager.default.contents(atPath: inner + "/" + $0))) }
      /// What resuming says after `change` of a JSON file, with a manifest that vouches for it.
      func problem(_ file: String, _ change: (inout [String: Any]) -> Void) throws -> any Error {
        let changed = try TemporaryFolder.make()
        try CheckpointDirectory(path: changed).write { inner in
          for (name, data) in files {
            var data = data
            if name == file {
              var values = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
              change(&values)
              data = try JSONSerialization.data(withJSONObject: values)
            }
            try CheckpointDirectory.writeFile(inner + "/" + name, data)
          }
          return names
        }
        do {
          try Self.training().make().trainer.resume(from: changed)
        } catch {
          return error
        }
        return CancellationError()
      }
      func trainerProblem(_ change: (inout [String: Any]) -> Void) throws -> String? {
        guard case CheckpointError.corrupt(_, let text) = try problem("trainer.json", change) else { return nil }
        return text
      }
      func state(_ key: String, _ value: Any) -> (inout [String: Any]) -> Void {
        { values in
          var state = values["state"] as? [String: Any] ?? [:]
          state[key] = value
          values["state"] = state
        }
      }
      #expect(try trainerProblem { $0["models"] = [Any]() } == "it has 0 models instead of 1")
      #expect(try trainerProblem(state("objectives", [Any]())) == "it has 0 objectives instead of 2")
      #expect(try trainerProblem(state("samplesInEpoch", -3)) == "samplesInEpoch is -3")
      #expect(try trainerProblem(state("epoch", Int.max)) == "epoch is \(Int.max)")
      let group: [String: Any] = ["name": "g", "parameters": ["novel"], "learningRate": 1, "weightDecay": 0]
      let stray = try trainerProblem { $0["models"] = [["groups": [group], "frozen": [String]()] as [String: Any]] }
      #expect(stray == "group 'g' has 'novel', which the model has not")
      let sampler = try problem("sampler.json") { $0["drawn"] = -1 }
      #expect(sampler as? SamplerError == .impossiblePosition(-1))
    }
  }

  @Test("A checkpoint of another training is refused")
  func otherTrainings() throws {
    try Self.temporaryFolder { folder in
      let trained = try Self.training().make()
      _ = try trained.trainer.train(steps: 4)
      try trained.trainer.saveCheckpoint(to: folder)
      func setting(_ change: (inout TinyTraining) -> Void) throws -> String? {
        var training = try Self.training()
        change(&training)
        let other = try training.make().trainer
        do {
          try other.resume(from: folder)
        } catch CheckpointError.otherTraining(_, let setting, _, _) {
          return setting
        }
        return nil
      }
      #expect(try setting { $0.options.batchSize = 5 } == "batch size")
      #expect(try setting { $0.options.epochLength = .samples(11) } == "samples of an epoch")
      #expect(try setting { $0.options.microBatchSize = nil } == "micro-batch size")
      #expect(try setting { $0.options.seed = 12 } == "seed")
      #expect(try setting { $0.options.gradients = .separate } == "combination of gradients")
      #expect(try setting { $0.sampling = .points } == "sampler")
      #expect(try setting { $0.objectives.removeLast() } == "objectives")
      #expect(try setting { $0.hooks = [] } == "hooks")
      #expect(try setting { $0.learningRate = 0.04 } == "parameter groups")
      #expect(try setting { $0.logits = 2 } == "parameters")
      #expect(try setting { $0.options.earlyStopping.patience = 2 } == nil)
    }
  }

  @Test("Tensors of every element type survive to the bit, NaN and -0 included")
  func tensorArchive() throws {
    try Self.temporaryFolder { folder in
      let tensors = [
        NamedTensor("double", Tensor([0.1, -0.0, .nan, .infinity, .leastNonzeroMagnitude], shape: [5])),
        NamedTensor("empty", Tensor([Float](), shape: [0, 3])),
        NamedTensor("float", Tensor([Float(0.1), -0.0, .nan, -.infinity, .leastNonzeroMagnitude, 3], shape: [2, 3])),
        NamedTensor("int", Tensor(indices: [-1, .max, .min], shape: [3])),
        NamedTensor("mask", Tensor(mask: [true, false], shape: [2, 1])),
        NamedTensor("scalar", Tensor(indices: [7], shape: [])),
      ]
      try TensorArchive.write(tensors, to: folder + "/t.safetensors")
      let read = try TensorArchive.read(folder + "/t.safetensors")
      #expect(read.map(\.name) == tensors.map(\.name))
      for (first, second) in zip(read, tensors) { #expect(first.tensor.hasSameBits(as: second.tensor)) }
    }
  }
}
