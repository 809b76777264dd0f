import GradusCore

/// Weightings by the names that command lines and recipes give them; several multiply.
///
///     try WeightingNames.parse("loss(shape=lin-upper,warmup=50) * consensus(view=first-stage)")
///
/// A single weighting is used as it is; the product of several, and that of a curriculum and any of these, is renormalised
/// over each batch to a mean of 1 (``ProductWeighting/Renormalization/mean(_:)``).
public enum WeightingNames {
  public static let all = ["loss", "cet", "propensity", "consensus"]

  /// A weighting as its text says, before it meets the data.
  public enum Specification: Sendable, Equatable {
    case loss(LossReweighting)
    case cet(CoupledEstimation)
    case propensity(temperature: Double, missingRank: Int)
    /// `readsFirstStage`: the first stage is the second view.
    case consensus(ConfidentConsensusDivision, startEpoch: Int, readsFirstStage: Bool)
  }

  /// The name of the second model that coupled estimation trains.
  public static let selectionModel = "selection"

  /// - Parameter text: Names of ``all`` with their settings, separated by `*`; `none` or nothing for no weighting.
  ///   - `loss`: `shape` (lin-upper, quadratic, extremes, upper), `temperature` 0.4, `warmup` 1000 steps, `delta` 1;
  ///     ``LossReweighting``.
  ///   - `cet`: `temperature` 10, `maximum`, `normalised` (true, false); ``CoupledEstimation``.
  ///   - `propensity`: `temperature` 1, `missing` 1000; ``InversePropensityWeighting``.
  ///   - `consensus`: `threshold` 0.5, `uncertain` (coin, drop, half), `start` 1, `view` (first-stage, none), `mixture`
  ///     (moderate, heavy); ``ConsensusWeighting``.
  /// - Throws: ``NameError``, ``WeightingError`` for values that cannot be meant.
  public static func parse(_ text: String) throws -> [Specification] {
    guard text != "none", !text.isEmpty else { return [] }
    return try text.split(separator: "*", omittingEmptySubsequences: false).map { part in
      let name = part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
      return try specification(String(name))
    }
  }

  private static func specification(_ text: String) throws -> Specification {
    var settings = try NamedSettings(text)
    let result: Specification
    switch settings.name {
    case "loss":
      result = .loss(
        try LossReweighting(
          shape: try settings.choice("shape") ?? .linUpper, temperature: try settings.take("temperature", as: Double.self) ?? 0.4,
          warmupSteps: try settings.take("warmup", as: Int.self) ?? 1000,
          delta: try settings.take("delta", as: Double.self) ?? 1))
    case "cet":
      result = .cet(
        try CoupledEstimation(
          selection: selectionModel, temperature: try settings.take("temperature", as: Double.self) ?? 10,
          maximumWeight: try settings.take("maximum", as: Double.self),
          isNormalized: try settings.take("normalised", as: Bool.self) ?? false))
    case "propensity":
      let temperature = try settings.take("temperature", as: Double.self) ?? 1
      let missing = try settings.take("missing", as: Int.self) ?? 1000
      result = .propensity(
        temperature: try WeightingError.positive("the temperature of inverse propensity", temperature),
        missingRank: try WeightingError.count("the rank of documents outside the run", missing, least: 1))
    case "consensus":
      let views = ["first-stage": true, "none": false]
      let mixtures = ["moderate": TwoComponentGaussianMixture.Options.moderate, "heavy": .heavy]
      let start = try settings.take("start", as: Int.self) ?? 1
      result = .consensus(
        try ConfidentConsensusDivision(
          threshold: try settings.take("threshold", as: Double.self) ?? 0.5,
          uncertain: try settings.choice("uncertain") ?? .coinFlip,
          mixture: try settings.choice("mixture", mixtures) ?? .moderate),
        startEpoch: try WeightingError.count("the first epoch of consensus division", start, least: 0),
        readsFirstStage: try settings.choice("view", views) ?? true)
    default: throw NameError.unknown(settings.name, known: all)
    }
    try settings.finish()
    return result
  }
}

extension NamedSettings {
  mutating func choice<Value>(_ key: String, _ choices: [String: Value]) throws(NameError) -> Value? {
    guard let text = take(key) else { return nil }
    guard let value = choices[text] else { throw .value(text: self.text, key: key, found: text) }
    return value
  }

  mutating func choice<Value: RawRepresentable<String> & CaseIterable>(_ key: String) throws(NameError) -> Value? {
    try choice(key, Dictionary(uniqueKeysWithValues: Value.allCases.map { ($0.rawValue, $0) }))
  }
}
