#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusText

extension InvertedIndex {
  /// A hash that changes with the collection and with how it was analysed: of the analyzer, the counts, and the checksums of
  /// all sections. The same documents, built with any number of threads, have the same one; spread over other segments, or packed
  /// in another way, they have another.
  ///
  /// - Complexity: O(1): the sections are not read.
  public func fingerprint() throws -> String {
    struct Content: Encodable {
      let analyzer: AnalyzerConfiguration
      let statistics: IndexStatistics
      let sections: [String]
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let content = Content(
      analyzer: analyzerConfiguration, statistics: statistics, sections: segments.flatMap { $0.files.flatMap(\.checksums) })
    return SHA256Digest.hex(of: [UInt8](try encoder.encode(content)))
  }
}

extension SectionFile {
  /// `tag bytes checksum` of each section, in the order of the tags.
  fileprivate var checksums: [String] {
    Section.allCases.compactMap { section in summary(of: section).map { "\(section.rawValue) \($0.bytes) \($0.checksum)" } }
  }
}
