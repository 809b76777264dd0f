import GradusEval

/// An arm with its runs, one a seed.
struct TrainedArm {
  let arm: Recipe.Arm
  let cells: [RecipeCell]
  let curriculum: String?
  let curriculumEnd: String?
  /// Where a grid was searched.
  let tried: [RecipeResult.Trial]?

  /// Mean over the seeds; nil where a run has none.
  var development: Double? {
    let known = cells.compactMap(\.development)
    return known.count == cells.count && !known.isEmpty ? known.mean : nil
  }

  /// `[seed][item]`.
  func values(_ measure: String) -> [[Double]] { cells.map { $0.values[measure] ?? [] } }
}

/// An experiment's result with the curves and the values by item behind it.
struct ExperimentDetails {
  let result: RecipeResult.Experiment
  let items: [String]
  /// By arm, then by seed.
  let cells: [(arm: String, seeds: [RecipeCell])]
  /// The curriculum settings of the judged arm.
  let bestCurriculum: [Recipe.Setting]
}

/// Sets all arms of an experiment against its baseline.
struct ExperimentComparison {
  let experiment: Recipe.Experiment
  let collection: String?
  let itemNoun: String
  let items: [String]
  let seeds: Int
  let measures: [StudyMeasure]
  let arms: [TrainedArm]

  /// The claimed arm with the best development figure, the first among equals and where there is none.
  var judgedArm: TrainedArm? {
    let claimed = arms.filter(\.arm.isClaimed)
    let best = claimed.indices.max { first, second in
      let least = -Double.infinity
      return (claimed[first].development ?? least, -first) < (claimed[second].development ?? least, -second)
    }
    return best.map { claimed[$0] }
  }

  func details(
    test: PairedTest, correction: MultipleTesting, firstStage: [RecipeResult.Figure]? = nil,
    bestCurriculum: [Recipe.Setting] = []
  ) throws -> ExperimentDetails {
    let comparisons = try measures.flatMap { try compare($0, test, correction) }
    let judged = judgedArm?.arm.name ?? ""
    let decisive = comparisons.first { $0.arm == judged && $0.measure == experiment.claim.measure }
    var listed = firstStage.map { figures in
      [
        RecipeResult.Arm(
          name: "first stage", isClaimed: false, curriculum: nil, curriculumEnd: nil, development: nil, tried: nil,
          figures: figures)
      ]
    } ?? []
    listed += arms.map { arm in
      RecipeResult.Arm(
        name: arm.arm.name, isClaimed: arm.arm.isClaimed, curriculum: arm.curriculum, curriculumEnd: arm.curriculumEnd,
        development: arm.development, tried: arm.tried,
        figures: measures.map { measure in
          let means = arm.values(measure.name).map(\.mean)
          return RecipeResult.Figure(measure: measure.name, mean: means.mean, seeds: means)
        })
    }
    let result = RecipeResult.Experiment(
      collection: collection, study: experiment.study, name: experiment.name, claim: experiment.claim.text,
      claimMeasure: experiment.claim.measure, itemNoun: itemNoun, items: items.count, seeds: seeds, arms: listed,
      comparisons: comparisons, judgedArm: judged,
      conclusion: decisive.map { Verdict(gain: $0.gain, correctedP: $0.correctedP, seedsP: $0.seedsP) } ?? .notShown)
    return ExperimentDetails(
      result: result, items: items, cells: arms.map { ($0.arm.name, $0.cells) }, bestCurriculum: bestCurriculum)
  }

  /// All arms against the baseline, corrected for their number.
  private func compare(
    _ measure: StudyMeasure, _ test: PairedTest, _ correction: MultipleTesting
  ) throws -> [RecipeResult.Comparison] {
    let baseline = arms.first { $0.arm.name == experiment.baseline }?.values(measure.name) ?? []
    let others = arms.filter { $0.arm.name != experiment.baseline }
    let tests = try others.map { try SeedComparison(first: baseline, second: $0.values(measure.name), test: test) }
    let corrected = try correction.adjust(tests.map(\.overQueries.p))
    let mean = baseline.map(\.mean).mean
    return zip(others, zip(tests, corrected)).map { other, test in
      let difference = test.0.overQueries.meanDifference
      return RecipeResult.Comparison(
        arm: other.arm.name, baseline: experiment.baseline, measure: measure.name, difference: difference,
        relativePercent: measure.isRatio && mean > 0 ? 100 * difference / mean : nil,
        gain: measure.isLowerBetter ? -difference : difference,
        interval: test.0.interval.map { [$0.lower, $0.upper] } ?? [], p: test.0.overQueries.p, correctedP: test.1,
        seedsP: test.0.overSeeds.p)
    }
  }
}

extension [Double] {
  /// 0 for none.
  var mean: Double { isEmpty ? 0 : reduce(0, +) / Double(count) }
}
