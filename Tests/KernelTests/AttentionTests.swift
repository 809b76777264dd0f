import CGradusKernels
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A packed batch and its attention options, with the reference in Double.
private struct AttentionCase {
  var heads = 2
  var headDim = 32
  var lengths: [Int]
  var dropout: Float = 0
  var seed: UInt64 = 7

  var offsets: [Int64] { lengths.reduce(into: [0]) { $0.append($0[$0.count - 1] + Int64($1)) } }
  var tokens: Int { lengths.reduce(0, +) }
  var hidden: Int { heads * headDim }
  var units: Int { heads * lengths.count }
  var scale: Float { 1 / Float(headDim).squareRoot() }

  func withOptions<Result>(_ body: (UnsafePointer<grd_attention>) -> Result) -> Result {
    offsets.withUnsafeBufferPointer { offsets in
      var options = grd_attention(
        heads: heads, head_dim: headDim, offsets: offsets.baseAddress, sequences: lengths.count, scale: scale, dropout: dropout,
        seed: seed)
      return body(&options)
    }
  }

  func forward(_ qkv: [Float], pieces: [Range<Int>]? = nil) -> (context: [Float], logSums: [Float]) {
    var context = [Float](repeating: .nan, count: tokens * hidden)
    var logSums = [Float](repeating: .nan, count: tokens * heads)
    withOptions { options in
      var scratch = [Float](repeating: .nan, count: grd_attention_scratch(options, lengths.max() ?? 0, 0))
      for piece in pieces ?? [0..<units] {
        let status = grd_attention_forward(
          options, qkv, piece.lowerBound, piece.count, &context, &logSums, &scratch, scratch.count)
        #expect(status == GRD_OK)
      }
    }
    return (context, logSums)
  }

  func backward(_ qkv: [Float], _ dcontext: [Float], pieces: [Range<Int>]? = nil) -> [Float] {
    let (context, logSums) = forward(qkv)
    var dqkv = [Float](repeating: .nan, count: qkv.count)
    withOptions { options in
      var scratch = [Float](repeating: .nan, count: grd_attention_scratch(options, lengths.max() ?? 0, 1))
      for piece in pieces ?? [0..<units] {
        let status = grd_attention_backward(
          options, qkv, context, logSums, dcontext, piece.lowerBound, piece.count, &dqkv, &scratch, scratch.count)
        #expect(status == GRD_OK)
      }
    }
    return dqkv
  }

  /// `mask[unit][query][key]` multiplies probabilities; nil: ones.
  func reference(_ qkv: [Double], mask: [[Double]]? = nil) -> [Double] {
    var context = [Double](repeating: 0, count: tokens * hidden)
    for (sequence, length) in lengths.enumerated() {
      let first = Int(offsets[sequence])
      for head in 0..<heads {
        let at = { (token: Int, part: Int) in (first + token) * 3 * hidden + part * hidden + head * headDim }
        for query in 0..<length {
          let scores = (0..<length).map { key in
            Double(scale) * (0..<headDim).reduce(0) { $0 + qkv[at(query, 0) + $1] * qkv[at(key, 1) + $1] }
          }
          let top = scores.max() ?? 0, total = scores.reduce(0) { $0 + exp($1 - top) }
          for key in 0..<length {
            let kept = mask?[sequence * heads + head][query * length + key] ?? 1
            let share = exp(scores[key] - top) / total * kept
            for d in 0..<headDim {
              context[(first + query) * hidden + head * headDim + d] += share * qkv[at(key, 2) + d]
            }
          }
        }
      }
    }
    return context
  }
}

extension KernelTests {
  @Suite("Attention")
  struct AttentionTests {
    @Test("Forward agrees with Double for ragged lengths and any head size", arguments: [1, 5, 16, 20, 32, 64, 128])
    func forward(headDim: Int) {
      let batch = AttentionCase(headDim: headDim, lengths: [1, 0, 3, 15, 16, 17, 31, 33, 100])
      let qkv = uniform(batch.tokens * 3 * batch.hidden, seed: 1, scale: 2)
      let context = KernelTests.onEveryInstructionSet {
        let (context, logSums) = batch.forward(qkv)
        return context + logSums
      }
      #expect(largestError(Array(context[..<(batch.tokens * batch.hidden)]), batch.reference(doubles(qkv))) < 2e-6)
    }

    @Test("Backward agrees with finite differences in Double", arguments: [(5, [4, 0, 3]), (16, [6]), (20, [1, 2])])
    func backwardNumerical(headDim: Int, lengths: [Int]) {
      let batch = AttentionCase(headDim: headDim, lengths: lengths)
      let qkv = uniform(batch.tokens * 3 * batch.hidden, seed: 2, scale: 1.5)
      let dcontext = uniform(batch.tokens * batch.hidden, seed: 3)
      let dqkv = KernelTests.onEveryInstructionSet { batch.backward(qkv, dcontext) }
      let numerical = numericalGradient(at: doubles(qkv)) { dot(doubles(dcontext), batch.reference($0)) }
      #expect(largestError(dqkv, numerical) < 1e-5)
    }

    @Test("Backward along a direction, for lengths that cross every block", arguments: [31, 33, 257, 300, 600])
    func backwardDirectional(length: Int) {
      let batch = AttentionCase(heads: 1, headDim: 32, lengths: [length])
      let qkv = uniform(batch.tokens * 3 * batch.hidden, seed: 4, scale: 1.5)
      let dcontext = uniform(batch.tokens * batch.hidden, seed: 5)
      let dqkv = doubles(batch.backward(qkv, dcontext))
      for seed in UInt64(6)..<8 {
        let direction = doubles(uniform(qkv.count, seed: seed)), step = 1e-5
        let moved = { (sign: Double) in
          dot(doubles(dcontext), batch.reference(zip(doubles(qkv), direction).map { $0 + sign * step * $1 }))
        }
        let slope = (moved(1) - moved(-1)) / (2 * step)
        #expect(abs(dot(dqkv, direction) - slope) < 1e-4 * max(1, abs(slope)))
      }
    }

