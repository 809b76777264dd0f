/// Weights of some entries of a vocabulary: a sparse vector.
public struct TokenWeights: Sendable, Equatable {
  /// Ascending, each once.
  public let ids: [Int32]
  /// Positive and finite, parallel to `ids`.
  public let weights: [Float]

  public init(ids: [Int32], weights: [Float]) {
    precondition(ids.count == weights.count, "\(ids.count) ids with \(weights.count) weights")
    self.ids = ids
    self.weights = weights
  }

  public var count: Int { ids.count }

  /// The weight of an entry, 0 where it has none. O(log n).
  public subscript(id: Int32) -> Float {
    var low = 0, high = ids.count
    while low < high {
      let middle = (low + high) / 2
      if ids[middle] < id { low = middle + 1 } else { high = middle }
    }
    return low < ids.count && ids[low] == id ? weights[low] : 0
  }
}
