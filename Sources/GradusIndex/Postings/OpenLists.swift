import CGradusKernels
import GradusCore

extension ListEvaluator {
  /// The lists of a query that are open, and how their postings are scored.
  struct OpenLists {
    /// In the order in which contributions are added.
    var count = 0
    var scorer: grd_scorer
    /// Where the lists come from.
    let source: PostingLists
    /// Place of each document's docno in byte order: among equal scores the greater comes first.
    let ranks: UnsafeBufferPointer<UInt32>
    /// Whether scores of 0 and less are possible: documents that hold a term must then be marked.
    var isSigned = false
    /// Nil for most models.
    var lengthPart: LengthPart?
    /// Where contributions or the length's part may be negative: the greatest magnitude that a sum can reach on the way.
    var magnitude = 0.0

    /// Whether a sum in a window is the score of a document or, without a posting there, 0.
    var isPositive: Bool { !isSigned && lengthPart == nil }
  }
}
