/// What the folder of an impact index holds. First line: `gradus-impacts VERSION CRC32C BYTES`, about the JSON that follows it.
struct ImpactIndexManifest: Equatable, FolderManifest {
  /// Since 2, an index may have columns, since 3, compact blocks of postings, and since 4, a packed dictionary and skip data. The
  /// lowest version that can say what the index holds is written.
  static let versions = 1...4
  static let magic = "gradus-impacts"

  let generation: Int
  let configuration: ImpactIndexConfiguration
  let impacts: IndexManifest.File
  let documents: IndexManifest.File
  let statistics: ImpactStatistics
  /// Metadata by column, if the index was built with columns.
  var columns: IndexManifest.File?
  /// Of the postings; nil where all blocks are as wide as their widest number.
  var coding: PostingsCoding?

  var fileNames: [String] { [impacts, documents, columns].compactMap { $0?.name } }

  var version: Int {
    switch coding {
    case .packed: 4
    case .compact: 3
    case nil: columns != nil ? 2 : 1
    }
  }

  var isSound: Bool {
    (0...Int(Int32.max)).contains(statistics.documents) && (0..<Int(UInt32.max)).contains(statistics.terms)
      && statistics.postings >= 0 && statistics.scale.isFinite && statistics.scale > 0
  }
}
