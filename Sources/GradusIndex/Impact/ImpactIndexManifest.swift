/// What the folder of an impact index holds. First line: `gradus-impacts VERSION CRC32C BYTES`, about the JSON that follows it.
struct ImpactIndexManifest: Equatable, FolderManifest {
  /// Since 2, an index may have columns. What has none is still written as version 1.
  static let versions = 1...2
  static let magic = "gradus-impacts"

  let generation: Int
  let configuration: ImpactIndexConfiguration
  let impacts: IndexManifest.File
  let documents: IndexManifest.File
  let statistics: ImpactStatistics
  /// Metadata by column, if the index was built with columns.
  var columns: IndexManifest.File?

  var fileNames: [String] { [impacts, documents, columns].compactMap { $0?.name } }

  var version: Int { columns == nil ? 1 : 2 }

  var isSound: Bool {
    (0...Int(Int32.max)).contains(statistics.documents) && (0..<Int(UInt32.max)).contains(statistics.terms)
      && statistics.postings >= 0 && statistics.scale.isFinite && statistics.scale > 0
  }
}