    @Test("Long sequences: online softmax over many key blocks, scratch linear in the length")
    func long() {
      let batch = AttentionCase(heads: 1, headDim: 32, lengths: [1500])
      let qkv = uniform(batch.tokens * 3 * batch.hidden, seed: 8, scale: 3)
      #expect(largestError(batch.forward(qkv).context, batch.reference(doubles(qkv))) < 1e-5)
      batch.withOptions { options in
        let floats = { (tokens: Int) in grd_attention_scratch(options, tokens, 1) }
        #expect(floats(8192) - floats(4096) == floats(12288) - floats(8192))
        #expect(floats(8192) * 4 < 8 << 20)
      }
    }

    @Test("Units do not depend on how they are split, nor sequences on their batch")
    func split() {
      let batch = AttentionCase(heads: 3, lengths: [5, 40, 0, 17])
      let qkv = uniform(batch.tokens * 3 * batch.hidden, seed: 9), dcontext = uniform(batch.tokens * batch.hidden, seed: 10)
      let pieces = [0..<1, 1..<5, 5..<11, 11..<12]
      let whole = batch.forward(qkv), parts = batch.forward(qkv, pieces: pieces)
      #expect(sameBits(whole.context, parts.context) && sameBits(whole.logSums, parts.logSums))
      #expect(sameBits(batch.backward(qkv, dcontext), batch.backward(qkv, dcontext, pieces: pieces)))

      let alone = AttentionCase(heads: 3, lengths: [40]), width = 3 * batch.hidden
      let context = alone.forward(Array(qkv[5 * width..<45 * width])).context
      #expect(sameBits(context, Array(whole.context[5 * batch.hidden..<45 * batch.hidden])))
    }

    /// With all values 1 in one dimension per key, the context shows the masked probabilities themselves.
    private func dropoutMask(_ batch: AttentionCase) -> [Double] {
      let length = batch.lengths[0]
      precondition(length == batch.headDim && batch.heads == 1)
      var qkv = [Float](repeating: 0, count: length * 3 * length)
      for token in 0..<length { qkv[token * 3 * length + 2 * length + token] = 1 }
      // Equal scores: every probability is 1 / length before the mask.
      return batch.forward(qkv).context.map { Double($0) * Double(length) }
    }

    @Test("Dropout keeps the stated share, scales it, and repeats for the same seed alone")
    func dropout() {
      var batch = AttentionCase(heads: 1, headDim: 128, lengths: [128], dropout: 0.25)
      let mask = dropoutMask(batch)
      let kept = mask.filter { $0 != 0 }
      #expect(kept.allSatisfy { abs($0 - 1 / 0.75) < 1e-5 })
      // 16,384 draws: four standard deviations are 0.0135.
      #expect(abs(Double(kept.count) / Double(mask.count) - 0.75) < 0.0135)
      #expect(dropoutMask(batch) == mask)
      batch.seed += 1
      #expect(dropoutMask(batch) != mask)
    }

    @Test("Dropout's gradient uses the forward pass's mask")
    func dropoutBackward() {
      let length = 16
      let batch = AttentionCase(heads: 1, headDim: length, lengths: [length], dropout: 0.3)
      let mask = dropoutMask(batch)
      let qkv = uniform(length * 3 * length, seed: 11, scale: 1.5), dcontext = uniform(length * length, seed: 12)
      let context = batch.forward(qkv).context
      #expect(largestError(context, batch.reference(doubles(qkv), mask: [mask])) < 1e-5)
      let dqkv = KernelTests.onEveryInstructionSet { batch.backward(qkv, dcontext) }
      let numerical = numericalGradient(at: doubles(qkv)) { dot(doubles(dcontext), batch.reference($0, mask: [mask])) }
      #expect(largestError(dqkv, numerical) < 2e-5)
    }

    @Test("What cannot be computed is refused by status")
    func refusals() {
      let qkv = uniform(4 * 3 * 64, seed: 13)
      var context = [Float](repeating: 0, count: 4 * 64), scratch = [Float](repeating: 0, count: 1 << 16)
      func status(_ change: (inout grd_attention) -> Void, units: Int = 2, scratchCount: Int = 1 << 16) -> grd_status {
        [Int64(0), 4].withUnsafeBufferPointer { offsets in
          var options = grd_attention(
            heads: 2, head_dim: 32, offsets: offsets.baseAddress, sequences: 1, scale: 1, dropout: 0, seed: 0)
          change(&options)
          return grd_attention_forward(&options, qkv, 0, units, &context, nil, &scratch, scratchCount)
        }
      }
      #expect(status { _ in } == GRD_OK)
      #expect(status({ _ in }, units: 0) == GRD_OK)
      #expect(status({ _ in }, units: 3) == GRD_INVALID_ARGUMENT)
      #expect(status { $0.head_dim = 0 } == GRD_INVALID_ARGUMENT)
      #expect(status { $0.head_dim = 257 } == GRD_INVALID_ARGUMENT)
      #expect(status { $0.dropout = 1 } == GRD_INVALID_ARGUMENT)
      #expect(status { $0.dropout = .nan } == GRD_INVALID_ARGUMENT)
      #expect(status({ _ in }, scratchCount: 100) == GRD_SCRATCH_TOO_SMALL)
    }
  }
}
