import CGradusKernels
import GradusCore

/// Some tokens of one sequence that a pass computes.
struct DecoderRun {
  /// Rows of the workspace.
  let rows: Range<Int>
  /// Of the first token in its sequence.
  let position: Int
  /// Of the sequence's cache, long enough for the run.
  let pages: UnsafeMutablePointer<UnsafeMutablePointer<UInt16>?>
}

/// Attention weights that a pass adds up.
struct AttentionCapture {
  let request: AttentionRequest
  /// The requested query tokens as rows of the workspace; all in run 0.
  let rows: Range<Int>
  /// `[key-value heads][rows][stride]`, zero at first: the heads' sums are added up at the end, in order.
  let sums: UnsafeMutablePointer<Float>
  let stride: Int
  /// For each member of the team.
  let scratch: UnsafeMutablePointer<Float>
  let scratchCount: Int
}

/// One way through all layers for at most ``DecoderWorkspace/maximumRows`` tokens of any number of sequences.
///
/// `@unchecked Sendable`: pieces of a stage write apart from each other; stages follow one another.
struct DecoderPass: @unchecked Sendable {
  let decoder: LlamaDecoder
  let space: DecoderWorkspace
  let runs: [DecoderRun]
  let arithmetic: LlamaDecoder.Arithmetic
  let capture: AttentionCapture?
  /// Rows of the workspace in use.
  let count: Int

  init(
    _ decoder: LlamaDecoder, _ space: DecoderWorkspace, runs: [DecoderRun], arithmetic: LlamaDecoder.Arithmetic,
    capture: AttentionCapture? = nil
  ) {
    self.decoder = decoder
    self.space = space
    self.runs = runs
    self.arithmetic = arithmetic
    self.capture = capture
    count = runs.last?.rows.upperBound ?? 0
  }

  /// Rows of one piece of row-wise work.
  private static let rowGrain = 16

  /// Embeds the tokens and takes them through all layers: leaves the residual stream in `space.hidden`.
  func run(_ tokens: [Int32]) {
    WorkTeam.run(on: .shared) { team in
      embed(tokens, team)
      for (index, layer) in decoder.weights.layers.enumerated() {
        attend(layer, index, team)
        feedForward(layer, team)
      }
    }
  }

  private func eachRows(_ team: WorkTeam, _ body: @escaping (Range<Int>) -> Void) {
    let count = count, grain = Self.rowGrain
    team.stage((count + grain - 1) / grain) { piece, _ in body(piece * grain..<min(count, (piece + 1) * grain)) }
  }

  private func embed(_ tokens: [Int32], _ team: WorkTeam) {
    let space = space, embedding = decoder.weights.embedding
    // The table's rows are as long as its padded inputs; the stride has room for them.
    eachRows(team) { rows in
      for row in rows { embedding.unpack(Int(tokens[row]), into: space.hidden + row * space.hiddenStride) }
    }
    let half = decoder.configuration.rotarySize / 2
    for run in runs {
      for row in run.rows {
        decoder.rotary.write(
          position: run.position + row - run.rows.lowerBound, cosines: space.cosines + row * half,
          sines: space.sines + row * half)
      }
    }
  }

  // MARK: Products

  /// Rows as a product takes them.
  private enum Rows {
    case bfloat16(UnsafeMutablePointer<UInt16>, stride: Int)
    /// Float rows, already quantised into `space.bytes`.
    case quantized
  }

  private func usesBytes(_ weight: PackedWeight) -> Bool { arithmetic == .int8 && weight.format != .bfloat16 }

  private func multiply(
    _ weight: PackedWeight, _ rows: Rows, _ output: grd_output, _ out: UnsafeMutableRawPointer, stride: Int, _ team: WorkTeam
  ) {
    let grain = weight.panelsPerPiece, panels = weight.panels, space = space, count = count
    team.stage((panels + grain - 1) / grain) { piece, member in
      let first = piece * grain, many = min(grain, panels - piece * grain)
      withUnsafePointer(to: weight.kernelWeight) { kernelWeight in
        switch rows {
        case .bfloat16(let a, let aStride):
          grd_product_bf16(
            kernelWeight, first, many, a, aStride, count, output, out, stride, space.panels + member * space.panelElements)
        case .quantized:
          _ = grd_product_int8(kernelWeight, first, many, space.bytes, space.scales, space.sums, count, output, out, stride)
        }
      }
    }
  }

