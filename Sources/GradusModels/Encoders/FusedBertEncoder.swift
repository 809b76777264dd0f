import CGradusKernels
import GradusCore
import GradusTensor

/// A ``BertEncoder`` for inference alone: weights packed once, all operations of a layer fused, no padding.
///
///     let fused = try FusedBertEncoder(encoder, precision: .bf16)
///     let vectors = try fused.pooled(batch, .mean)   // [sequences * hidden]
///
/// Works for every shape that ``BertConfiguration`` allows, in every ``EncoderFamily``. A token's vector is the same to the bit
/// whatever else is in the batch, on any number of threads and on every instruction set. Later changes of the encoder's weights
/// are not seen.
///
/// Packed weights take 4, 2 or 1 bytes each; embedding tables are shared with the encoder. A pass needs about 21, 12 or 12
/// bytes a token for each hidden unit, kept for the next one.
///
/// `@unchecked Sendable`: packed weights do not change after construction; workspaces are guarded by `spare`.
public final class FusedBertEncoder: @unchecked Sendable {
  public let configuration: BertConfiguration
  public let precision: NumericPrecision
  private let level: grd_encoder_level
  private let words: Tensor
  /// Nil in ModernBERT, which has ``rotation`` instead.
  private let positions: Tensor?
  /// Nil where the family has none.
  private let segments: Tensor?
  private let gamma: Tensor
  private let beta: Tensor
  /// MPNet's bias by distance for each head, times log2(e); empty elsewhere.
  private let distanceBias: [Float]
  /// What ModernBERT's layers differ in; nil elsewhere.
  private let rotation: FusedRotation?
  /// The norm after ModernBERT's last layer.
  private let finalNorm: [Tensor]
  /// Computes the first layer's inputs where embeddings are narrower than the layers.
  private let embedder: BertEncoder?
  private let packed: [UnsafeRawPointer?]
  /// What was packed, for ``updateDigest(_:layers:)``; the memory is the encoder's own as long as that is not trained.
  private let layerWeights: [[Tensor?]]
  /// Of the last pass, for the next.
  private let spare = Guarded<Workspace?>(nil)

  /// - Throws: ``ModelError/weightNotFinite(name:index:)``.
  public convenience init(_ encoder: BertEncoder, precision: NumericPrecision) throws {
    try self.init(encoder, precision: precision, level: grd_encoder_fastest_level())
  }

