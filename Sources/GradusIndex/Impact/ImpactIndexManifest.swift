/// What the folder of an impact index holds. First line: `gradus-impacts VERSION CRC32C BYTES`, about the JSON that follows it.
///
/// Versions before 5 are one segment of which nothing is deleted, whose members stand among those of the manifest.
struct ImpactIndexManifest: Equatable, FolderManifest {
  typealias File = IndexManifest.File

  /// Immutable files with some of the documents; only the list of deleted ones is replaced.
  struct Segment: Codable, Equatable, RowSegmentManifest {
    let impacts: File
    let documentsFile: File?
    /// Of all documents of the segment, deleted ones included.
    let statistics: ImpactStatistics
    let columnsFile: File?
    /// Of the postings; nil where all blocks are as wide as their widest number.
    let coding: PostingsCoding?
    var deletionsFile: File?
    private(set) var deleted: Int?

    private enum CodingKeys: String, CodingKey {
      case impacts, documentsFile = "documents", statistics, columnsFile = "columns", coding, deletionsFile = "deletions"
      case deleted
    }

    init(impacts: File, documentsFile: File?, statistics: ImpactStatistics, columnsFile: File?, coding: PostingsCoding?) {
      self.impacts = impacts
      self.documentsFile = documentsFile
      self.statistics = statistics
      self.columnsFile = columnsFile
      self.coding = coding
    }

    var count: Int { statistics.documents }

    var deletedCount: Int {
      get { deleted ?? 0 }
      set { deleted = newValue }
    }

    var files: [File] { [impacts] + [documentsFile, columnsFile, deletionsFile].compactMap { $0 } }

    fileprivate var isSound: Bool {
      (0...Int(Int32.max)).contains(statistics.documents) && (0..<Int(UInt32.max)).contains(statistics.terms)
        && statistics.postings >= 0 && statistics.scale.isFinite && statistics.scale > 0
        && documentsFile != nil && (0...count).contains(deletedCount) && (deleted == nil) == (deletionsFile == nil)
    }
  }

  /// Since 2, an index may have columns, since 3, compact blocks of postings, since 4, a packed dictionary and skip
  /// data, and since 5, several segments, deleted documents, or a greatest weight that its scale does not tell. The lowest
  /// version that can say what the index holds is written.
  static let versions = 1...5
  static let magic = "gradus-impacts"

  let generation: Int
  let configuration: ImpactIndexConfiguration
  /// Of the documents that are not deleted.
  let statistics: ImpactStatistics
  let segments: [Segment]
  /// As ``greatestWeight``; nil where that is what the scale tells.
  private let greatest: Float?

  /// - Parameter greatestWeight: What weights are quantised in steps of; nil where there is none yet.
  init(
    generation: Int, configuration: ImpactIndexConfiguration, statistics: ImpactStatistics, segments: [Segment],
    greatestWeight: Float?
  ) {
    self.generation = generation
    self.configuration = configuration
    self.statistics = statistics
    self.segments = segments
    greatest = greatestWeight == Self.greatestWeight(of: segments) ? nil : greatestWeight
  }

  /// The weight of the greatest impact: those of all documents, of added ones too, are quantised in steps of it. Nil for an index
  /// that was built of documents without weights.
  var greatestWeight: Float? { greatest ?? Self.greatestWeight(of: segments) }

  /// What the scale tells, to the last bit or the one before it; nil where no document has had a weight.
  private static func greatestWeight(of segments: [Segment]) -> Float? {
    segments.first { $0.statistics.terms > 0 }.map {
      Float(Double($0.statistics.scale) * Double(ImpactQuantization.greatestImpact))
    }
  }

  var fileNames: [String] { segments.flatMap { $0.files.map(\.name) } }

  private var isOneWhole: Bool { segments.count == 1 && segments[0].deletionsFile == nil && greatest == nil }

  var version: Int {
    guard isOneWhole else { return 5 }
    return switch segments[0].coding {
    case .packed: 4
    case .compact: 3
    case nil: segments[0].columnsFile != nil ? 2 : 1
    }
  }

  var isSound: Bool {
    !segments.isEmpty && segments.allSatisfy { $0.isSound && $0.statistics.scale == statistics.scale }
      && segments.reduce(0) { $0 + $1.count } <= Int(UInt32.max)
      && statistics.documents == segments.reduce(0) { $0 + $1.count - $1.deletedCount }
      && statistics.terms >= 0 && statistics.postings >= 0 && (greatest ?? 1).isFinite && (greatest ?? 1) > 0
  }
}

extension ImpactIndexManifest {
  private enum CodingKeys: String, CodingKey { case generation, configuration, statistics, segments, greatest }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    generation = try values.decode(Int.self, forKey: .generation)
    configuration = try values.decode(ImpactIndexConfiguration.self, forKey: .configuration)
    statistics = try values.decode(ImpactStatistics.self, forKey: .statistics)
    greatest = try values.decodeIfPresent(Float.self, forKey: .greatest)
    segments = try values.contains(.segments)
      ? values.decode([Segment].self, forKey: .segments) : [try Segment(from: decoder)]
  }

  func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(generation, forKey: .generation)
    try values.encode(configuration, forKey: .configuration)
    try values.encode(statistics, forKey: .statistics)
    try values.encodeIfPresent(greatest, forKey: .greatest)
    if isOneWhole { try segments[0].encode(to: encoder) } else { try values.encode(segments, forKey: .segments) }
  }
}
