#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore
import GradusTensor

/// How the layers of a pass attend: plainly, with a bias by distance, or rotated and perhaps locally.
///
/// One for each forward pass: what all layers share is computed once.
struct EncoderAttention {
  private enum Kind {
    case plain
    /// `[heads, longest, longest]`, added to the scores.
    case biased(Tensor)
    /// Cosines and sines, `[tokens, 1, head size / 2]`, for global and for local layers.
    case rotated(RotarySettings, global: (Tensor, Tensor), local: (Tensor, Tensor))
  }

  private var kind: Kind
  private let whole: RaggedBatch
  /// The first and the second text of each sequence as sequences of their own; nil where no layer needs them.
  private let split: RaggedBatch?
  private let joinLayer: Int
  private let heads: Int
  /// How many of each sequence's first tokens are keys; nil where all are.
  private let attended: [Int32]?

  /// - Parameter joinLayer: First layer in which the two texts of a sequence attend to each other.
  init(_ configuration: BertConfiguration, _ tokens: TokenBatch, relativeBias: Embedding?, joinLayer: Int = 0) {
    whole = RaggedBatch(offsets: tokens.offsets)
    split = joinLayer > 0 ? RaggedBatch(offsets: tokens.segmentOffsets) : nil
    self.joinLayer = joinLayer
    heads = configuration.headCount
    let attended = tokens.attended
    self.attended = attended
    precondition(attended == nil || joinLayer == 0, "tokens that are not attended to stand in sequences of one text")
    if let relativeBias {
      let longest = tokens.longestSequence
      let buckets = (0..<longest).flatMap { query in (0..<longest).map { key in Self.bucket(key - query) } }
      let rows = relativeBias(Tensor(indices: buckets, shape: [longest * longest]))
      kind = .biased(rows.reshaped(to: [longest, longest, heads]).permuted([2, 0, 1]))
    } else if let rotary = configuration.rotary {
      func tables(_ base: Double) -> (Tensor, Tensor) {
        Self.rotation(tokens.positions, base: base, pairs: configuration.headSize / 2)
      }
      kind = .rotated(rotary, global: tables(rotary.globalBase), local: tables(rotary.localBase))
    } else {
      kind = .plain
    }
  }

  /// What layers read that has a gradient.
  var shared: [Tensor] {
    if case .biased(let bias) = kind { return [bias] }
    return []
  }

  /// The same with other tensors in the place of ``shared``.
  func reading(_ shared: ArraySlice<Tensor>) -> EncoderAttention {
    guard case .biased = kind, let bias = shared.first else { return self }
    var other = self
    other.kind = .biased(bias)
    return other
  }

  /// `[tokens, 3 * hidden]` to `[tokens, hidden]`.
  func callAsFunction(_ qkv: Tensor, layer: Int, dropout: Double, seed: UInt64) -> Tensor {
    let batch = layer < joinLayer ? split ?? whole : whole
    switch kind {
    case .plain: return global(qkv, batch, dropout: dropout, seed: seed)
    case .biased(let bias):
      return blocked(qkv, batch, rows: .max, dropout: dropout, seed: seed) { queries, keys in
        bias.slice(axis: 1, from: queries.lowerBound, to: queries.upperBound)
          .slice(axis: 2, from: keys.lowerBound, to: keys.upperBound)
      } reach: { 0..<$1 }
    case .rotated(let rotary, let global, let local):
      guard rotary.isLocal[layer] else {
        return self.global(rotate(qkv, global), batch, dropout: dropout, seed: seed)
      }
      let reach = rotary.localWindow / 2
      return blocked(rotate(qkv, local), batch, rows: max(64, reach), dropout: dropout, seed: seed) { queries, keys in
        let mask = queries.flatMap { query in keys.map { abs(query - $0) <= reach ? Float(0) : -.infinity } }
        return Tensor(mask, shape: [1, queries.count, keys.count])
      } reach: { queries, length in
        min(length, max(0, queries.lowerBound - reach))..<min(length, queries.upperBound + reach)
      }
    }
  }

  /// All tokens attend to all keys of their sequence.
  private func global(_ qkv: Tensor, _ batch: RaggedBatch, dropout: Double, seed: UInt64) -> Tensor {
    guard attended != nil else { return packedAttention(qkv: qkv, batch: batch, heads: heads, dropout: dropout, seed: seed) }
    return blocked(qkv, batch, rows: .max, dropout: dropout, seed: seed) { _, _ in Tensor.zeros([1, 1, 1]) } reach: { 0..<$1 }
  }

