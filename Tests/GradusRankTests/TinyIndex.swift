import Foundation
import GradusCore
import GradusIndex
import GradusText

enum TinyIndex {
  /// Every word its own term. The files are mapped: they outlive their folder.
  static func build(
    _ documents: [Document],
    analyzer: AnalyzerConfiguration = AnalyzerConfiguration(
      language: "none", tokenization: .wordCharacters, minimumTokenLength: 1)
  ) throws -> InvertedIndex {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gradus-rank-" + UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let builder = try IndexBuilder(directory: folder, analyzer: analyzer)
    for document in documents { try builder.add(document) }
    _ = try builder.finish()
    return try InvertedIndex(path: folder)
  }
}
