import GradusCore
import GradusData
import GradusFormats

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Ratings of movies by users (Harper and Konstan, 2015), from the folder `movielens` of the data folders.
struct MovieLens {
  /// Movies that a user rated with at least 4 of 5 stars, in the order of the file.
  private(set) var liked: [String: [String]] = [:]

  /// - Throws: ``StudyError/missingData(study:what:searched:)``; ``MovieLensError`` with the line of what is no rating.
  init(_ home: DataHome) throws {
    let places = home.collectionFolders.map { $0 + "/movielens" }
    let names = ["ratings.csv.gz", "ratings.csv"]
    let files = places.flatMap { folder in names.map { "\(folder)/\($0)" } }
    guard let path = files.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
      throw StudyError.missingData(study: ImplicitFeedbackStudy.name, what: "movielens/ratings.csv.gz", searched: places)
    }
    try LineReader(path: path).forEachLine { line, number in
      guard number > 1, !line.isEmpty else { return }
      let fields = String(decoding: line, as: UTF8.self).split(separator: ",", omittingEmptySubsequences: false)
      guard fields.count == 4, let rating = Double(fields[2]), !fields[0].isEmpty, !fields[1].isEmpty else {
        throw MovieLensError(file: path, line: number)
      }
      if rating >= 4 { liked[String(fields[0]), default: []].append(String(fields[1])) }
    }
  }
}

/// A line of a file of ratings that is none.
public struct MovieLensError: LineError {
  public let file: String
  /// From 1.
  public let line: Int

  public var problem: String { "expected 'user,movie,rating,time' with a number as rating" }
}
