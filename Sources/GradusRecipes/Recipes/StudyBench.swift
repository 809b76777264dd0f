import GradusCore

/// Runs the arms of an experiment that is a study.
struct StudyBench {
  let run: RecipeRun
  let study: any Study.Type

  func run(_ experiment: Recipe.Experiment) throws -> ExperimentDetails {
    let seeds = run.seeds ?? experiment.seeds
    var items: [String]?
    var arms: [TrainedArm] = []
    for arm in experiment.arms {
      let given = experiment.settings + arm.settings
      func settings(_ chosen: [Recipe.Setting]) throws -> StudySettings {
        try StudySettings(study, (given + chosen).map { ($0.name, $0.value) })
      }
      let choice = try experiment.grid.merged(with: arm.grid).choose { chosen, number in
        try cell("\(arm.name)-grid\(number + 1)", experiment, try settings(chosen), seed: 1).development
      }
      let settings = try settings(choice.settings)
      let cells = try (1...seeds).map { seed in
        // The first seed of the choice has been run already.
        let isKnown = seed == 1 && choice.tried != nil
        let name = isKnown ? "\(arm.name)-grid\(choice.number + 1)" : "\(arm.name)-seed\(seed)"
        let cell = try cell(name, experiment, settings, seed: UInt64(seed))
        guard items ?? cell.items == cell.items else {
          throw StudyError.otherItems(study: study.name, cell: name)
        }
        items = cell.items
        return cell
      }
      arms.append(TrainedArm(arm: arm, cells: cells, curriculum: nil, curriculumEnd: nil, tried: choice.tried))
    }
    let comparison = ExperimentComparison(
      experiment: experiment, collection: nil, itemNoun: study.items, items: items ?? [], seeds: seeds,
      measures: study.measures, arms: arms)
    return try comparison.details(test: run.recipe.test, correction: run.recipe.correction)
  }

  private func cell(
    _ name: String, _ experiment: Recipe.Experiment, _ settings: StudySettings, seed: UInt64
  ) throws -> RecipeCell {
    var parts = settings.values.map { "\($0.name)=\($0.value)" }
    parts += ["study=\(study.name)", "study-version=\(study.version)", "seed=\(seed)", "version=\(GradusVersion.current)"]
    let digest = SHA256Digest.hex(of: Array(parts.joined(separator: "\n").utf8))
    return try run.cell(name, in: experiment.name, digest: digest) {
      let outcome = try study.run(settings, seed: seed, context: StudyContext(home: run.home))
      for measure in study.measures {
        guard let values = outcome.values[measure.name], values.count == outcome.items.count,
          values.allSatisfy(\.isFinite)
        else { throw StudyError.values(study: study.name, measure: measure.name, cell: name) }
      }
      return RecipeCell(
        digest: digest, development: outcome.development, values: outcome.values, items: outcome.items,
        curves: outcome.curves)
    }
  }
}

/// A study that did not give what was agreed, or lacks its data.
public enum StudyError: GradusError, Equatable {
  /// Not one finite value an item.
  case values(study: String, measure: String, cell: String)
  /// Arms or seeds with different items cannot be paired.
  case otherItems(study: String, cell: String)
  case missingData(study: String, what: String, searched: [String])

  public var failureKind: FailureKind {
    if case .missingData = self { .missingInput } else { .failed }
  }

  public var description: String {
    switch self {
    case .values(let study, let measure, let cell):
      "study \(study), \(cell): expected a finite \(measure) for each item; lower the learning rate of the recipe"
    case .otherItems(let study, let cell):
      "study \(study), \(cell): its items are not those before it; settings that change them belong to the experiment"
    case .missingData(let study, let what, let searched):
      "study \(study) needs \(what), not found in \(searched.joined(separator: ", ")); set GRADUS_DATA to its folder"
    }
  }
}
