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
  public var lengths: [Int] { (0..<count).map { range($0).count } }
}

/// Scaled dot-product attention within each sequence of a packed batch, in tensor operations: differentiable twice.
///
///     softmax(q k^T / sqrt(d)) v   per sequence and head
///
/// - Parameters:
///   - q, k, v: `[tokens, heads * d]`; head `h` owns columns `h * d ..< (h + 1) * d`.
///   - batch: The sequences; `batch.total` is the number of tokens.
///   - dropout: Rate for the attention probabilities; 0 for none.
///   - seed: Decides the dropped probabilities.
/// - Returns: `[tokens, heads * d]`.
public func packedAttentionComposed(
  q: Tensor, k: Tensor, v: Tensor, batch: RaggedBatch, heads: Int, dropout: Double = 0, seed: UInt64 = 0
) -> Tensor {
  guard q.rank == 2, q.shape == k.shape, q.shape == v.shape, q.shape[0] == batch.total, q.shape[1] % heads == 0 else {
    preconditionFailure("packedAttention: q \(q.shape), k \(k.shape), v \(v.shape), \(batch.total) tokens, \(heads) heads")
  }
  let width = q.shape[1] / heads
  var parts: [Tensor] = []
  for sequence in 0..<batch.count where !batch.range(sequence).isEmpty {
    let range = batch.range(sequence)
    func perHead(_ tensor: Tensor) -> Tensor {
      tensor.slice(axis: 0, from: range.lowerBound, to: range.upperBound).reshaped(to: [range.count, heads, width])
        .transposed(0, 1)
    }
    let scores = matmul(perHead(q), perHead(k), transposeB: true) * (1 / Double(width).squareRoot())
    let probabilities = scores.softmax().dropout(rate: dropout, seed: seed &+ UInt64(sequence) &* 0x9E37_79B9_7F4A_7C15)
    parts.append(matmul(probabilities, perHead(v)).transposed(0, 1).reshaped(to: [range.count, heads * width]))
  }
  return parts.isEmpty ? q : concatenated(parts, axis: 0)
}

/// Scaled dot-product attention within each sequence of a packed batch; see ``packedAttentionComposed(q:k:v:batch:heads:dropout:seed:)``.
///
/// - Parameter qkv: `[tokens, 3 * width]`: queries, keys, values side by side, as one fused projection makes them.
/// - Returns: `[tokens, width]`.
public func packedAttention(qkv: Tensor, batch: RaggedBatch, heads: Int, dropout: Double = 0, seed: UInt64 = 0) -> Tensor {
  guard qkv.rank == 2, qkv.shape[1] % (3 * heads) == 0 else {
    preconditionFailure("packedAttention: qkv \(qkv.shape) for \(heads) heads")
  }
  let width = qkv.shape[1] / 3
  let parts = qkv.split([width, width, width], axis: 1)
  return packedAttentionComposed(
    q: parts[0], k: parts[1], v: parts[2], batch: batch, heads: heads, dropout: dropout, seed: seed)
}
