import GradusCore
import GradusEval
import GradusIndex
import GradusModels
import GradusTrain

/// One setting of a training by name: how its text is read and written.
struct SettingAccess: Sendable {
  let name: String
  let get: @Sendable (TrainingSettings) -> String
  let set: @Sendable (inout TrainingSettings, String) throws -> Void

  /// In the order in which they are listed.
  static let all: [SettingAccess] = [
    text("model", \.model, check: notEmpty),
    text("data", \.data, check: notEmpty),
    choice("architecture", \.architecture),
    choice("head", \.head),
    SettingAccess(name: "first-stage", get: { $0.firstStage.description }) { $0.firstStage = try BM25(parsing: $1) },
    count("depth", \.depth),
    text("loss", \.loss) { name, value in
      try named(name, value) { _ = try LossNames.named(value) }
    },
    choice("sampling", \.sampling),
    count("negatives", \.negatives),
    count("list-size", \.listSize, least: 2),
    text("teacher", \.teacher) { _, _ in },
    text("guide", \.guide) { _, _ in },
    count("positive-grade", \.positiveGrade),
    text("curriculum", \.curriculum) { name, value in
      if value != "none" { try named(name, value, alsoKnown: ["none"]) { _ = try CurriculumNames.heuristic(value) } }
    },
    optionalCount("curriculum-end", \.curriculumEnd, none: "never"),
    flag("anti", \.isAnti),
    text("curriculum-weighting", \.curriculumWeighting) { name, value in
      try named(name, value) { _ = try CurriculumNames.granularity(value) }
    },
    text("weighting", \.weighting, check: checkWeighting),
    count("samples-per-epoch", \.samplesPerEpoch),
    count("epochs", \.epochs),
    count("patience", \.patience),
    count("batch", \.batch),
    optionalCount("micro-batch", \.microBatch, none: "none"),
    optionalCount("gradient-cache", \.gradientCache, none: "none"),
    flag("checkpoint-activations", \.checkpointsActivations),
    rate("encoder-learning-rate", \.encoderLearningRate),
    rate("head-learning-rate", \.headLearningRate),
    choice("schedule", \.schedule),
    count("warmup", \.warmup, least: 0),
    SettingAccess(name: "gradient-clipping", get: { $0.gradientClipping.map { "\($0)" } ?? "none" }) {
      $0.gradientClipping = $1 == "none" ? nil : try positive("gradient-clipping", $1)
    },
    optionalCount("layers", \.layers, none: "all", least: 0),
    choice("precision", \.precision),
    count("maximum-tokens", \.maximumTokens, least: 8),
    count("maximum-query-tokens", \.maximumQueryTokens),
    optionalCount("encoder-layers", \.encoderLayers, none: "all"),
    count("join-layer", \.joinLayer, least: 0),
    SettingAccess(name: "exits", get: { $0.exits.isEmpty ? "none" : $0.exits.map { "\($0)" }.joined(separator: ",") }) {
      settings, value in
      settings.exits = value == "none" ? [] : try value.split(separator: ",", omittingEmptySubsequences: false).map {
        try integer("exits", String($0), least: 1, or: "none")
      }
    },
    rate("exit-weight", \.exitWeight),
    text("dev-measure", \.devMeasure) { _, value in _ = try MeasureSpecification(value) },
    count("dev-depth", \.devDepth),
    optionalCount("dev-queries", \.devQueries, none: "all"),
    flag("tune-first-stage-weight", \.tunesFirstStageWeight),
    SettingAccess(name: "seed", get: { "\($0.seed)" }) { settings, value in
      guard let seed = UInt64(value) else { throw SettingError.value(setting: "seed", found: value, expected: "a whole number") }
      settings.seed = seed
    },
  ]

  typealias Path<Value> = WritableKeyPath<TrainingSettings, Value> & Sendable

  private static func notEmpty(_ name: String, _ value: String) throws {
    if value.isEmpty { throw SettingError.value(setting: name, found: value, expected: "a name or a path") }
  }

  private static func text(
    _ name: String, _ path: Path<String>, check: @escaping @Sendable (String, String) throws -> Void
  ) -> SettingAccess {
    SettingAccess(name: name, get: { $0[keyPath: path] }) { settings, value in
      try check(name, value)
      settings[keyPath: path] = value
    }
  }

  /// Adds the nearest name to the error for a part of a training that is not known.
  private static func named(_ setting: String, _ value: String, alsoKnown: [String] = [], _ body: () throws -> Void) throws {
    do {
      try body()
    } catch NameError.unknown(let name, let known) {
      throw SettingError.choice(setting, found: value, name: name, known: alsoKnown + known)
    }
  }

  /// Also for studies, which have a setting of this kind.
  static func checkWeighting(_ name: String, _ value: String) throws {
    try named(name, value, alsoKnown: ["none"]) { _ = try WeightingNames.parse(value) }
  }

  /// For studies, which read either scores or vectors.
  static func checkLoss(_ name: String, _ value: String, overScores: Bool) throws {
    try named(name, value) {
      switch (try LossNames.named(value), overScores) {
      case (.scores, true), (.vectors, false): break
      default:
        let kind = overScores ? "a loss over scores" : "a loss over vectors"
        throw SettingError.value(setting: name, found: value, expected: kind)
      }
    }
  }

  private static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
    _ name: String, _ path: Path<Value>
  ) -> SettingAccess {
    SettingAccess(name: name, get: { $0[keyPath: path].rawValue }) { settings, value in
      guard let choice = Value(rawValue: value) else {
        throw SettingError.choice(name, found: value, known: Value.allCases.map(\.rawValue))
      }
      settings[keyPath: path] = choice
    }
  }

  private static func flag(_ name: String, _ path: Path<Bool>) -> SettingAccess {
    SettingAccess(name: name, get: { "\($0[keyPath: path])" }) { settings, value in
      guard let flag = Bool(value) else { throw SettingError.value(setting: name, found: value, expected: "true or false") }
      settings[keyPath: path] = flag
    }
  }

  private static func integer(_ name: String, _ value: String, least: Int, or none: String? = nil) throws -> Int {
    guard let number = Int(value), number >= least else {
      let other = none.map { " or '\($0)'" } ?? ""
      throw SettingError.value(setting: name, found: value, expected: "a whole number of at least \(least)\(other)")
    }
    return number
  }

  private static func count(_ name: String, _ path: Path<Int>, least: Int = 1) -> SettingAccess {
    SettingAccess(name: name, get: { "\($0[keyPath: path])" }) { settings, value in
      settings[keyPath: path] = try integer(name, value, least: least)
    }
  }

  private static func optionalCount(_ name: String, _ path: Path<Int?>, none: String, least: Int = 1) -> SettingAccess {
    SettingAccess(name: name, get: { $0[keyPath: path].map { "\($0)" } ?? none }) { settings, value in
      settings[keyPath: path] = value == none ? nil : try integer(name, value, least: least, or: none)
    }
  }

  private static func rate(_ name: String, _ path: Path<Double>) -> SettingAccess {
    SettingAccess(name: name, get: { "\($0[keyPath: path])" }) { $0[keyPath: path] = try positive(name, $1) }
  }

  private static func positive(_ name: String, _ value: String) throws -> Double {
    guard let number = Double(value), number > 0, number.isFinite else {
      throw SettingError.value(setting: name, found: value, expected: "a number above 0")
    }
    return number
  }
}