  /// Quantises float rows for a weight of `width` inputs.
  private func quantize(_ from: UnsafeMutablePointer<Float>, stride: Int, width: Int, _ team: WorkTeam) -> Rows {
    let space = space, blocks = width / PackedWeight.panel
    eachRows(team) { rows in
      let first = rows.lowerBound
      grd_quantize_rows(
        from + first * stride, stride, rows.count, width, space.bytes + first * width, space.scales + first * blocks,
        space.sums + first * blocks)
    }
    return .quantized
  }

  /// Normalises the residual stream for a product with `weight`.
  private func normalize(_ norm: [Float], for weight: PackedWeight, _ team: WorkTeam) -> Rows {
    let space = space, c = decoder.configuration, isBytes = usesBytes(weight)
    eachRows(team) { rows in
      let first = rows.lowerBound * space.hiddenStride
      grd_rms_norm(
        space.hidden + first, space.hiddenStride, rows.count, c.hiddenSize, norm, Float(c.normEpsilon),
        isBytes ? space.normedFloats + first : nil, space.hiddenStride, isBytes ? nil : space.normed + first, space.hiddenStride)
    }
    guard isBytes else { return .bfloat16(space.normed, stride: space.hiddenStride) }
    return quantize(space.normedFloats, stride: space.hiddenStride, width: weight.inputs, team)
  }

  // MARK: Layers

  private func attend(_ layer: DecoderLayerWeights, _ index: Int, _ team: WorkTeam) {
    let space = space
    let rows = normalize(layer.attentionNorm, for: layer.attention, team)
    multiply(layer.attention, rows, GRD_OUTPUT_STORE, space.attention, stride: space.attentionStride, team)
    splitHeads(layer, index, team)
    let isBytes = usesBytes(layer.attentionOutput)
    if isBytes || count <= 4 {
      attendBySegments(index, rounding: !isBytes, team)
    } else {
      attendByRows(index, team)
    }
    if let capture, let heads = capture.request.heads[index], !heads.isEmpty { addWeights(capture, heads, index, team) }
    let context =
      isBytes
      ? quantize(space.contextFloats, stride: space.contextStride, width: layer.attentionOutput.inputs, team)
      : Rows.bfloat16(space.context, stride: space.contextStride)
    multiply(layer.attentionOutput, context, GRD_OUTPUT_ADD, space.hidden, stride: space.hiddenStride, team)
  }

  private func feedForward(_ layer: DecoderLayerWeights, _ team: WorkTeam) {
    let space = space
    let rows = normalize(layer.feedForwardNorm, for: layer.gateAndUp, team)
    let isBytes = usesBytes(layer.down)
    multiply(
      layer.gateAndUp, rows, isBytes ? GRD_OUTPUT_SWIGLU_F32 : GRD_OUTPUT_SWIGLU_BF16,
      isBytes ? UnsafeMutableRawPointer(space.gatedFloats) : UnsafeMutableRawPointer(space.gated), stride: space.gatedStride,
      team)
    let gated =
      isBytes
      ? quantize(space.gatedFloats, stride: space.gatedStride, width: layer.down.inputs, team)
      : Rows.bfloat16(space.gated, stride: space.gatedStride)
    multiply(layer.down, gated, GRD_OUTPUT_ADD, space.hidden, stride: space.hiddenStride, team)
  }

  private func splitHeads(_ layer: DecoderLayerWeights, _ index: Int, _ team: WorkTeam) {
    let space = space, decoder = decoder, c = decoder.configuration, total = count
    let half = c.rotarySize / 2, offset = index * decoder.geometry.elementsPerLayer
    let pieces = runs.flatMap { run in
      stride(from: run.rows.lowerBound, to: run.rows.upperBound, by: Self.rowGrain).map {
        (run: run, rows: $0..<min(run.rows.upperBound, $0 + Self.rowGrain))
      }
    }
    team.stage(pieces.count) { piece, _ in
      let (run, rows) = pieces[piece]
      layer.queryNorm.withOptionalPointer { queryNorm in
        layer.keyNorm.withOptionalPointer { keyNorm in
          var heads = grd_heads(
            heads: c.headCount, kv_heads: c.keyValueHeadCount, head_dim: c.headSize, padded_dim: decoder.paddedHeadSize,
            query_norm: queryNorm, key_norm: keyNorm, epsilon: Float(c.normEpsilon), rotary_dim: c.rotarySize,
            cosines: space.cosines + rows.lowerBound * half, sines: space.sines + rows.lowerBound * half, pages: run.pages,
            page_offset: offset)
          grd_split_heads(
            &heads, space.attention + rows.lowerBound * space.attentionStride, space.attentionStride, rows.count,
            run.position + rows.lowerBound - run.rows.lowerBound, space.queries, total, rows.lowerBound)
        }
      }
    }
  }

