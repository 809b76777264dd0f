import CGradusKernels

/// Memory for the activations of up to `rows` tokens. Padding between the real widths and the rows' ends stays zero: nothing
/// ever writes there.
///
/// `@unchecked Sendable`: used by one forward pass at a time; its pieces of work write apart from each other.
final class DecoderWorkspace: @unchecked Sendable {
  /// Tokens of one pass; longer inputs are cut into passes.
  static let maximumRows = 512

  let rows: Int
  let members: Int
  /// The residual stream, `[rows][hiddenStride]`.
  let hidden: UnsafeMutablePointer<Float>
  let normed: UnsafeMutablePointer<UInt16>
  let normedFloats: UnsafeMutablePointer<Float>
  let attention: UnsafeMutablePointer<Float>
  let queries: UnsafeMutablePointer<UInt16>
  let context: UnsafeMutablePointer<UInt16>
  let contextFloats: UnsafeMutablePointer<Float>
  let gated: UnsafeMutablePointer<UInt16>
  let gatedFloats: UnsafeMutablePointer<Float>
  let cosines: UnsafeMutablePointer<Float>
  let sines: UnsafeMutablePointer<Float>
  let bytes: UnsafeMutablePointer<Int8>
  let scales: UnsafeMutablePointer<Float>
  let sums: UnsafeMutablePointer<Int32>
  /// For each member of a team: one panel widened to bfloat16, and the attention kernels' scratch.
  let panels: UnsafeMutablePointer<UInt16>
  let panelElements: Int
  let attentionScratch: UnsafeMutablePointer<Float>
  let attentionScratchCount: Int

  let hiddenStride: Int
  let attentionStride: Int
  let contextStride: Int
  let gatedStride: Int
  private var blocks: [UnsafeMutableRawPointer] = []

  init(_ decoder: LlamaDecoder, rows: Int, members: Int) {
    let c = decoder.configuration
    self.rows = rows
    self.members = members
    hiddenStride = Self.stride(c.hiddenSize)
    contextStride = Self.stride(c.headCount * c.headSize)
    gatedStride = Self.stride(c.intermediateSize)
    attentionStride = decoder.weights.layers[0].attention.outputs
    let widest = max(c.hiddenSize, c.headCount * c.headSize, c.intermediateSize).roundedUp(to: PackedWeight.panel)
    panelElements = widest * PackedWeight.panel
    attentionScratchCount = grd_decoder_attention_scratch(decoder.paddedHeadSize)
    var blocks: [UnsafeMutableRawPointer] = []
    func zeros<Element: BinaryInteger>(_ count: Int, _: Element.Type) -> UnsafeMutablePointer<Element> {
      let memory = UnsafeMutableRawPointer.allocate(byteCount: max(64, count * MemoryLayout<Element>.stride), alignment: 64)
      blocks.append(memory)
      return memory.initializeMemory(as: Element.self, repeating: 0, count: count)
    }
    func zeros(_ count: Int) -> UnsafeMutablePointer<Float> {
      let memory = UnsafeMutableRawPointer.allocate(byteCount: max(64, count * 4), alignment: 64)
      blocks.append(memory)
      return memory.initializeMemory(as: Float.self, repeating: 0, count: count)
    }
    hidden = zeros(rows * hiddenStride)
    normed = zeros(rows * hiddenStride, UInt16.self)
    normedFloats = zeros(rows * hiddenStride)
    attention = zeros(rows * attentionStride)
    queries = zeros(rows * c.headCount * decoder.paddedHeadSize, UInt16.self)
    context = zeros(rows * contextStride, UInt16.self)
    contextFloats = zeros(rows * contextStride)
    gated = zeros(rows * gatedStride, UInt16.self)
    gatedFloats = zeros(rows * gatedStride)
    cosines = zeros(rows * c.rotarySize / 2)
    sines = zeros(rows * c.rotarySize / 2)
    bytes = zeros(rows * widest, Int8.self)
    scales = zeros(rows * widest / PackedWeight.panel)
    sums = zeros(rows * widest / PackedWeight.panel, Int32.self)
    panels = zeros(members * panelElements, UInt16.self)
    attentionScratch = zeros(members * attentionScratchCount)
    self.blocks = blocks
  }

  deinit {
    for block in blocks { block.deallocate() }
  }

  /// A row's length: whole panels, and never a multiple of 2 KB, which would map a tile's rows to the same lines of the cache.
  private static func stride(_ width: Int) -> Int {
    let padded = width.roundedUp(to: PackedWeight.panel)
    return padded % 1024 == 0 ? padded + PackedWeight.panel : padded
  }
}
