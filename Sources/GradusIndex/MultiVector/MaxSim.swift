import CGradusKernels
import GradusCore

/// Late interaction: the sum over a query's tokens of the largest inner product with a token of the document (ColBERT: Khattab
/// and Zaharia, SIGIR 2020).
///
///     let query = MaxSimQuery(tokens: queryVectors, dimension: 128)
///     let scores = query.scores(of: documentVectors, ends: [0, 64, 128])
public struct MaxSimQuery: Sendable {
  public var tokens: Int { panels.tokens }
  public var dimension: Int { panels.dimension }
  let panels: TokenPanels

  /// - Parameter tokens: `[tokens * dimension]`, used as they are: bring them to unit length for cosines.
  public init(tokens: [Float], dimension: Int) {
    panels = tokens.withUnsafeBufferPointer { TokenPanels($0, dimension: dimension) }
  }

  /// The score of each document, whose tokens are the rows `ends[i]..<ends[i + 1]` of `vectors`; 0 for one without tokens.
  ///
  /// - Parameters:
  ///   - vectors: `[rows * dimension]`.
  ///   - ends: Ascending, one more than there are documents; the last is at most the number of rows.
  /// - Complexity: tokens x rows x dimension multiplications.
  public func scores(of vectors: [Float], ends: [UInt32]) -> [Float] {
    precondition(zip(ends, ends.dropFirst()).allSatisfy(<=) && Int(ends.last ?? 0) * dimension <= vectors.count)
    return [Float](unsafeUninitializedCapacity: max(0, ends.count - 1)) { buffer, used in
      panels.withQuery { grd_maxsim(&$0, vectors, ends, max(0, ends.count - 1), buffer.baseAddress) }
      used = max(0, ends.count - 1)
    }
  }
}