  // MARK: Rotation

  /// Cosines and sines of each position's angles, `[positions, 1, pairs]`.
  static func rotation(_ positions: [Int32], base: Double, pairs: Int) -> (Tensor, Tensor) {
    // In single precision as transformers computes them, so that far positions agree.
    let frequencies = (0..<pairs).map { 1 / Float(pow(base, Double($0) / Double(pairs))) }
    var cosines: [Float] = []
    var sines: [Float] = []
    cosines.reserveCapacity(positions.count * pairs)
    sines.reserveCapacity(positions.count * pairs)
    for position in positions {
      for frequency in frequencies {
        let angle = Double(Float(position) * frequency)
        cosines.append(Float(cos(angle)))
        sines.append(Float(sin(angle)))
      }
    }
    let shape = [positions.count, 1, pairs]
    return (Tensor(cosines, shape: shape), Tensor(sines, shape: shape))
  }

  /// Rotates queries and keys; the first half of a head's columns pairs with the second.
  private func rotate(_ qkv: Tensor, _ table: (cosines: Tensor, sines: Tensor)) -> Tensor {
    let tokens = qkv.shape[0], size = qkv.shape[1] / (3 * heads)
    let split = qkv.reshaped(to: [tokens, 3 * heads, size])
    let turned = split.slice(axis: 1, from: 0, to: 2 * heads)
    let first = turned.slice(axis: 2, from: 0, to: size / 2), second = turned.slice(axis: 2, from: size / 2, to: size)
    let rotated = concatenated(
      [first * table.cosines - second * table.sines, second * table.cosines + first * table.sines], axis: 2)
    return concatenated([rotated, split.slice(axis: 1, from: 2 * heads, to: 3 * heads)], axis: 1).reshaped(to: qkv.shape)
  }

  // MARK: Bias by distance

  /// T5's buckets for `key - query`: half of them for each direction, one each for short distances, wider ones further out.
  static func bucket(_ distance: Int) -> Int32 {
    let half = BertConfiguration.relativeBuckets / 2, exact = half / 2
    let start = distance > 0 ? half : 0
    let far = abs(distance)
    guard far >= exact else { return Int32(start + far) }
    let ratio = log(Double(far) / Double(exact)) / log(Double(BertConfiguration.relativeDistance) / Double(exact))
    return Int32(start + min(half - 1, exact + Int(ratio * Double(half - exact))))
  }

  // MARK: In tensor operations

  /// Attention by blocks of at most `rows` queries of a sequence to the keys within their reach, with `bias` added to the
  /// scores; memory is bounded by a block's scores, per head.
  private func blocked(
    _ qkv: Tensor, _ batch: RaggedBatch, rows: Int, dropout: Double, seed: UInt64, bias: (Range<Int>, Range<Int>) -> Tensor,
    reach: (Range<Int>, Int) -> Range<Int>
  ) -> Tensor {
    let width = qkv.shape[1] / 3, size = width / heads
    let scale = 1 / Double(size).squareRoot()
    var parts: [Tensor] = []
    var seed = seed
    for sequence in 0..<batch.count {
      let tokens = batch.range(sequence)
      func perHead(_ part: Int, _ rows: Range<Int>) -> Tensor {
        qkv.slice(axis: 0, from: tokens.lowerBound + rows.lowerBound, to: tokens.lowerBound + rows.upperBound)
          .slice(axis: 1, from: part * width, to: (part + 1) * width).reshaped(to: [rows.count, heads, size]).transposed(0, 1)
      }
      for start in stride(from: 0, to: tokens.count, by: min(rows, max(1, tokens.count))) {
        let queries = start..<min(tokens.count, start + min(rows, tokens.count))
        let keys = reach(queries, attended.map { Int($0[sequence]) } ?? tokens.count)
        let scores = matmul(perHead(0, queries), perHead(1, keys), transposeB: true) * scale + bias(queries, keys)
        seed &+= 0x9E37_79B9_7F4A_7C15
        let shares = scores.softmax().dropout(rate: dropout, seed: seed)
        parts.append(matmul(shares, perHead(2, keys)).transposed(0, 1).reshaped(to: [queries.count, width]))
      }
    }
    return parts.isEmpty ? qkv.slice(axis: 1, from: 0, to: width) : concatenated(parts, axis: 0)
  }
}
