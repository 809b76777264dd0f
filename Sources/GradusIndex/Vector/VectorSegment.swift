import CGradusKernels
import GradusCore

/// One segment of a vector index, opened for reading.
final class VectorSegment: RowSegment {
  /// Global number of the segment's first document.
  let firstDocument: Int
  let documents: SegmentDocuments
  let files: [SectionFile]
  /// Rows that are not deleted; nil where none is.
  let liveRows: DocumentSet?
  let configuration: VectorIndexConfiguration
  let manifest: VectorIndexManifest.Segment
  private let views: Views
  private let resident: [ResidentMemory]
  private let idle = Guarded<[VectorSegmentScratch]>([])

  private struct Views: @unchecked Sendable {
    // Unchecked: pointers into read-only mappings and copies that the segment keeps.
    let rows: grd_vector_rows
    let graph: grd_graph?
    /// Position of each row among the documents as they were added.
    let positions: UnsafeBufferPointer<UInt32>
    /// Where the rows of each node of the graph begin, and those of the last end; nil where each node is a row.
    let nodes: UnsafeBufferPointer<UInt32>?
  }

  init(
    folder: String, _ manifest: VectorIndexManifest.Segment, _ configuration: VectorIndexConfiguration, firstDocument: Int,
    residency: VectorResidency
  ) throws {
    self.manifest = manifest
    self.configuration = configuration
    self.firstDocument = firstDocument
    let count = manifest.count
    var files = SegmentFiles(folder: folder)
    var resident: [ResidentMemory] = []
    func held(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
      guard residency == .resident else { return bytes }
      resident.append(ResidentMemory(copying: bytes))
      return resident[resident.count - 1].bytes
    }
    let vectors = try files.open(manifest.vectors, .vectors)
    let isWalkedOn = configuration.graph?.traversal == configuration.encoding && manifest.nodes == nil
    let rows = try Self.rows(
      vectors, (.vectorCodes, .vectorScales, .vectorNorms), encoding: configuration.encoding, configuration, count: count,
      held: isWalkedOn ? held : { $0 })
    let positions = try vectors.numbers(.vectorRows, as: UInt32.self, count: count)
    var graph: grd_graph?
    var nodes: UnsafeBufferPointer<UInt32>?
    if let options = configuration.graph {
      guard let file = manifest.graph else { throw IndexError.corrupted(path: folder, section: "the list of files") }
      let opened = try files.open(file, .graph)
      let walked = isWalkedOn ? rows : try Self.rows(
        opened, (.graphCodes, .graphScales, .graphNorms), encoding: options.traversal, configuration, count: manifest.nodeCount,
        held: held)
      if manifest.nodes != nil { nodes = try Self.nodes(opened, manifest) }
      graph = try Self.graph(opened, walked, options, manifest, held: held)
    }
    views = Views(rows: rows, graph: graph, positions: positions, nodes: nodes)
    documents = try SegmentDocuments(manifest, docnos: vectors, &files)
    try documents.requireColumns(configuration.columns, folder: folder)
    liveRows = documents.deletedRows.map { deleted in
      var live = deleted
      live.formComplement()
      return live
    }
    self.files = files.opened
    self.resident = resident
  }

  private static func rows(
    _ file: SectionFile, _ sections: (codes: Section, scales: Section, norms: Section), encoding: VectorEncoding,
    _ configuration: VectorIndexConfiguration, count: Int, held: (UnsafeRawBufferPointer) -> UnsafeRawBufferPointer
  ) throws -> grd_vector_rows {
    let stride = encoding.bytes(dimension: configuration.dimension)
    let codes = try file.bytes(sections.codes)
    guard codes.count == count * stride else { throw IndexError.corrupted(path: file.path, section: sections.codes.name) }
    let scales = try file.floats(sections.scales, count: encoding == .int8 ? count : 0)
    let norms = try file.floats(sections.norms, count: count)
    return grd_vector_rows(
      encoding: encoding.kernel, measure: configuration.metric.kernel, count: count, stride: stride,
      codes: held(codes).baseAddress?.assumingMemoryBound(to: UInt8.self), scales: scales.baseAddress, norms: norms.baseAddress)
  }

