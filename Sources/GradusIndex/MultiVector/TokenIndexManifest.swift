/// What the folder of a late-interaction index holds. First line: `gradus-tokens VERSION CRC32C BYTES`.
///
/// Version 1 is one segment of which nothing is deleted, whose members stand among those of the manifest.
struct TokenIndexManifest: Equatable, FolderManifest {
  typealias File = IndexManifest.File

  /// Immutable files with some of the documents; only the list of deleted ones is replaced. The first one's file of tokens has
  /// the centroids and levels of all.
  struct Segment: Codable, Equatable, RowSegmentManifest {
    let file: File
    let count: Int
    let tokens: Int
    var documentsFile: File?
    var columnsFile: File?
    var deletionsFile: File?
    /// Nil where nothing was deleted.
    private(set) var deleted: Int?

    private enum CodingKeys: String, CodingKey {
      case file, count = "documents", tokens, documentsFile, columnsFile, deletionsFile, deleted
    }

    init(file: File, count: Int, tokens: Int, documentsFile: File?, columnsFile: File?) {
      self.file = file
      self.count = count
      self.tokens = tokens
      self.documentsFile = documentsFile
      self.columnsFile = columnsFile
    }

    var deletedCount: Int {
      get { deleted ?? 0 }
      set { deleted = newValue }
    }

    var files: [File] { [file] + [documentsFile, columnsFile, deletionsFile].compactMap { $0 } }
  }

  /// Since 2, documents may be added and deleted.
  static let versions = 1...2
  static let magic = "gradus-tokens"

  let generation: Int
  let configuration: TokenIndexConfiguration
  let centroids: Int
  /// The share of numbers beyond the outermost levels in what the index was built from; nil where the levels were made of all of
  /// it, so that it follows from their number.
  let clippedShare: Double?
  let segments: [Segment]

  var fileNames: [String] { segments.flatMap { $0.files.map(\.name) } }

  var version: Int { segments.count == 1 && segments[0].deletionsFile == nil ? 1 : 2 }

  var isSound: Bool {
    let areSegmentsSound = segments.allSatisfy { segment in
      (0...Int(Int32.max)).contains(segment.count) && (0...Int(UInt32.max)).contains(segment.tokens)
        && (0...segment.count).contains(segment.deletedCount)
        && (segment.deleted == nil) == (segment.deletionsFile == nil)
    }
    // Numbers of documents are of 32 bits, over all segments.
    return areSegmentsSound && !segments.isEmpty && segments.reduce(0) { $0 + $1.count } <= Int(UInt32.max)
      && (0...1 << 20).contains(centroids) && (0...1).contains(clippedShare ?? 0) && (try? configuration.validate()) != nil
  }
}

extension TokenIndexManifest {
  private enum CodingKeys: String, CodingKey { case generation, configuration, centroids, clippedShare, segments }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    generation = try values.decode(Int.self, forKey: .generation)
    configuration = try values.decode(TokenIndexConfiguration.self, forKey: .configuration)
    centroids = try values.decode(Int.self, forKey: .centroids)
    clippedShare = try values.decodeIfPresent(Double.self, forKey: .clippedShare)
    segments = try values.contains(.segments)
      ? values.decode([Segment].self, forKey: .segments) : [try Segment(from: decoder)]
  }

  func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(generation, forKey: .generation)
    try values.encode(configuration, forKey: .configuration)
    try values.encode(centroids, forKey: .centroids)
    try values.encodeIfPresent(clippedShare, forKey: .clippedShare)
    if version == 1 { try segments[0].encode(to: encoder) } else { try values.encode(segments, forKey: .segments) }
  }
}
