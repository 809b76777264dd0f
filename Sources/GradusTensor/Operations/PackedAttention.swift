import CGradusKernels
import GradusCore

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

/// Scaled dot-product attention within each sequence of a packed batch: the fused form of
/// ``packedAttentionComposed(q:k:v:batch:heads:dropout:seed:)``.
///
/// Float32 runs in a kernel that keeps no score matrix; it computes the probabilities again in the backward pass. Float64,
/// and a backward pass that is itself recorded, run composed.
///
///     let context = packedAttention(qkv: projection(tokens), batch: RaggedBatch(lengths: [12, 80]), heads: 12)
///
/// - Parameters:
///   - qkv: `[tokens, 3 * width]`: queries, keys, values side by side, as one fused projection makes them.
///   - dropout: Rate for the attention probabilities; 0 for none. The float32 kernel draws other masks than the composed
///     form, so its dropout has no second derivative: ``AutogradError/notTwiceDifferentiable(_:)``.
///   - seed: Decides the dropped probabilities.
/// - Returns: `[tokens, width]`.
public func packedAttention(qkv: Tensor, batch: RaggedBatch, heads: Int, dropout: Double = 0, seed: UInt64 = 0) -> Tensor {
  guard qkv.rank == 2, qkv.shape[0] == batch.total, heads > 0, qkv.shape[1] % (3 * heads) == 0, dropout >= 0, dropout < 1 else {
    preconditionFailure("packedAttention: qkv \(qkv.shape), \(batch.total) tokens, \(heads) heads, dropout \(dropout)")
  }
  let composed = { composedAttention(qkv: qkv, batch: batch, heads: heads, dropout: dropout, seed: seed) }
  // The kernel's limits: heads of up to 256 columns, sequences under 2^15 tokens.
  guard qkv.type == .float32, qkv.shape[1] / (3 * heads) <= 256, batch.longest < 1 << 15 else { return composed() }
  let kernel = AttentionKernel(batch: batch, heads: heads, width: qkv.shape[1] / 3, dropout: dropout, seed: seed)
  let isTracked = qkv.isTracked && Recording.isOn
  let (output, logSums) = profiled(.attentionForward) { kernel.forward(qkv, keepsLogSums: isTracked) }
  guard let logSums else { return output }
  return output.recorded("packedAttention", [qkv], savingOutput: true) { context in
    if Recording.isOn {
      guard dropout == 0 else { throw AutogradError.notTwiceDifferentiable("packedAttention with dropout") }
      return try gradients(of: composed(), withRespectTo: [qkv], upstream: context.upstream, keepingGraph: true)
    }
    return [profiled(.attentionBackward) { kernel.backward(qkv, context.output, logSums, context.upstream) }]
  }
}

/// Attention with separate queries, keys and values, each `[tokens, width]`; see
/// ``packedAttention(qkv:batch:heads:dropout:seed:)``.
public func packedAttention(
  q: Tensor, k: Tensor, v: Tensor, batch: RaggedBatch, heads: Int, dropout: Double = 0, seed: UInt64 = 0
) -> Tensor {
  packedAttention(qkv: concatenated([q, k, v], axis: 1), batch: batch, heads: heads, dropout: dropout, seed: seed)
}

private func composedAttention(qkv: Tensor, batch: RaggedBatch, heads: Int, dropout: Double, seed: UInt64) -> Tensor {
  let width = qkv.shape[1] / 3
  let parts = qkv.split([width, width, width], axis: 1)
  return packedAttentionComposed(
    q: parts[0], k: parts[1], v: parts[2], batch: batch, heads: heads, dropout: dropout, seed: seed)
}

/// The fused kernel, one piece of work per sequence and head.
private struct AttentionKernel {
  let offsets: [Int64]
  let longest: Int
  let heads: Int
  let width: Int
  let dropout: Double
  let seed: UInt64

  init(batch: RaggedBatch, heads: Int, width: Int, dropout: Double, seed: UInt64) {
    offsets = batch.offsets.map(Int64.init)
    longest = batch.longest
    (self.heads, self.width, self.dropout, self.seed) = (heads, width, dropout, seed)
  }

  func forward(_ qkv: Tensor, keepsLogSums: Bool) -> (Tensor, Tensor?) {
    let output = Tensor(uninitialized: [qkv.shape[0], width], type: .float32)
    let logSums = keepsLogSums ? Tensor(uninitialized: [qkv.shape[0], heads], type: .float32) : nil
    defer { keepAlive(qkv, output, logSums ?? output) }
    forEachUnit(isBackward: false) { options, unit, scratch in
      grd_attention_forward(options, qkv.f32, unit, 1, output.f32, logSums?.f32, scratch.baseAddress, scratch.count)
    }
    return (output, logSums)
  }

  func backward(_ qkv: Tensor, _ output: Tensor, _ logSums: Tensor, _ g: Tensor) -> Tensor {
    let result = Tensor(uninitialized: qkv.shape, type: .float32)
    defer { keepAlive(qkv, output, logSums, g, result) }
    forEachUnit(isBackward: true) { options, unit, scratch in
      grd_attention_backward(
        options, qkv.f32, output.f32, logSums.f32, g.f32, unit, 1, result.f32, scratch.baseAddress, scratch.count)
    }
    return result
  }

  private func forEachUnit(
    isBackward: Bool, _ body: (UnsafePointer<grd_attention>, Int, UnsafeMutableBufferPointer<Float>) -> grd_status
  ) {
    offsets.withUnsafeBufferPointer { offsets in
      var options = grd_attention()
      options.heads = heads
      options.head_dim = width / heads
      options.offsets = offsets.baseAddress
      options.sequences = offsets.count - 1
      options.scale = Float(1 / Double(width / heads).squareRoot())
      options.dropout = Float(dropout)
      options.seed = seed
      withUnsafePointer(to: options) { options in
        let needed = grd_attention_scratch(options, longest, isBackward ? 1 : 0)
        WorkerPool.shared.forEach(count: heads * (offsets.count - 1)) { unit in
          withUnsafeTemporaryAllocation(byteCount: max(64, needed * 4), alignment: 64) { bytes in
            let status = body(options, unit, bytes.bindMemory(to: Float.self))
            guard status == GRD_OK else {
              preconditionFailure("the attention kernel refused width \(width), \(heads) heads: status \(status.rawValue)")
            }
          }
        }
      }
    }
  }
}
