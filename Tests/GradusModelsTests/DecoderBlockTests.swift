import Foundation
import GradusFormats
import Testing

@testable import GradusModels

/// Whole models of one kind of block, against the logits of other programs for the same bytes.
@Suite("Decoder with blocks of each kind")
struct DecoderBlockTests {
  private struct Goldens: Decodable {
    struct Model: Decodable {
      /// Offset of a scale in a block, and the bits of the smallest half that stands there.
      let scales: [[Int]]
      let exact: [[Float]]
      let llama: [[Float]]
    }

    let tokens: [Int32]
    let positions: [Int]
    let models: [String: Model]
  }

  private static func goldens() throws -> Goldens {
    try JSONDecoder().decode(
      Goldens.self, from: Data(contentsOf: URL(fileURLWithPath: DecoderFixtures.folder + "blocks.json")))
  }

  static let kinds: [GGUFTensorType] = [.q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .q4_K, .q5_K, .q6_K]
  private static let width = 256

  /// The first bytes of SplitMix64's numbers.
  private static func randomBytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var state = seed
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 8)
    while bytes.count < count {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      withUnsafeBytes(of: (mixed ^ (mixed >> 31)).littleEndian) { bytes.append(contentsOf: $0) }
    }
    return Array(bytes.prefix(count))
  }

  /// The model that `make_block_goldens.py` builds, written by our writer.
  private func decoder(_ kind: GGUFTensorType, _ golden: Goldens.Model) throws -> LlamaDecoder {
    let path = NSTemporaryDirectory() + "gradus-\(UUID().uuidString).gguf"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let writer = GGUFWriter(path: path)
    try writer.set("general.architecture", .string("llama"))
    for (key, value) in [
      ("block_count", 2), ("embedding_length", Self.width), ("feed_forward_length", Self.width), ("attention.head_count", 4),
      ("attention.head_count_kv", 2), ("context_length", 256), ("rope.dimension_count", 64),
    ] { try writer.set("llama." + key, .uint32(UInt32(value))) }
    try writer.set("llama.attention.layer_norm_rms_epsilon", .float32(1e-5))
    try writer.set("llama.rope.freq_base", .float32(10000))
    var matrices: [(tensor: DecoderTensor, rows: Int)] = [(.embedding, 64)]
    for layer in 0..<2 {
      matrices += [
        (.query(layer), 256), (.key(layer), 128), (.value(layer), 128), (.attentionOutput(layer), 256), (.gate(layer), 256),
        (.up(layer), 256), (.down(layer), 256),
      ]
    }
    for (number, matrix) in matrices.enumerated() {
      let count = matrix.rows * Self.width / kind.blockSize
      var blocks = Self.randomBytes(count * kind.bytesPerBlock, seed: UInt64(1000 * number))
      for scale in golden.scales {
        for block in 0..<count {
          let bits = scale[1] + block * 37 % 256
          blocks[block * kind.bytesPerBlock + scale[0]] = UInt8(bits & 255)
          blocks[block * kind.bytesPerBlock + scale[0] + 1] = UInt8(bits >> 8)
        }
      }
      try writer.add(matrix.tensor.ggufName, dimensions: [Self.width, matrix.rows], type: kind, blocks: blocks)
    }
    let norm = (0..<Self.width).map { 0.75 + Float($0 * 7 % 16) / 32 }
    let norms = [DecoderTensor.finalNorm] + (0..<2).flatMap { [DecoderTensor.attentionNorm($0), .feedForwardNorm($0)] }
    for tensor in norms { try writer.add(tensor.ggufName, dimensions: [Self.width], floats: norm) }
    try writer.commit()
    return try LlamaDecoder(path: path)
  }

  /// A deviation of 0.8 to 1.1; llama.cpp's own mean error is up to 0.022.
  @Test("Logits agree with transformers in float32 and with llama.cpp", arguments: kinds)
  func logits(kind: GGUFTensorType) throws {
    let goldens = try Self.goldens()
    let golden = try #require(goldens.models[kind.name])
    let decoder = try decoder(kind, golden)
    for arithmetic in LlamaDecoder.Arithmetic.allCases {
      var cache = decoder.makeCache()
      let logits = try decoder.append(
        goldens.tokens, to: &cache, computing: DecoderRequest(logits: goldens.positions), arithmetic: arithmetic).logits
      func error(_ reference: [[Float]]) -> (mean: Float, largest: Float) {
        let errors = zip(logits, reference).flatMap { zip($0, $1).map { abs($0 - $1) } }
        return (errors.reduce(0, +) / Float(errors.count), errors.max() ?? .infinity)
      }
      let (exact, llama) = (error(golden.exact), error(golden.llama))
      #expect(logits.count == 3 && logits.allSatisfy { $0.count == 64 })
      #expect(exact.mean < 0.03 && exact.largest < 0.15, "\(arithmetic) \(exact)")
      #expect(llama.mean < 0.04 && llama.largest < 0.2, "\(arithmetic) \(llama)")
      if ProcessInfo.processInfo.environment["GRADUS_PRINT"] != nil { print(kind.name, arithmetic, exact, llama) }
    }
  }

  @Test("Blocks without a kernel are computed with in Q8_0's format, and that is said", arguments: kinds)
  func conversions(kind: GGUFTensorType) throws {
    let decoder = try decoder(kind, try #require(try Self.goldens().models[kind.name]))
    let isNative = [.q8_0, .q4_0, .q4_1].contains(kind)
    #expect(decoder.conversions.isEmpty == isNative)
    #expect(decoder.conversions.allSatisfy { $0.stored == kind.name && $0.computed == .q8 })
  }
}
