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
    let train = try LETORReader.read(folder + "/train.letor.txt.gz")
    let test = try LETORReader.read(folder + "/test.letor.txt.gz")
    let width = max(train.width, test.width)
    func rows(_ data: FeatureData) -> [[Row]] {
      let data = data.widened(to: width)
      return data.groups.map { group in
        group.rows.map { Row(grade: Double(data.grades[$0]), features: Array(data.row($0))) }
      }
    }
    inputs = width
    training = rows(train)
    // Without a relevant row there is nothing to measure.
    self.test = rows(test).filter { $0.contains { $0.grade > 0 } }
  }

  func tensor(_ sets: [[Row]]) -> Tensor {
    let longest = sets.map(\.count).max() ?? 0
    let padding = [Float](repeating: 0, count: inputs)
    let values = sets.flatMap { rows in (0..<longest).flatMap { $0 < rows.count ? rows[$0].features : padding } }
    return Tensor(values, shape: [sets.count, longest, inputs])
  }
}
