#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import CGradusKernels
import GradusCore
import GradusFormats

/// Writes the files of one segment of a vector index.
///
/// Vectors are spooled to a temporary file as they come; where there is a graph, only its codes stay in memory.
final class VectorSegmentWriter {
  private let number: Int
  private let configuration: VectorIndexConfiguration
  private let folder: IndexFolder
  private let documents: SegmentDocumentsWriter
  private let codeBytes: Int
  private let spoolPath: String
  private var spool: AppendFile?
  private var scales: [Float] = []
  private var norms: [Float] = []
  /// Of the codes, where there is a graph: equal ones become one node.
  private var hashes: [UInt32] = []
  private let graphRows: VectorRows?
  private var code: [UInt8]
  /// Positions that were deleted again before the segment was written.
  private var deleted: Set<Int> = []

  static let largestCount = Int(Int32.max) - 1

  init(number: Int, configuration: VectorIndexConfiguration, storesDocuments: Bool, in folder: IndexFolder) throws {
    self.number = number
    self.configuration = configuration
    self.folder = folder
    codeBytes = configuration.encoding.bytes(dimension: configuration.dimension)
    code = [UInt8](repeating: 0, count: codeBytes)
    spoolPath = folder.path(of: IndexFolder.runName(number))
    spool = try AppendFile(path: spoolPath, calls: folder.calls)
    graphRows = configuration.graph.map {
      VectorRows(dimension: configuration.dimension, encoding: $0.traversal, metric: configuration.metric)
    }
    documents = try SegmentDocumentsWriter(
      number: number, columns: configuration.columns, storesDocuments: storesDocuments, in: folder)
  }

  var count: Int { documents.count }

  /// What the segment holds in memory now and needs to become a graph, in bytes.
  var memory: Int {
    guard let graphRows, let options = configuration.graph else { return documents.docnos.memory + 8 * count }
    return documents.docnos.memory + count * (12 + graphRows.bytesPerRow + HNSWGraphBuilder.bytesPerRow(options))
  }

  /// Adds a vector that has been checked and, for cosines, brought to unit length.
  ///
  /// - Returns: False where the segment holds the docno already.
  func add(docno: String, vector: UnsafeBufferPointer<Float>, document: Document?) throws -> Bool {
    guard try documents.append(docno: docno, document) else { return false }
    guard let base = vector.baseAddress, let spool else { return false }
    var scale: Float = 1
    var norm: Float = 0
    grd_vector_encode(configuration.encoding.kernel, base, vector.count, &code, codeBytes, &scale, &norm)
    scales.append(scale)
    norms.append(norm)
    try code.withUnsafeBytes { try spool.append($0) }
    if let graphRows {
      graphRows.append(vector)
      hashes.append(code.withUnsafeBytes { CRC32C.checksum($0) })
    }
    return true
  }

  /// Marks the vector of a docno; false where the segment has none, or none any more.
  func delete(docno: String) -> Bool {
    guard let position = documents.position(of: docno) else { return false }
    return deleted.insert(position).inserted
  }

  func contains(docno: String) -> Bool {
    guard let position = documents.position(of: docno) else { return false }
    return !deleted.contains(position)
  }

  /// Builds the graph and writes all files.
  ///
  /// - Parameter deletionsNumber: Number of the file of deleted vectors, where one is needed.
  func finish(
    threads: Int, deletionsNumber: () -> Int, progress: (Int) -> Void
  ) throws -> VectorIndexManifest.Segment {
    try spool?.finishTemporary()
    spool = nil
    var order: [UInt32] = []
    var graph: VectorIndexManifest.File?
    var entry = 0
    var entryLevel = 0
    var nodes: Int?
    if let graphRows, let options = configuration.graph {
      let spooled = try MappedFile(path: spoolPath)
      let equal = withExtendedLifetime(spooled) {
        EqualVectors(hashes: hashes, codes: spooled.bytes, stride: codeBytes, scales: scales)
      }
      if equal.hasEqual {
        graphRows.keep(equal.firsts)
        nodes = equal.firsts.count
        progress(count - equal.firsts.count)
      }
      let builder = HNSWGraphBuilder(rows: graphRows, options: options)
      builder.build(threads: threads, progress: progress)
      let nodeOrder = builder.breadthFirstOrder()
      let rows = equal.rows(in: nodeOrder)
      order = rows.positions
      entryLevel = builder.entryLevel
      graph = try writeGraph(builder, order: nodeOrder, starts: nodes == nil ? nil : rows.starts, entry: &entry)
    } else {
      order = (0..<UInt32(count)).map { $0 }
    }
    let vectors = try writeVectors(order)
    unlink(spoolPath)
    let stored = try documents.finish()
    var deletions: VectorIndexManifest.File?
    if !deleted.isEmpty {
      var rows = DocumentSet(documents: count)
      for (row, position) in order.enumerated() where deleted.contains(Int(position)) { rows.insert(row) }
      deletions = try rows.writeDeletions(number: deletionsNumber(), in: folder)
    }
    return VectorIndexManifest.Segment(
      vectors: vectors, graph: graph, deletionsFile: deletions, documentsFile: stored.documents, count: count,
      deletedCount: deleted.count, entry: entry, entryLevel: entryLevel, nodes: nodes, columnsFile: stored.columns)
  }