  private static func graph(
    _ file: SectionFile, _ rows: grd_vector_rows, _ options: HNSWOptions, _ manifest: VectorIndexManifest.Segment,
    held: (UnsafeRawBufferPointer) -> UnsafeRawBufferPointer
  ) throws -> grd_graph {
    let degree = 2 * options.M
    let links = try file.numbers(.graphLinks, as: UInt32.self, count: rows.count * (1 + degree))
    let upper = try file.bytes(.graphUpperLinks)
    let block = 4 * (1 + options.M)
    guard upper.count % block == 0 else { throw IndexError.corrupted(path: file.path, section: Section.graphUpperLinks.name) }
    let places = try file.numbers(.graphPlaces, as: UInt32.self, count: rows.count)
    return grd_graph(
      rows: rows, degree: UInt32(degree), upper_degree: UInt32(options.M),
      links: held(UnsafeRawBufferPointer(links)).baseAddress?.assumingMemoryBound(to: UInt32.self),
      upper: upper.baseAddress?.assumingMemoryBound(to: UInt32.self), upper_blocks: upper.count / block,
      places: places.baseAddress, entry: UInt32(manifest.entry), entry_level: UInt32(manifest.entryLevel))
  }

  private static func nodes(
    _ file: SectionFile, _ manifest: VectorIndexManifest.Segment
  ) throws -> UnsafeBufferPointer<UInt32> {
    let starts = try file.numbers(.graphNodes, as: UInt32.self, count: manifest.nodeCount + 1)
    guard starts[0] == 0, Int(starts[manifest.nodeCount]) == manifest.count, zip(starts, starts.dropFirst()).allSatisfy(<) else {
      throw IndexError.corrupted(path: file.path, section: Section.graphNodes.name)
    }
    return starts
  }

  var hasGraph: Bool { views.graph != nil }

  func docIndex(_ row: Int) -> DocIndex { DocIndex(firstDocument + Int(views.positions[row])) }

  /// The vector of a row as it is stored.
  func vector(_ row: Int) -> [Float] {
    let rows = views.rows
    let scale = rows.encoding == GRD_VECTOR_INT8 ? rows.scales[row] : 1
    return [Float](unsafeUninitializedCapacity: configuration.dimension) { buffer, used in
      grd_vector_decode(rows.encoding, rows.codes + row * rows.stride, scale, configuration.dimension, buffer.baseAddress)
      used = configuration.dimension
    }
  }

  func document(_ row: Int) throws -> Document? {
    let position = Int(views.positions[row])
    guard position < count else { throw IndexError.corrupted(path: files[0].path, section: Section.vectorRows.name) }
    return try documents.document(at: position, row: row)
  }

  /// The live rows whose documents fit a filter.
  func rows(matching filter: MetadataFilter) throws -> DocumentSet {
    let fitting = try documents.positions(matching: filter)
    var rows = DocumentSet(documents: count)
    for row in 0..<count where fitting.contains(DocIndex(Int(views.positions[row]))) && isLive(row) { rows.insert(row) }
    return rows
  }

  /// Scores in full precision of some rows.
  func scores(of rows: [UInt32], query: PaddedQuery) -> [Float] {
    var kernel = views.rows
    return [Float](unsafeUninitializedCapacity: rows.count) { buffer, used in
      grd_vector_scores(&kernel, query.values, rows, 0, rows.count, buffer.baseAddress)
      used = rows.count
    }
  }

  // MARK: - Search

  struct Hits {
    /// Best first.
    var rows: [(row: Int, score: Float)]
    /// Scores that were computed.
    var scored: Int
    var method: VectorSearchMethod
  }

  /// The best `k` rows of those that are allowed (and live: `allowed` is nil only where nothing is deleted).
  func search(
    _ query: PaddedQuery, k: Int, options: VectorSearchOptions, allowed: DocumentSet?, allowedCount: Int
  ) throws -> Hits {
    guard allowedCount > 0, k > 0 else { return Hits(rows: [], scored: 0, method: .exact(.flat)) }
    guard let graph = views.graph, options.strategy != .exact else {
      return try exact(query, k: k, allowed: allowed, reason: views.graph == nil ? .flat : .asked)
    }
    // With a filter, as many more candidates as keep `efSearch` allowed ones among them.
    let ef = max(options.efSearch, k)
    let walk = min(manifest.nodeCount, Int((Double(ef) * Double(count) / Double(allowedCount)).rounded(.up)))
    if options.strategy == .automatic, allowedCount <= walk * Int(graph.upper_degree) {
      return try exact(query, k: k, allowed: allowed, reason: allowed == nil ? .few : .narrowFilter)
    }
    let hits = try self.walk(graph, query, k: k, ef: walk, allowed: allowed)
    if options.strategy == .automatic, hits.rows.count < min(k, allowedCount) {
      var result = try exact(query, k: k, allowed: allowed, reason: .tooFewFound)
      result.scored += hits.scored
      return result
    }
    return hits
  }