  private func attention(_ run: DecoderRun, _ layer: Int, head: Int) -> grd_decoder_attention {
    let c = decoder.configuration, geometry = decoder.geometry, group = decoder.headGroup
    let row = (head * count + run.rows.lowerBound) * group
    return grd_decoder_attention(
      padded_dim: decoder.paddedHeadSize, group: group,
      pages: UnsafeRawPointer(run.pages).assumingMemoryBound(to: UnsafePointer<UInt16>?.self),
      page_offset: layer * geometry.elementsPerLayer + head * geometry.elementsPerHead, window: c.slidingWindow ?? 0,
      scale: 1 / Float(c.headSize).squareRoot(), queries: space.queries + row * decoder.paddedHeadSize, position: run.position,
      positions: run.rows.count)
  }

  /// For prompts: pieces of 16 tokens and one key-value head, the longest first.
  private func attendByRows(_ layer: Int, _ team: WorkTeam) {
    let c = decoder.configuration, space = space, group = decoder.headGroup
    var pieces: [(run: DecoderRun, head: Int, tokens: Range<Int>)] = []
    for run in runs {
      for start in stride(from: (run.rows.count - 1) / Self.rowGrain * Self.rowGrain, through: 0, by: -Self.rowGrain) {
        for head in 0..<c.keyValueHeadCount { pieces.append((run, head, start..<min(run.rows.count, start + Self.rowGrain))) }
      }
    }
    let all = pieces
    team.stage(all.count) { piece, member in
      let (run, head, tokens) = all[piece]
      var attention = attention(run, layer, head: head)
      let out = space.context + run.rows.lowerBound * space.contextStride + head * group * c.headSize
      grd_decoder_attention_rows(
        &attention, tokens.lowerBound * group, tokens.count * group, out, space.contextStride, c.headSize,
        space.attentionScratch + member * space.attentionScratchCount)
    }
  }

  /// For few tokens and many keys: pieces of one key-value head and 512 keys.
  private func attendBySegments(_ layer: Int, rounding: Bool, _ team: WorkTeam) {
    let c = decoder.configuration, space = space, group = decoder.headGroup, padded = decoder.paddedHeadSize
    let length = Int(GRD_ATTENTION_SEGMENT)
    var pieces: [(run: DecoderRun, head: Int, segment: Int, row: Int)] = []
    var merges: [(run: DecoderRun, head: Int, segments: Int, row: Int)] = []
    var rows = 0
    for run in runs {
      let segments = (run.position + run.rows.count - 1) / length + 1, each = run.rows.count * group
      for head in 0..<c.keyValueHeadCount {
        merges.append((run, head, segments, rows))
        for segment in 0..<segments { pieces.append((run, head, segment, rows + segment * each)) }
        rows += segments * each
      }
    }
    let partial = PartialAttention(rows: rows, width: padded)
    let all = pieces, results = merges
    team.stage(all.count) { piece, member in
      let (run, head, segment, row) = all[piece]
      var attention = attention(run, layer, head: head)
      grd_decoder_attention_segment(
        &attention, segment, partial.sums + row * padded, partial.maxima + row, partial.weights + row,
        space.attentionScratch + member * space.attentionScratchCount)
    }
    for (run, head, segments, row) in results {
      var attention = attention(run, layer, head: head)
      let out = space.contextFloats + run.rows.lowerBound * space.contextStride + head * group * c.headSize
      grd_decoder_attention_merge(
        &attention, segments, partial.sums + row * padded, partial.maxima + row, partial.weights + row, out, space.contextStride,
        c.headSize)
    }
    if rounding { grd_round_bf16(space.contextFloats, count * space.contextStride, space.context) }
    withExtendedLifetime(partial) {}
  }

