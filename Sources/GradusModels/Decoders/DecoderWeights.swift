import CGradusKernels
import GradusCore

/// A tensor that is computed with in another format than the file's.
public struct WeightConversion: Sendable, Equatable {
  public let tensor: String
  /// The file's element type, in its own words.
  public let stored: String
  public let computed: WeightFormat
}

/// One layer's weights, packed.
struct DecoderLayerWeights: Sendable {
  let attentionNorm: [Float]
  /// Queries, then keys, then values.
  let attention: PackedWeight
  let queryNorm: [Float]?
  let keyNorm: [Float]?
  let attentionOutput: PackedWeight
  let feedForwardNorm: [Float]
  /// Panels of 16 gates and the 16 values that they gate.
  let gateAndUp: PackedWeight
  let down: PackedWeight
}

/// All weights of a decoder, packed.
struct DecoderWeights: Sendable {
  let embedding: PackedWeight
  let layers: [DecoderLayerWeights]
  let finalNorm: [Float]
  let output: PackedWeight
  let conversions: [WeightConversion]

  var byteCount: Int {
    var packed = [embedding] + (output === embedding ? [] : [output])
    for layer in layers { packed += [layer.attention, layer.attentionOutput, layer.gateAndUp, layer.down] }
    return packed.reduce(0) { $0 + $1.byteCount }
  }
}

/// Reads the tensors of a source, checks and packs them.
struct DecoderWeightLoader<Source: DecoderTensorSource> {
  let source: Source
  let configuration: DecoderConfiguration
  private var used: Set<String> = []
  private var conversions: [WeightConversion] = []

  init(source: Source, configuration: DecoderConfiguration) {
    self.source = source
    self.configuration = configuration
  }

  mutating func load() throws -> DecoderWeights {
    let c = configuration
    let queries = c.headCount * c.headSize, keys = c.keyValueHeadCount * c.headSize
    let embedding = try matrix([.embedding], [[c.vocabularySize, c.hiddenSize]])
    var layers: [DecoderLayerWeights] = []
    for i in 0..<c.layerCount {
      let biases: [DecoderTensor] = c.hasAttentionBias ? [.queryBias(i), .keyBias(i), .valueBias(i)] : []
      layers.append(
        DecoderLayerWeights(
          attentionNorm: try vector(.attentionNorm(i), c.hiddenSize),
          attention: try matrix(
            [.query(i), .key(i), .value(i)], [[queries, c.hiddenSize], [keys, c.hiddenSize], [keys, c.hiddenSize]],
            biases: biases, order: attentionRows),
          queryNorm: c.hasQueryKeyNorm ? try vector(.queryNorm(i), c.headSize) : nil,
          keyNorm: c.hasQueryKeyNorm ? try vector(.keyNorm(i), c.headSize) : nil,
          attentionOutput: try matrix([.attentionOutput(i)], [[c.hiddenSize, queries]]),
          feedForwardNorm: try vector(.feedForwardNorm(i), c.hiddenSize),
          gateAndUp: try matrix(
            [.gate(i), .up(i)], [[c.intermediateSize, c.hiddenSize], [c.intermediateSize, c.hiddenSize]], order: gatedRows),
          down: try matrix([.down(i)], [[c.hiddenSize, c.intermediateSize]])))
    }
    let finalNorm = try vector(.finalNorm, c.hiddenSize)
    // A file may store the table twice although the model ties them.
    let outputName = source.name(.output)
    if c.tiesEmbeddings { used.insert(outputName) }
    let output = c.tiesEmbeddings ? embedding : try matrix([.output], [[c.vocabularySize, c.hiddenSize]])
    let extra = source.names.filter { !used.contains($0) && !source.ignoredNames.contains($0) }
    guard extra.isEmpty else { throw DecoderError.unexpectedTensors(file: source.path, names: extra.sorted()) }
    return DecoderWeights(
      embedding: embedding, layers: layers, finalNorm: finalNorm, output: output, conversions: conversions)
  }

  /// Where a packed row comes from.
  private typealias RowOrigin = (part: Int, row: Int)

  /// Queries, keys and values one after the other, heads in the order in which i turns with i + half.
  private var attentionRows: [RowOrigin?] {
    let c = configuration
    var rows: [RowOrigin?] = []
    for (part, heads) in [c.headCount, c.keyValueHeadCount, c.keyValueHeadCount].enumerated() {
      for head in 0..<heads {
        for d in 0..<c.headSize {
          let isTurned = source.interleavesRotation && part < 2 && d < c.rotarySize
          let half = c.rotarySize / 2
          let stored = isTurned ? (d < half ? 2 * d : 2 * (d - half) + 1) : d
          rows.append((part, head * c.headSize + stored))
        }
      }
    }
    return rows
  }

  private var gatedRows: [RowOrigin?] {
    let count = configuration.intermediateSize
    var rows: [RowOrigin?] = []
    for start in stride(from: 0, to: count, by: 16) {
      for part in 0..<2 {
        for row in start..<start + 16 { rows.append(row < count ? (part, row) : nil) }
      }
    }
    return rows
  }

  private mutating func vector(_ tensor: DecoderTensor, _ count: Int) throws -> [Float] {
    let name = try check(tensor, [count])
    let values = try source.floats(name)
    guard values.allSatisfy(\.isFinite) else { throw DecoderError.notFinite(file: source.path(of: name), name: name, row: 0) }
    return values
  }

