/// Where each sequence of a packed batch starts and ends: sequence `i` holds rows `offsets[i]..<offsets[i + 1]`.
public struct RaggedBatch: Sendable, Equatable {
  /// `[sequences + 1]`, starting at 0, never falling.
  public let offsets: [Int32]

  public init(offsets: [Int32]) {
    guard offsets.first == 0, zip(offsets, offsets.dropFirst()).allSatisfy(<=) else {
      preconditionFailure("offsets must start at 0 and never fall: \(offsets.prefix(16))")
    }
    self.offsets = offsets
  }

  /// From the length of each sequence.
  public init(lengths: [Int]) {
    var offsets: [Int32] = [0]
    for length in lengths { offsets.append(offsets[offsets.count - 1] + Int32(length)) }
    self.init(offsets: offsets)
  }

  public var count: Int { offsets.count - 1 }
  /// Rows of the packed batch.
  public var total: Int { Int(offsets[offsets.count - 1]) }
  public func range(_ sequence: Int) -> Range<Int> { Int(offsets[sequence])..<Int(offsets[sequence + 1]) }
  /// Tokens of the longest sequence, 0 without sequences.
  public var longest: Int { (0..<count).reduce(0) { max($0, range($1).count) } }
  public var lengths: [Int] { (0..<count).map { range($0).count } }

  /// The sequence of each row, as indices `[total]`.
  public var segmentIndices: Tensor {
    var indices: [Int32] = []
    indices.reserveCapacity(total)
    for sequence in 0..<count {
      indices.append(contentsOf: repeatElement(Int32(sequence), count: range(sequence).count))
    }
    return Tensor(indices: indices, shape: [total])
  }
}
