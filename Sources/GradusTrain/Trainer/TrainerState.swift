/// Where a training stands, but for weights, optimizers, sampler, weightings and hooks, which keep their own state.
struct TrainerState: Codable, Equatable {
  /// Sums over the samples of the epoch under way.
  struct ObjectiveSums: Codable, Equatable {
    var loss = 0.0
    var weightedLoss = 0.0
    var weighting: WeightingStatistics?

    func record(name: String, samples: Int) -> EpochRecord.Objective {
      EpochRecord.Objective(
        name: name, meanLoss: loss / Double(samples), meanWeightedLoss: weightedLoss / Double(samples),
        weighting: weighting)
    }
  }

  var epoch = 0
  var step = 0
  var samplesInEpoch = 0
  /// Whether the hooks before the epoch have run.
  var isEpochOpen = false
  var objectives: [ObjectiveSums]
  var trainingSeconds = 0.0
  var history: [EpochRecord] = []
  var best: ValidationResult?
  var bestEpoch: Int?

  init(objectives count: Int) { objectives = Array(repeating: ObjectiveSums(), count: count) }

  /// What is wrong with values from a file, or nil.
  func contradiction(objectives count: Int) -> String? {
    if objectives.count != count { return "it has \(objectives.count) objectives instead of \(count)" }
    if let bad = [("epoch", epoch), ("step", step), ("samplesInEpoch", samplesInEpoch)].first(where: {
      !(0...1 << 48).contains($0.1)
    }) { return "\(bad.0) is \(bad.1)" }
    return nil
  }

  mutating func openNextEpoch(objectives count: Int) {
    epoch += 1
    samplesInEpoch = 0
    isEpochOpen = false
    objectives = Array(repeating: ObjectiveSums(), count: count)
    trainingSeconds = 0
  }
}