  private func addWeights(_ capture: AttentionCapture, _ heads: Set<Int>, _ layer: Int, _ team: WorkTeam) {
    let c = decoder.configuration, group = decoder.headGroup, run = runs[0]
    team.stage(c.keyValueHeadCount) { head, member in
      let selected = (0..<group).map { UInt8(heads.contains(head * group + $0) ? 1 : 0) }
      var attention = attention(run, layer, head: head)
      grd_decoder_attention_weights(
        &attention, capture.rows.lowerBound - run.rows.lowerBound, capture.rows.count, selected,
        capture.sums + head * capture.rows.count * capture.stride, capture.stride,
        capture.scratch + member * capture.scratchCount)
    }
  }

  // MARK: Output

  /// Calls `body` with the logits of each of the residual rows, in groups of `logitGroup`; `rows` are rows of the workspace.
  func logits(of rows: [Int], _ body: (_ index: Int, UnsafeBufferPointer<Float>) -> Void) {
    let output = decoder.weights.output, vocabulary = decoder.configuration.vocabularySize
    let width = output.outputs, isBytes = usesBytes(output)
    for start in stride(from: 0, to: rows.count, by: Self.logitGroup) {
      let group = Array(rows[start..<min(rows.count, start + Self.logitGroup)])
      let buffer = UnsafeMutablePointer<Float>.allocate(capacity: group.count * width)
      defer { buffer.deallocate() }
      for (index, row) in group.enumerated() { finalNorm(row, into: index) }
      if isBytes {
        grd_quantize_rows(
          space.normedFloats, space.hiddenStride, group.count, output.inputs, space.bytes, space.scales, space.sums)
      } else {
        grd_round_bf16(space.normedFloats, group.count * space.hiddenStride, space.normed)
      }
      let head = DecoderPass(decoder, space, runs: [], arithmetic: arithmetic, count: group.count)
      WorkTeam.run(on: .shared) { team in
        head.multiply(
          output, isBytes ? .quantized : .bfloat16(space.normed, stride: space.hiddenStride), GRD_OUTPUT_STORE, buffer,
          stride: width, team)
      }
      for index in group.indices {
        body(start + index, UnsafeBufferPointer(start: buffer + index * width, count: vocabulary))
      }
    }
  }

  private static let logitGroup = 64

  private init(
    _ decoder: LlamaDecoder, _ space: DecoderWorkspace, runs: [DecoderRun], arithmetic: LlamaDecoder.Arithmetic, count: Int
  ) {
    self.decoder = decoder
    self.space = space
    self.runs = runs
    self.arithmetic = arithmetic
    capture = nil
    self.count = count
  }

  func hiddenState(of row: Int) -> [Float] {
    finalNorm(row, into: 0)
    return Array(UnsafeBufferPointer(start: space.normedFloats, count: decoder.configuration.hiddenSize))
  }

  private func finalNorm(_ row: Int, into place: Int) {
    let c = decoder.configuration
    grd_rms_norm(
      space.hidden + row * space.hiddenStride, space.hiddenStride, 1, c.hiddenSize, decoder.weights.finalNorm,
      Float(c.normEpsilon), space.normedFloats + place * space.hiddenStride, space.hiddenStride, nil, 0)
  }
}

/// What segments of keys give before they are merged.
private final class PartialAttention: @unchecked Sendable {
  // Unchecked: each piece of work writes rows of its own.
  let sums: UnsafeMutablePointer<Float>
  let maxima: UnsafeMutablePointer<Float>
  let weights: UnsafeMutablePointer<Float>

  init(rows: Int, width: Int) {
    sums = .allocate(capacity: rows * width)
    maxima = .allocate(capacity: rows)
    weights = .allocate(capacity: rows)
  }

  deinit {
    sums.deallocate()
    maxima.deallocate()
    weights.deallocate()
  }
}

extension Optional where Wrapped == [Float] {
  fileprivate func withOptionalPointer(_ body: (UnsafePointer<Float>?) -> Void) {
    if let values = self { values.withUnsafeBufferPointer { body($0.baseAddress) } } else { body(nil) }
  }
}
