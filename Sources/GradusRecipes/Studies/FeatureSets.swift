import GradusCore
import GradusData
import GradusFormats
import GradusTensor

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Queries of rows of features with grades, in LETOR's format.
struct FeatureSets: Sendable {
  struct Row: Sendable {
    let grade: Double
    let features: [Float]
  }

  let training: [[Row]]
  let test: [[Row]]
  let inputs: Int

  init(_ home: DataHome) throws {
    let places = home.collectionFolders.map { $0 + "/ltr-lightgbm" }
    guard let folder = places.first(where: { FileManager.default.fileExists(atPath: $0 + "/train.letor.txt.gz") }) else {
      throw StudyError.missingData(study: SetRankingStudy.name, what: "ltr-lightgbm/train.letor.txt.gz", searched: places)
    }
    let train = try Self.read(folder + "/train.letor.txt.gz")
    let test = try Self.read(folder + "/test.letor.txt.gz")
    let width = max(train.width, test.width)
    func rows(_ queries: [[(grade: Double, features: [(Int, Float)])]]) -> [[Row]] {
      queries.map { query in
        query.map { row in
          var features = [Float](repeating: 0, count: width)
          for (position, value) in row.features { features[position - 1] = value }
          return Row(grade: row.grade, features: features)
        }
      }
    }
    inputs = width
    training = rows(train.queries)
    // Without a relevant row there is nothing to measure.
    self.test = rows(test.queries).filter { $0.contains { $0.grade > 0 } }
  }

  func tensor(_ sets: [[Row]]) -> Tensor {
    let longest = sets.map(\.count).max() ?? 0
    let padding = [Float](repeating: 0, count: inputs)
    let values = sets.flatMap { rows in (0..<longest).flatMap { $0 < rows.count ? rows[$0].features : padding } }
    return Tensor(values, shape: [sets.count, longest, inputs])
  }

  private static func read(
    _ path: String
  ) throws -> (queries: [[(grade: Double, features: [(Int, Float)])]], width: Int) {
    var queries: [[(grade: Double, features: [(Int, Float)])]] = []
    var last = ""
    var width = 0
    try LineReader(path: path).forEachLine { line, number in
      let fields = String(decoding: line, as: UTF8.self).prefix { $0 != "#" }.split(separator: " ")
      guard !fields.isEmpty else { return }
      let error = FeatureFileError(file: path, line: number)
      guard fields.count >= 2, let grade = Double(fields[0]), grade >= 0, fields[1].hasPrefix("qid:") else { throw error }
      let features = try fields.dropFirst(2).map { field -> (Int, Float) in
        let parts = field.split(separator: ":")
        guard parts.count == 2, let position = Int(parts[0]), position >= 1, let value = Float(parts[1]) else { throw error }
        width = max(width, position)
        return (position, value)
      }
      if queries.isEmpty || last != fields[1] { queries.append([]) }
      last = String(fields[1])
      queries[queries.count - 1].append((grade, features))
    }
    return (queries, width)
  }
}

/// A line of a feature file that is none.
public struct FeatureFileError: GradusError, Equatable {
  public let file: String
  /// From 1.
  public let line: Int

  public var failureKind: FailureKind { .badData }
  public var description: String { "\(file):\(line): expected 'GRADE qid:ID POSITION:VALUE ...', positions from 1" }
}
