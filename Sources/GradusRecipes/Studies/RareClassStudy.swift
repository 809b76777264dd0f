import GradusCore
import GradusTrain

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The simulations of the PRESTO paper: ordered classes whose last is rare, with boundaries whose slopes differ in few features
/// (design `sparse`) or a little in all (`dense`).
///
/// Features are uniform on (-1, 1). Sparse: each slope of the first boundary is 0.5 with probability `density`, each later
/// difference +0.5 or -0.5 with that probability, otherwise 0. Dense: all of them uniform on (-0.5, 0.5). Draws in which a
/// class has a negative probability somewhere, or occurs nowhere, are drawn again.
public enum RareClassStudy: Study {
  public static let name = "rare-class"
  public static let summary = "the probability of a rare last class, estimated from simulated data"
  public static let items = "draws"
  public static let settings = [
    StudySetting("method", .choice(OrdinalMethod.allCases.map(\.rawValue)), default: "presto", "who estimates"),
    StudySetting("design", .choice(["sparse", "dense"]), default: "sparse", "how slopes differ between boundaries"),
    StudySetting("density", .number(0...1), default: "0.5", "q of the sparse design"),
    StudySetting("intercepts", .text, default: "0, 3, 5", "of the class boundaries, rising"),
    StudySetting("rows", .count(least: 50), default: "2500", "observations of a draw"),
    StudySetting("features", .count(least: 1), default: "10", "features"),
    StudySetting("lambdas", .count(least: 2), default: "20", "penalties to choose from by five-fold cross-validation"),
    StudySetting("draws", .count(least: 2), default: "10", "simulated data sets of a seed"),
  ]
  public static let measures = [StudyMeasure("squared error of P(rare), x 100,000", isLowerBetter: true)]

  public static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome {
    let intercepts = settings["intercepts"].split(separator: ",").compactMap { Double($0.filter { $0 != " " }) }
    guard intercepts.count >= 2, zip(intercepts, intercepts.dropFirst()).allSatisfy({ $0 < $1 }),
      intercepts.count == settings["intercepts"].split(separator: ",").count
    else {
      throw SettingError.value(setting: "intercepts", found: settings["intercepts"], expected: "at least two rising numbers")
    }
    let method = OrdinalMethod(rawValue: settings["method"]) ?? .presto
    let generator = SeededGenerator(seed: seed)
    let count = settings.count("draws")
    let errors = try (0..<count).map { number -> Double in
      let draw = Draw(settings, intercepts: intercepts, generator: generator.stream("draw", number))
      let folds = OrdinalCrossValidation.folds(5, of: draw.classes, seed: seed)
      let fit = try method.fit(
        draw.rows, classes: draw.classes, levels: intercepts.count + 1, folds: folds, lambdas: settings.count("lambdas"))
      let squares = zip(draw.rows, draw.rare).map { row, truth in
        (fit.topProbability(row) - truth) * (fit.topProbability(row) - truth)
      }
      return 1e5 * squares.mean
    }
    return StudyOutcome(items: (1...count).map { "draw \($0)" }, values: [measures[0].name: errors])
  }

  /// One simulated data set.
  struct Draw {
    private(set) var rows: [[Double]] = []
    private(set) var classes: [Int] = []
    /// The true probability of the last class, row by row.
    private(set) var rare: [Double] = []

    init(_ settings: StudySettings, intercepts: [Double], generator: SeededGenerator) {
      var stream = generator
      while !draw(settings, intercepts, &stream) {}
    }

    /// - Returns: Whether it is a data set that can be used.
    private mutating func draw(_ settings: StudySettings, _ intercepts: [Double], _ stream: inout SeededGenerator) -> Bool {
      let features = settings.count("features"), density = settings.number("density")
      let isSparse = settings["design"] == "sparse"
      var slopes: [[Double]] = []
      for boundary in intercepts.indices {
        let last = slopes.last ?? [Double](repeating: 0, count: features)
        slopes.append(last.map { before in
          let (chance, side) = (stream.uniform(), stream.uniform())
          if !isSparse { return before + chance - 0.5 }
          return chance < density ? before + (boundary > 0 && side < 0.5 ? -0.5 : 0.5) : before
        })
      }
      rows = []
      classes = []
      rare = []
      for _ in 0..<settings.count("rows") {
        let row = (0..<features).map { _ in 2 * stream.uniform() - 1 }
        let cumulative = zip(intercepts, slopes).map { intercept, own -> Double in
          1 / (1 + exp(-zip(own, row).reduce(intercept) { $0 + $1.0 * $1.1 }))
        }
        guard zip(cumulative, cumulative.dropFirst()).allSatisfy({ $0 < $1 }) else { return false }
        let place = stream.uniform()
        rows.append(row)
        classes.append(cumulative.firstIndex { place < $0 } ?? intercepts.count)
        rare.append(1 - (cumulative.last ?? 0))
      }
      // Each class often enough for every fold to have it.
      return (0...intercepts.count).allSatisfy { level in classes.count { $0 == level } >= 5 }
    }
  }
}
