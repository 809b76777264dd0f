import GradusCore

/// Settings among whose values development data choose: of an experiment, for all of its arms, or of one arm.
///
///     grid: {learning-rate: [0.01, 0.03], loss: ["z-loss(a=1,b=5)", "z-loss(a=1,b=10)"]}
///
/// Every combination is run with the first seed, and the one with the best development figure, the first among equals, with all
/// seeds. The values of the test data choose nothing. A quick plan takes the first value of each.
public struct RecipeGrid: Sendable, Equatable {
  public struct Axis: Sendable, Equatable {
    public let setting: String
    /// In the order in which they are tried.
    public let values: [String]
  }

  public internal(set) var axes: [Axis] = []

  /// Another grid's axes on top of this one's: the other's values win where both have a setting.
  func merged(with other: RecipeGrid) -> RecipeGrid {
    let names = Set(other.axes.map(\.setting))
    return RecipeGrid(axes: axes.filter { !names.contains($0.setting) } + other.axes)
  }

  /// All combinations, the last axis changing fastest; one empty combination without axes.
  var combinations: [[Recipe.Setting]] {
    axes.reduce([[]]) { found, axis in
      found.flatMap { start in axis.values.map { start + [Recipe.Setting(name: axis.setting, value: $0)] } }
    }
  }

  /// The first value of each axis alone.
  var first: RecipeGrid { RecipeGrid(axes: axes.map { Axis(setting: $0.setting, values: Array($0.values.prefix(1))) }) }

  /// The combination with the best development figure.
  ///
  /// - Parameter development: The figure of a combination, more is better; nil where the run has none.
  /// - Returns: The choice and its number, and what was tried where there was more than one combination.
  func choose(
    _ development: ([Recipe.Setting], _ number: Int) throws -> Double?
  ) rethrows -> (number: Int, settings: [Recipe.Setting], tried: [RecipeResult.Trial]?) {
    let all = combinations
    guard all.count > 1 else { return (0, all[0], nil) }
    let tried = try all.enumerated().map { number, settings in
      RecipeResult.Trial(settings: settings, development: try development(settings, number))
    }
    let best = RecipeResult.Trial.best(tried)
    return (best, all[best], tried)
  }
}

extension RecipeResult {
  /// A combination of a grid that was tried with one seed.
  public struct Trial: Sendable, Equatable, Codable {
    public let settings: [Recipe.Setting]
    /// Nil for a run that came to nothing.
    public let development: Double?

    /// The first with the best development figure; the first of all where none has one.
    static func best(_ tried: [Trial]) -> Int {
      tried.indices.dropFirst().reduce(0) { best, next in
        (tried[next].development ?? -.infinity) > (tried[best].development ?? -.infinity) ? next : best
      }
    }

    /// As tables print it.
    var text: String { settings.map { "\($0.name) \($0.value)" }.joined(separator: ", ") }
  }
}

extension YAMLMapping {
  /// Keys with one value or several as the axes of a grid, checked like the settings of a study or a training.
  func grid(of study: (any Study.Type)?) throws -> RecipeGrid {
    var axes: [RecipeGrid.Axis] = []
    for (key, values, line) in try textLists() {
      for value in values { try checkSetting(key, value, line: line, of: study) }
      axes.append(RecipeGrid.Axis(setting: key, values: values))
    }
    return RecipeGrid(axes: axes)
  }
}