  private mutating func check(_ tensor: DecoderTensor, _ shape: [Int]) throws -> String {
    let name = source.name(tensor)
    guard let found = source.shape(name) else { throw DecoderError.missingTensor(file: source.path, name: name) }
    guard found == shape else {
      throw DecoderError.shape(file: source.path(of: name), name: name, expected: shape, found: found)
    }
    used.insert(name)
    return name
  }

  /// Packs one or more tensors of the same width into one weight.
  ///
  /// Blocks that a kernel knows stay as they are where all the tensors have the same; wide numbers become bfloat16, other
  /// quantised ones 8-bit blocks.
  private mutating func matrix(
    _ tensors: [DecoderTensor], _ shapes: [[Int]], biases: [DecoderTensor] = [], order: [RowOrigin?]? = nil
  ) throws -> PackedWeight {
    let names = try zip(tensors, shapes).map { try check($0, $1) }
    let width = shapes[0][1]
    let origins = order ?? (0..<shapes[0][0]).map { (0, $0) }
    let forms = names.map { source.form($0) }
    let isSame = Set(forms.map(\.format)).count == 1
    let format = isSame ? forms[0].format : forms.contains { $0.isWide } ? .bfloat16 : .q8
    // Numbers are packed by value, so a BF16 tensor among F32 ones stays what it is.
    let keepsBlocks = isSame && forms[0].isNative && format != .bfloat16
    for (name, form) in zip(names, forms) where !(form.isNative && form.format == format) {
      conversions.append(WeightConversion(tensor: name, stored: form.name, computed: format))
    }
    let bias = try combinedBias(biases, shapes, origins)
    let weight = PackedWeight(format: format, outputs: origins.count, inputs: width, bias: bias)
    for (part, name) in names.enumerated() {
      let places = origins.enumerated().compactMap { place, origin in
        origin?.part == part ? (place: place, row: origin!.row) : nil
      }
      let bad =
        keepsBlocks
        ? try source.withBlocks(name) { bytes, bytesPerRow in pack(bytes, bytesPerRow, places, into: weight) }
        : packFloats(try source.floats(name), places, into: weight, width: width)
      if let bad { throw DecoderError.notFinite(file: source.path(of: name), name: name, row: bad) }
    }
    return weight
  }

  private mutating func combinedBias(_ biases: [DecoderTensor], _ shapes: [[Int]], _ origins: [RowOrigin?]) throws -> [Float]? {
    guard !biases.isEmpty else { return nil }
    var values: [[Float]] = []
    for (bias, shape) in zip(biases, shapes) { values.append(try vector(bias, shape[0])) }
    return origins.map { origin in origin.map { values[$0.part][$0.row] } ?? 0 }
  }
}

/// Both return the first row that is not finite.
private func pack(
  _ bytes: UnsafeRawBufferPointer, _ bytesPerRow: Int, _ places: [(place: Int, row: Int)], into weight: PackedWeight
) -> Int? {
  guard let base = bytes.baseAddress else { return nil }
  let format = weight.format
  let blockBytes = bytesPerRow / (weight.inputs / PackedWeight.panel)
  return packInParallel(places) { place, row in
    let start = base + row * bytesPerRow
    for block in stride(from: 0, to: bytesPerRow, by: blockBytes) {
      for half in 0..<(format == .q4WithMinimum ? 2 : 1) {
        let bits = UInt16(littleEndian: start.loadUnaligned(fromByteOffset: block + 2 * half, as: UInt16.self))
        if bits & 0x7C00 == 0x7C00 { return false }
      }
    }
    grd_pack_row_blocks(
      format.kernelFormat, weight.memory(of: place), place % PackedWeight.panel, start.assumingMemoryBound(to: UInt8.self),
      weight.inputs)
    return true
  }
}

private func packFloats(
  _ values: [Float], _ places: [(place: Int, row: Int)], into weight: PackedWeight, width: Int
) -> Int? {
  values.withUnsafeBufferPointer { values in
    packInParallel(places) { place, row in
      let source = UnsafeBufferPointer(rebasing: values[row * width..<(row + 1) * width])
      guard source.allSatisfy(\.isFinite) else { return false }
      let panel = weight.memory(of: place), lane = place % PackedWeight.panel
      if weight.format == .bfloat16 {
        grd_pack_row_bf16(panel, lane, source.baseAddress, width, weight.inputs)
      } else {
        grd_pack_row_q8(panel, lane, source.baseAddress, width, weight.inputs)
      }
      return true
    }
  }
}

/// Calls `packRow(place, row)` for all of them; returns the smallest row for which it is false. Rows of one panel share cache
/// lines, so pieces are whole runs of places.
private func packInParallel(_ places: [(place: Int, row: Int)], _ packRow: (Int, Int) -> Bool) -> Int? {
  let grain = 512, pieces = (places.count + grain - 1) / grain
  var failures = [Int](repeating: Int.max, count: pieces)
  failures.withUnsafeMutableBufferPointer { buffer in
    nonisolated(unsafe) let failures = buffer
    WorkerPool.shared.forEachRange(count: places.count, grain: grain) { range in
      for (place, row) in places[range] where !packRow(place, row) {
        failures[range.lowerBound / grain] = min(failures[range.lowerBound / grain], row)
      }
    }
  }
  let first = failures.min() ?? Int.max
  return first == Int.max ? nil : first
}
