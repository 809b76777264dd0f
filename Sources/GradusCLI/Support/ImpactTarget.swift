import Gradus

/// Where documents with weighted terms go: into a new index, or into one that is there.
enum ImpactTarget {
  case new(ImpactIndexBuilder)
  case changed(ImpactIndexWriter, IndexChange)

  func add(_ document: Document, terms: [WeightedTerm], _ counts: inout SparseReport.Counts) throws {
    switch self {
    case .new(let builder): try builder.add(document, terms: terms)
    case .changed(let writer, let change):
      if try change.makesRoom(for: document.docno, in: writer) { counts.replaced += 1 }
      try writer.add(document, terms: terms)
    }
    counts.added += 1
  }

  func finish(_ counts: SparseReport.Counts, index: String, model: String?) throws -> SparseReport {
    switch self {
    case .new(let builder):
      return SparseReport(
        index: index, model: model, statistics: try builder.finish(), truncated: counts.truncated,
        clipped: builder.clippedWeights)
    case .changed(let writer, let change):
      try change.finish(writer)
      var report = SparseReport(
        index: index, model: model, statistics: try ImpactIndex(path: index).statistics, truncated: counts.truncated,
        clipped: writer.clippedWeights)
      report.added = counts.added
      report.replaced = change.replace ? counts.replaced : nil
      report.added_weights = writer.addedWeights
      return report
    }
  }
}