  /// At a level of the kernels, for tests.
  init(_ encoder: BertEncoder, precision: NumericPrecision, level: grd_encoder_level) throws {
    for parameter in encoder.parameters {
      let bad = parameter.value.withUnsafeFloats { $0.firstIndex { !$0.isFinite } }
      if let bad { throw ModelError.weightNotFinite(name: parameter.name, index: bad) }
    }
    configuration = encoder.configuration
    self.precision = precision
    self.level = level
    words = encoder.wordEmbeddings.weight.value.detached()
    let offset = configuration.positionOffset
    positions = encoder.positionEmbeddings.map { table in
      let places = table.weight.value.detached()
      return offset == 0 ? places : places.slice(axis: 0, from: offset, to: places.shape[0])
    }
    segments = encoder.segmentEmbeddings?.weight.value.detached()
    rotation = configuration.rotary.map { FusedRotation($0, encoder.configuration) }
    finalNorm = encoder.finalNorm.map { [$0.weight.value.detached(), $0.bias.value.detached()] } ?? []
    distanceBias = encoder.relativeBias.map { Self.distanceBias($0.weight.value.floats(), encoder.configuration) } ?? []
    embedder = encoder.embeddingProjection == nil ? nil : encoder.frozenCopy()
    gamma = encoder.embeddingNorm.weight.value.detached()
    beta = encoder.embeddingNorm.bias.value.detached()
    var shape = Self.shape(configuration, precision)
    let layerShape = shape
    let bytes = grd_encoder_layer_bytes(&shape)
    let memory = encoder.layers.map { _ in UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64) }
    packed = memory.map { UnsafeRawPointer($0) }
    layerWeights = encoder.layers.map { $0.packingOrder.map { $0?.value.detached() } }
    let weights = layerWeights
    nonisolated(unsafe) let targets = memory
    WorkerPool.shared.forEach(count: weights.count) { number in
      var shape = layerShape
      withPointers(weights[number]) { pointers in
        var layer = BertLayer.packedWeights(pointers)
        let status = grd_encoder_pack_layer(&shape, &layer, targets[number])
        assert(status == GRD_OK, "a configuration that was checked has a shape that can be packed")
      }
    }
  }

  deinit { for layer in packed { layer?.deallocate() } }

  /// Bytes of the packed weights, without the embedding tables.
  public var packedBytes: Int {
    var shape = Self.shape(configuration, precision)
    return packed.count * grd_encoder_layer_bytes(&shape)
  }

  /// Adds the weights of the embeddings and of the first `layers` layers to a digest.
  func updateDigest(_ digest: inout SHA256Digest, layers: Int) {
    let projection = embedder.map { $0.parameters.map(\.value) } ?? []
    let embeddings = [words] + [positions, segments].compactMap(\.self) + [gamma, beta] + projection
    for tensor in embeddings + layerWeights.prefix(layers).flatMap(\.self).compactMap(\.self) {
      tensor.withUnsafeFloats { digest.update(UnsafeRawBufferPointer($0)) }
    }
    distanceBias.withUnsafeBytes { digest.update($0) }
    for table in rotation?.tables ?? [] { table.withUnsafeBytes { digest.update($0) } }
  }

  /// Vectors of all tokens after the last layer, `[tokens * hidden]`.
  ///
  /// - Throws: ``ModelError/positions(asked:limit:)``, ``ModelError/tokenOutOfRange(table:value:rows:)``.
  public func hidden(_ batch: TokenBatch) throws -> [Float] { try hidden(batch, pool: .shared) }

  /// By the threads of another pool, for tests.
  func hidden(_ batch: TokenBatch, pool: WorkerPool) throws -> [Float] {
    try rows(of: batch, ranges: (0..<batch.tokenCount).map { $0..<$0 + 1 }, by: .cls, pool: pool)
  }

  /// One vector a sequence, `[sequences * hidden]`; zero where nothing is left to pool. Throws as ``hidden(_:)``.
  ///
  /// - Parameter skipping: Tokens at the start of each sequence that do not count.
  public func pooled(
    _ batch: TokenBatch, _ pooling: Pooling, skipping: Int = 0, from states: LayerStates? = nil
  ) throws -> [Float] {
    try rows(of: batch, ranges: batch.ranges(skipping: skipping), skipped: skipping, by: pooling, from: states)
  }

  /// What the layers below `layer` make of a batch; layer 0 gives what the embeddings do. Throws as ``hidden(_:)``.
  ///
  ///     let half = try fused.states(batch, before: 3)
  ///     let vectors = try fused.pooled(batch, .mean, from: half)   // the bits of pooled(batch, .mean)
  ///
  /// - Parameters:
  ///   - layer: From 0 to the number of layers.
  ///   - states: What the first layers made of the same batch; nil to begin with the embeddings.
  public func states(_ batch: TokenBatch, before layer: Int, from states: LayerStates? = nil) throws -> LayerStates {
    let first = states?.layer ?? 0
    precondition((first...configuration.layerCount).contains(layer), "layer \(layer) of \(configuration.layerCount)")
    let width = configuration.hiddenSize, tokens = batch.tokenCount
    return try withHidden(of: batch, layers: first..<layer, from: states) { hidden, stride in
      let values = [Float](unsafeUninitializedCapacity: tokens * width) { output, count in
        guard let base = output.baseAddress else { return }
        for row in 0..<tokens { (base + row * width).initialize(from: hidden + row * stride, count: width) }
        count = tokens * width
      }
      return LayerStates(layer: layer, values: values)
    }
  }

  /// For each sequence the vector of its first token and the means of its first and its second segment,
  /// `[sequences * 3 * hidden]`; zero for an empty part. Throws as ``hidden(_:)``.
  public func firstAndSegmentMeans(_ batch: TokenBatch, from states: LayerStates? = nil) throws -> [Float] {
    let width = configuration.hiddenSize
    let segments = batch.segmentOffsets
    return try withHidden(of: batch, from: states) { hidden, stride in
      [Float](unsafeUninitializedCapacity: batch.sequenceCount * 3 * width) { output, count in
        guard let base = output.baseAddress else { return }
        for sequence in 0..<batch.sequenceCount {
          for part in 0..<3 {
            let first = Int(part == 0 ? batch.offsets[sequence] : segments[2 * sequence + part - 1])
            let end = part == 0 ? min(first + 1, Int(batch.offsets[sequence + 1])) : Int(segments[2 * sequence + part])
            grd_encoder_mean(hidden + first * stride, stride, end - first, width, base + (3 * sequence + part) * width)
          }
        }
        count = batch.sequenceCount * 3 * width
      }
    }
  }

  /// One vector for each range of tokens.
  ///
  /// - Parameter skipped: Tokens before each range, which weights by position count.
  private func rows(
    of batch: TokenBatch, ranges: [Range<Int>], skipped: Int = 0, by pooling: Pooling, from states: LayerStates? = nil,
    pool: WorkerPool = .shared
  ) throws -> [Float] {
    let width = configuration.hiddenSize
    let number = ranges.count
    return try withHidden(of: batch, from: states, pool: pool) { hidden, stride in
      [Float](unsafeUninitializedCapacity: number * width) { output, count in
        guard let base = output.baseAddress else { return }
        for part in 0..<number {
          let first = hidden + ranges[part].lowerBound * stride, rows = ranges[part].count
          let out = base + part * width
          switch pooling {
          case .cls: grd_encoder_mean(first, stride, min(1, rows), width, out)
          case .mean: grd_encoder_mean(first, stride, rows, width, out)
          case .max: grd_encoder_largest(first, stride, rows, width, out)
          case .lastToken: grd_encoder_mean(first + max(0, rows - 1) * stride, stride, min(1, rows), width, out)
          case .meanSquareRootLength:
            grd_encoder_mean(first, stride, rows, width, out)
            let factor = Float(rows).squareRoot()
            for j in 0..<width { out[j] *= factor }
          case .weightedMean:
            for j in 0..<width { out[j] = 0 }
            for row in 0..<rows {
              let weight = TokenBatch.positionWeight(row, of: rows, skipped: skipped)
              for j in 0..<width { out[j] += first[row * stride + j] * weight }
            }
          }
        }
        count = number * width
      }
    }
  }

  /// The table by distance that the kernels read, for all distances between two positions.
  private static func distanceBias(_ rows: [Float], _ configuration: BertConfiguration) -> [Float] {
    let reach = configuration.maximumPositions, heads = configuration.headCount
    let log2e = Float(1.4426950408889634)
    var table: [Float] = []
    table.reserveCapacity(heads * biasStride(configuration))
    for head in 0..<heads {
      for distance in -reach...reach { table.append(rows[Int(EncoderAttention.bucket(distance)) * heads + head] * log2e) }
      table += [Float](repeating: 0, count: biasStride(configuration) - 2 * reach - 1)
    }
    return table
  }

  /// Sixteen floats may be read beyond the last distance.
  private static func biasStride(_ configuration: BertConfiguration) -> Int { 2 * configuration.maximumPositions + 17 }

  private func check(_ batch: TokenBatch) throws {
    let asked = max(batch.longestSequence, Int(batch.positions.max() ?? -1) + 1)
    guard asked <= configuration.maximumPositions else {
      throw ModelError.positions(asked: asked, limit: configuration.maximumPositions)
    }
    var tables = [("word", batch.ids, configuration.vocabularySize)]
    if configuration.family.hasSegments { tables.append(("segment", batch.segments, configuration.segmentCount)) }
    for (table, values, rows) in tables {
      if let bad = values.first(where: { $0 < 0 || Int($0) >= rows }) {
        throw ModelError.tokenOutOfRange(table: table, value: Int(bad), rows: rows)
      }
    }
  }

  /// Runs the rest of the layers from `states` on, or all of them, and calls `body` with the hidden states and the floats from
  /// row to row.
  private func withHidden<Result>(
    of batch: TokenBatch, from states: LayerStates?, pool: WorkerPool = .shared,
    _ body: (UnsafePointer<Float>, Int) throws -> Result
  ) throws -> Result {
    try withHidden(of: batch, layers: (states?.layer ?? 0)..<configuration.layerCount, from: states, pool: pool, body)
  }

  private func withHidden<Result>(
    of batch: TokenBatch, layers range: Range<Int>, from states: LayerStates?, pool: WorkerPool = .shared,
    _ body: (UnsafePointer<Float>, Int) throws -> Result
  ) throws -> Result {
    try check(batch)
    let width = configuration.hiddenSize
    if let states {
      precondition(states.values.count == batch.tokenCount * width, "states of other tokens than the batch's")
    }
    let firstPositions = batch.firstPositions ?? []
    let attended = batch.attended
    let embedded = states == nil ? embedder.map { encoder in withoutGradients { encoder.embedded(batch, .inference) } } : nil
    // The norm after the last layer belongs to the pass that runs that layer.
    let endsHere = range.upperBound == configuration.layerCount && !range.isEmpty
    let last = endsHere && finalNorm.count == 2 ? finalNorm.map(Optional.some) : [nil, nil]
    let tensors = [words, positions, segments, gamma, beta, embedded] + last
    return try withPointers(tensors) { tables in
      try withArrays(batch.ids, batch.segments, batch.offsets, firstPositions) { ids, segments, offsets, starts in
        try (states?.values ?? []).withUnsafeBufferPointer { given in
          try packed.withUnsafeBufferPointer { layers in
            try distanceBias.withUnsafeBufferPointer { bias in
              try withRotation(batch, layers: range) { rotations, reaches, places in
                try (attended ?? []).withUnsafeBufferPointer { attendedTokens in
                  var shape = Self.shape(configuration, precision)
                  shape.layers = range.count
                  var model = grd_encoder_model(
                    shape: shape, level: level, words: tables[0], positions: tables[1], segments: tables[2], gamma: tables[3],
                    beta: tables[4], layers: layers.baseAddress.map { $0 + range.lowerBound },
                    bias: distanceBias.isEmpty ? nil : bias.baseAddress, bias_stride: Self.biasStride(configuration),
                    bias_reach: configuration.maximumPositions, rotations: rotations, reaches: reaches, final_gamma: tables[6],
                    final_beta: tables[7])
                  var input = grd_encoder_batch(
                    ids: ids, segments: segments, offsets: offsets, sequences: batch.sequenceCount,
                    first_positions: firstPositions.isEmpty ? nil : starts,
                    embedded: states != nil ? given.baseAddress : tables[5], positions: places,
                    attended: attended == nil ? nil : attendedTokens.baseAddress)
                  return try run(&model, &input, pool, body)
                }
              }
            }
          }
        }
      }
    }
  }

  /// Calls `body` with each layer's table of rotations, how far its keys may be, and the tokens' positions; nil without rotation.
  private func withRotation<Result>(
    _ batch: TokenBatch, layers range: Range<Int>,
    _ body: (UnsafePointer<UnsafePointer<Float>?>?, UnsafePointer<Int>?, UnsafePointer<Int32>?) throws -> Result
  ) throws -> Result {
    guard let rotation else { return try body(nil, nil, nil) }
    return try rotation.tables[0].withUnsafeBufferPointer { global in
      try rotation.tables[1].withUnsafeBufferPointer { local in
        let tables = range.map { rotation.isLocal[$0] ? local.baseAddress : global.baseAddress }
        let reaches = range.map { rotation.isLocal[$0] ? rotation.reach : Int.max }
        return try tables.withUnsafeBufferPointer { tables in
          try reaches.withUnsafeBufferPointer { reaches in
            try batch.positions.withUnsafeBufferPointer { positions in
              try body(tables.baseAddress, reaches.baseAddress, positions.baseAddress)
            }
          }
        }
      }
    }
  }

  private func run<Result>(
    _ model: UnsafePointer<grd_encoder_model>, _ batch: UnsafePointer<grd_encoder_batch>, _ pool: WorkerPool,
    _ body: (UnsafePointer<Float>, Int) throws -> Result
  ) throws -> Result {
    let lanes = pool.threads
    let bytes = grd_encoder_workspace_bytes(model, batch, lanes)
    let old = spare.withLock { slot in
      defer { slot = nil }
      return slot
    }
    let workspace = old.flatMap { $0.bytes >= bytes ? $0 : nil } ?? Workspace(bytes: bytes)
    defer { spare.withLock { $0 = workspace } }
    var tasks = 0
    let status = grd_encoder_prepare(model, batch, lanes, workspace.memory, workspace.bytes, &tasks)
    guard status == GRD_OK else { throw ModelError.kernelsUnsupported(level: Int(model.pointee.level.rawValue)) }
    nonisolated(unsafe) let memory = workspace.memory
    pool.forEach(count: tasks) { grd_encoder_task(memory, $0) }
    var stride = 0
    return try body(grd_encoder_hidden(workspace.memory, &stride), stride)
  }

  private static func shape(_ configuration: BertConfiguration, _ precision: NumericPrecision) -> grd_encoder_shape {
    grd_encoder_shape(
      hidden: configuration.hiddenSize, intermediate: configuration.intermediateSize, heads: configuration.headCount,
      layers: configuration.layerCount, epsilon: Float(configuration.layerNormEpsilon), precision: precision.kernelValue,
      form: configuration.family == .modernbert ? GRD_ENCODER_PRE_NORM_GATED : GRD_ENCODER_POST_NORM)
  }
}

