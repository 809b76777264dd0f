/// What the folder of a vector index holds. First line: `gradus-vectors VERSION CRC32C BYTES`, about the JSON that follows it.
struct VectorIndexManifest: Equatable, FolderManifest {
  typealias File = IndexManifest.File

  /// Immutable files with some of the vectors; only the list of deleted ones is replaced.
  struct Segment: Codable, Equatable, RowSegmentManifest {
    let vectors: File
    /// Nil for a flat index.
    let graph: File?
    var deletionsFile: File?
    let documentsFile: File?
    let count: Int
    var deletedCount: Int
    /// Where walks begin.
    let entry: Int
    let entryLevel: Int
    /// Nodes of the graph, fewer than vectors where some are equal; nil where each vector is a node.
    var nodes: Int?
    var columnsFile: File?

    private enum CodingKeys: String, CodingKey {
      case vectors, graph, deletionsFile = "deletions", documentsFile = "documents", count, deletedCount = "deleted", entry
      case entryLevel, nodes, columnsFile = "columns"
    }

    var nodeCount: Int { nodes ?? count }

    var files: [File] { [vectors] + [graph, deletionsFile, documentsFile, columnsFile].compactMap { $0 } }
  }

  /// Since 2, equal vectors are one node of a graph.
  static let versions = 1...2
  static let magic = "gradus-vectors"

  let generation: Int
  let configuration: VectorIndexConfiguration
  let segments: [Segment]

  var fileNames: [String] { segments.flatMap { $0.files.map(\.name) } }

  var version: Int { segments.contains { $0.nodes != nil } ? 2 : 1 }

  var isSound: Bool {
    let areSegmentsSound = segments.allSatisfy { segment in
      (0..<Int(Int32.max)).contains(segment.count) && (0...segment.count).contains(segment.deletedCount)
        && (0...segment.count).contains(segment.nodeCount) && (segment.nodes == nil || segment.graph != nil)
        && (segment.count == 0 || (0..<segment.nodeCount).contains(segment.entry))
        && (0..<64).contains(segment.entryLevel)
    }
    return areSegmentsSound && (try? configuration.validate()) != nil
  }
}