  private func walk(_ graph: grd_graph, _ query: PaddedQuery, k: Int, ef: Int, allowed: DocumentSet?) throws -> Hits {
    var graph = graph
    return try withScratch { scratch in
      scratch.graph.reserve(ef)
      var prepared = grd_vector_prepare(&graph.rows, query.values, scratch.space)
      var found = 0
      var seen = 0
      let status = scratch.graph.withKernel { grd_graph_search(&graph, &prepared, 0, ef, &$0, &found, &seen) }
      guard status == GRD_GRAPH_OK else {
        throw IndexError.corrupted(path: files[1].path, section: Section.graphLinks.name)
      }
      let pool = scratch.graph.found(found)
      // What is walked on rounds the numbers: twice k and some more candidates are scored again.
      let isExact = graph.rows.encoding == GRD_VECTOR_FLOAT32 && views.rows.encoding == GRD_VECTOR_FLOAT32
      let wanted = isExact ? found : max(2 * k, k + 32)
      scratch.reserve(candidates: min(found, wanted), k: k)
      var candidates = 0
      var nodes: [Int] = []
      for key in pool {
        let node = Int(UInt32(truncatingIfNeeded: key) >> 1)
        let own = rows(ofNode: node)
        if let allowed, !own.contains(where: { allowed.contains($0) }) { continue }
        if views.nodes != nil { nodes.append(node) }
        scratch.rows[candidates] = UInt32(own.lowerBound)
        scratch.scores[candidates] = grd_vector_key_score(key)
        candidates += 1
        if candidates == scratch.capacity { break }
      }
      if !isExact {
        var rows = views.rows
        grd_vector_scores(&rows, query.values, scratch.rows, 0, candidates, scratch.scores)
        seen += candidates
      }
      var held = 0
      if views.nodes == nil {
        grd_vector_offer(
          scratch.scores, scratch.rows, 0, candidates, docnos.ranks.baseAddress, k, scratch.heap, scratch.numbers, &held)
      }
      // Equal vectors have one score, and the tie rule chooses among all of them.
      for (candidate, node) in nodes.enumerated() {
        let own = rows(ofNode: node).filter { allowed?.contains($0) ?? true }.map { UInt32($0) }
        let scores = [Float](repeating: scratch.scores[candidate], count: own.count)
        grd_vector_offer(scores, own, 0, own.count, docnos.ranks.baseAddress, k, scratch.heap, scratch.numbers, &held)
      }
      return Hits(rows: scratch.ordered(held), scored: seen, method: .graph(efSearch: ef))
    }
  }

  /// The rows whose vectors are those of a node of the graph.
  private func rows(ofNode node: Int) -> Range<Int> {
    guard let nodes = views.nodes else { return node..<node + 1 }
    return Int(nodes[node])..<Int(nodes[node + 1])
  }

  private func exact(
    _ query: PaddedQuery, k: Int, allowed: DocumentSet?, reason: VectorSearchMethod.ExactReason
  ) throws -> Hits {
    try withScratch { scratch in
      let numbers = allowed?.numbers()
      let total = numbers?.count ?? count
      let block = 512
      scratch.reserve(candidates: block, k: min(k, total))
      var rows = views.rows
      var held = 0
      for start in stride(from: 0, to: total, by: block) {
        let length = min(block, total - start)
        if let numbers {
          numbers.withUnsafeBufferPointer { numbers in
            grd_vector_scores(&rows, query.values, numbers.baseAddress! + start, 0, length, scratch.scores)
            grd_vector_offer(
              scratch.scores, numbers.baseAddress! + start, 0, length, docnos.ranks.baseAddress, min(k, total), scratch.heap,
              scratch.numbers, &held)
          }
        } else {
          grd_vector_scores(&rows, query.values, nil, start, length, scratch.scores)
          grd_vector_offer(
            scratch.scores, nil, start, length, docnos.ranks.baseAddress, min(k, total), scratch.heap, scratch.numbers, &held)
        }
      }
      return Hits(rows: scratch.ordered(held), scored: total, method: .exact(reason))
    }
  }

  private func withScratch<Result>(_ body: (VectorSegmentScratch) throws -> Result) throws -> Result {
    let scratch = idle.withLock { $0.popLast() } ?? VectorSegmentScratch(
      rows: manifest.nodeCount, degree: Int(views.graph?.degree ?? 0), space: Int(views.graph?.rows.stride ?? 0))
    defer { idle.withLock { $0.append(scratch) } }
    return try body(scratch)
  }
}

extension SectionFile {
  /// A section as floating-point numbers; valid as long as this object.
  func floats(_ section: Section, count: Int) throws -> UnsafeBufferPointer<Float> {
    let bytes = try bytes(section)
    guard bytes.count == count * MemoryLayout<Float>.stride else {
      throw IndexError.corrupted(path: path, section: section.name)
    }
    return bytes.bindMemory(to: Float.self)
  }
}