/// Hidden states between two layers of an encoder, which the layers from ``layer`` on can go on from.
public struct LayerStates: Sendable, Equatable {
  /// The next layer.
  public let layer: Int
  /// `[tokens * hidden]`, in the order of a batch's tokens.
  public let values: [Float]
}

/// Memory of a pass.
private final class Workspace: @unchecked Sendable {
  let memory: UnsafeMutableRawPointer
  let bytes: Int

  init(bytes: Int) {
    self.bytes = bytes
    memory = .allocate(byteCount: bytes, alignment: 64)
  }

  deinit { memory.deallocate() }
}

/// The tables that ModernBERT's queries and keys are rotated by, and how far its local layers reach.
private struct FusedRotation {
  /// `[positions, 2, head size / 2]`, cosines and then sines, of global and of local layers.
  let tables: [[Float]]
  let isLocal: [Bool]
  let reach: Int

  init(_ rotary: RotarySettings, _ configuration: BertConfiguration) {
    let pairs = configuration.headSize / 2
    let positions = (0..<configuration.maximumPositions).map(Int32.init)
    tables = [rotary.globalBase, rotary.localBase].map { base in
      let (cosines, sines) = EncoderAttention.rotation(positions, base: base, pairs: pairs)
      let (ofCosines, ofSines) = (cosines.floats(), sines.floats())
      return positions.indices.flatMap { position in
        ofCosines[position * pairs..<(position + 1) * pairs] + ofSines[position * pairs..<(position + 1) * pairs]
      }
    }
    isLocal = rotary.isLocal
    reach = rotary.localWindow / 2
  }
}