  private func writeVectors(_ order: [UInt32]) throws -> VectorIndexManifest.File {
    let file = try folder.begin(.vectors, named: "vectors", ofSegment: number)
    let spooled = try MappedFile(path: spoolPath)
    try file.begin(.vectorCodes)
    try withExtendedLifetime(spooled) {
      for position in order {
        let start = Int(position) * codeBytes
        try file.append(UnsafeRawBufferPointer(rebasing: spooled.bytes[start..<start + codeBytes]))
      }
    }
    try file.append(floats: configuration.encoding == .int8 ? order.map { scales[Int($0)] } : [], as: .vectorScales)
    try file.append(floats: order.map { norms[Int($0)] }, as: .vectorNorms)
    try file.begin(.vectorRows)
    try file.append(order)
    try DocnoTable.write(documents.docnos, order: order, to: file)
    return try file.close()
  }

  /// Writes the graph with its nodes in `order`.
  ///
  /// - Parameter starts: Where each node's vectors begin; nil where each has one.
  private func writeGraph(
    _ builder: HNSWGraphBuilder, order: [UInt32], starts: [UInt32]?, entry: inout Int
  ) throws -> VectorIndexManifest.File {
    var newRow = [UInt32](repeating: 0, count: order.count)
    for (row, old) in order.enumerated() { newRow[Int(old)] = UInt32(row) }
    entry = order.isEmpty ? 0 : Int(newRow[Int(builder.entry)])
    let file = try folder.begin(.graph, named: "graph", ofSegment: number)
    let rows = builder.rows
    // Where the graph is walked on what the index stores, node by node, the codes are those of the vectors' file.
    let hasCodes = rows.encoding != configuration.encoding || starts != nil
    try file.begin(.graphCodes)
    for old in order where hasCodes {
      try file.append(UnsafeRawBufferPointer(start: rows.codes + Int(old) * rows.stride, count: rows.stride))
    }
    try file.append(floats: hasCodes && rows.encoding == .int8 ? order.map { rows.scales[Int($0)] } : [], as: .graphScales)
    try file.append(floats: hasCodes ? order.map { rows.norms[Int($0)] } : [], as: .graphNorms)
    try file.begin(.graphLinks)
    var list = [UInt32](repeating: 0, count: 1 + builder.degree)
    func append(_ links: UnsafeMutablePointer<UInt32>, degree: Int) throws {
      list.removeAll(keepingCapacity: true)
      list.append(links[0])
      for place in 0..<degree { list.append(place < Int(links[0]) ? newRow[Int(links[1 + place])] : 0) }
      try file.append(list)
    }
    for old in order { try append(builder.list(row: Int(old), level: 0).links, degree: builder.degree) }
    try file.begin(.graphUpperLinks)
    var places: [UInt32] = []
    var blocks = 0
    for old in order {
      let level = Int(builder.levels[Int(old)])
      places.append(level == 0 ? UInt32.max : UInt32(blocks))
      blocks += level
      for upper in stride(from: 1, through: level, by: 1) {
        try append(builder.list(row: Int(old), level: upper).links, degree: builder.upperDegree)
      }
    }
    try file.begin(.graphPlaces)
    try file.append(places)
    if let starts {
      try file.begin(.graphNodes)
      try file.append(starts)
    }
    return try file.close()
  }
}

extension SectionFileWriter {
  /// A section of floating-point numbers.
  func append(floats: [Float], as section: Section) throws {
    try begin(section)
    try floats.withUnsafeBytes { try append($0) }
  }
}
