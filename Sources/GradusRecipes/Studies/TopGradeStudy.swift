import GradusCore
import GradusTrain

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The probability that a document has the top grade, which is rare, from features: ``OrdinalRegression`` as a ranker, on the
/// ranking example of LightGBM (folder `ltr-lightgbm` of the data folders).
///
/// All queries are tested, each by a model of the four fifths of the queries that it is not in; which ones is the seed's. Every
/// model sees the same few features, those that correlate most with the grade in its training part, and chooses its penalty by
/// five folds of queries.
public enum TopGradeStudy: Study {
  public static let name = "top-grade"
  public static let summary = "P(top grade) of documents from features, as a probability and as a ranking"
  public static let items = "queries"
  public static let settings = [
    StudySetting("method", .choice(OrdinalMethod.allCases.map(\.rawValue)), default: "presto", "who estimates"),
    StudySetting("features", .count(least: 1), default: "20", "features of the largest correlation with the grade"),
    StudySetting("lambdas", .count(least: 2), default: "20", "penalties to choose from by five-fold cross-validation"),
    StudySetting("queries", .count(least: 25), default: "100000", "most queries"),
  ]
  public static let measures = [
    StudyMeasure("log loss of the top grade", isLowerBetter: true),
    StudyMeasure("squared error of the top grade", isLowerBetter: true), StudyMeasure("nDCG@10"),
  ]

  public static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome {
    let data = try FeatureSets(context.home)
    let all = (data.training + data.test).filter { $0.contains { $0.grade > 0 } }
    let queries = Array(all.prefix(settings.count("queries")))
    let top = queries.flatMap { $0 }.map { Int($0.grade) }.max() ?? 0
    let generator = SeededGenerator(seed: seed)
    let folds = self.folds(queries, top: top, generator: generator)
    let method = OrdinalMethod(rawValue: settings["method"]) ?? .presto
    var values = [[Double]](repeating: [Double](repeating: 0, count: queries.count), count: measures.count)
    for fold in 0..<5 {
      let kept = queries.indices.filter { folds[$0] != fold }
      let inner = self.folds(kept.map { queries[$0] }, top: top, generator: generator.stream("inner", fold))
      let rows = kept.flatMap { queries[$0] }
      let chosen = self.features(rows, count: settings.count("features"))
      func vector(_ row: FeatureSets.Row) -> [Double] { chosen.map { Double(row.features[$0]) } }
      let fit = try method.fit(
        rows.map(vector), classes: rows.map { Int($0.grade) }, levels: top + 1,
        folds: zip(kept, inner).flatMap { query, fold in queries[query].map { _ in fold } },
        lambdas: settings.count("lambdas"))
      for query in queries.indices where folds[query] == fold {
        let probabilities = queries[query].map { fit.topProbability(vector($0)) }
        let isTop = queries[query].map { Int($0.grade) == top }
        values[0][query] = zip(probabilities, isTop).map { -log(max($1 ? $0 : 1 - $0, 1e-12)) }.mean
        values[1][query] = zip(probabilities, isTop).map { ($0 - ($1 ? 1 : 0)) * ($0 - ($1 ? 1 : 0)) }.mean
        let order = probabilities.indices.sorted { (-probabilities[$0], $0) < (-probabilities[$1], $1) }
        values[2][query] = SetRankingStudy.ndcg(order.map { queries[query][$0].grade })
      }
    }
    return StudyOutcome(
      items: queries.indices.map { "query \($0 + 1)" },
      values: Dictionary(uniqueKeysWithValues: zip(measures.map(\.name), values)))
  }

  /// Five folds of queries, those with a document of the top grade dealt out first, so that each fold has its share.
  static func folds(_ queries: [[FeatureSets.Row]], top: Int, generator: SeededGenerator) -> [Int] {
    var stream = generator.stream("folds of queries")
    let order = stream.permutation(queries.count)
    let isRare = queries.map { $0.contains { Int($0.grade) == top } }
    var folds = [Int](repeating: 0, count: queries.count)
    for (place, query) in (order.filter { isRare[$0] } + order.filter { !isRare[$0] }).enumerated() { folds[query] = place % 5 }
    return folds
  }

  /// The positions with the largest absolute correlation with the grade, the first of equals.
  static func features(_ rows: [FeatureSets.Row], count: Int) -> [Int] {
    let grades = rows.map(\.grade)
    let mean = grades.mean
    let strengths = (rows.first?.features.indices ?? 0..<0).map { feature -> Double in
      let values = rows.map { Double($0.features[feature]) }
      let center = values.mean
      let variance = values.map { ($0 - center) * ($0 - center) }.mean
      let covariance = zip(values, grades).map { ($0 - center) * ($1 - mean) }.mean
      return variance > 0 ? abs(covariance) / variance.squareRoot() : 0
    }
    return Array(strengths.indices.sorted { (-strengths[$0], $0) < (-strengths[$1], $1) }.prefix(count)).sorted()
  }
}