extension BertLayer {
  /// The weights in the order of ``packedWeights(_:)``; nil where the family has none.
  fileprivate var packingOrder: [Parameter?] {
    [
      projection.weight, projection.bias, attentionOutput.weight, attentionOutput.bias, attentionNorm?.weight,
      attentionNorm?.bias, intermediate.weight, intermediate.bias, output.weight, output.bias, outputNorm.weight, outputNorm.bias,
    ]
  }

  fileprivate static func packedWeights(_ pointers: [UnsafePointer<Float>?]) -> grd_encoder_layer_weights {
    grd_encoder_layer_weights(
      qkv: pointers[0], qkv_bias: pointers[1], output: pointers[2], output_bias: pointers[3], attention_gamma: pointers[4],
      attention_beta: pointers[5], up: pointers[6], up_bias: pointers[7], down: pointers[8], down_bias: pointers[9],
      output_gamma: pointers[10], output_beta: pointers[11])
  }
}

/// Calls `body` with where the tensors' values lie; nil for nil.
private func withPointers<Result>(_ tensors: [Tensor?], _ body: ([UnsafePointer<Float>?]) throws -> Result) rethrows -> Result {
  func descend(_ rest: ArraySlice<Tensor?>, _ known: [UnsafePointer<Float>?]) throws -> Result {
    guard let next = rest.first else { return try body(known) }
    guard let first = next else { return try descend(rest.dropFirst(), known + [nil]) }
    return try first.withUnsafeFloats { try descend(rest.dropFirst(), known + [$0.baseAddress]) }
  }
  return try descend(tensors[...], [])
}

/// Calls `body` with where the elements of the arrays lie.
private func withArrays<Result>(
  _ first: [Int32], _ second: [Int32], _ third: [Int32], _ fourth: [Int32],
  _ body: (UnsafePointer<Int32>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) throws -> Result
) rethrows -> Result {
  try first.withUnsafeBufferPointer { first in
    try second.withUnsafeBufferPointer { second in
      try third.withUnsafeBufferPointer { third in
        try fourth.withUnsafeBufferPointer { fourth in
          try body(first.baseAddress, second.baseAddress, third.baseAddress, fourth.baseAddress)
        }
      }
    }
  }
}
