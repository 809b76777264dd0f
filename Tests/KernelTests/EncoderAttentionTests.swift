import CGradusKernels
import Foundation
import Testing

extension KernelTests {
  /// A layer of which everything but the shares of attention is exact in every precision, so that what is left can be foretold.
  ///
  /// Tokens are of three kinds, each a row of a Hadamard matrix. The first kind's keys score above the second's; the third's lie
  /// between, in other columns and smaller, and its own queries are twice the others'. The first kind's values are a fourth row
  /// times a factor of each column, the second's their opposite, the third's zero. The feed-forward adds nothing.
  @Suite("Attention of an encoder whose answer is known")
  struct EncoderAttentionTests {
    private static let levels = EncoderKernelTests.levels
    private static let width = 32
    private static let lengths = [1, 41, 0, 103]
    private static let attended = [1, 34, 0, 97]
    private static let reach = 9
    /// What a bias adds to a score for each token between query and key; scores are exponents of two.
    private static let slope = -0.25

    struct Setting: Sendable {
      var precision: grd_encoder_precision
      var isLocal = false
      var hasBias = false
      /// Whether each sequence's first tokens alone are keys.
      var isCut = false
      /// In bf16 and int8 what attention gives is rounded to bf16, by up to 1/256 of it; in bf16 shares are rounded before, and
      /// with a bias some of int8's lie near the middle between two whole numbers.
      var tolerance: Double {
        precision == GRD_ENCODER_FP32 ? 2e-5 : precision == GRD_ENCODER_INT8 && !hasBias ? 4e-3 : 5e-3
      }
    }

    private static func kind(_ token: Int) -> Int { [2, 2, 0, 2, 1, 2, 2][token % 7] }
    private static func sign(_ row: Int, _ column: Int) -> Double { (row & column).nonzeroBitCount % 2 == 0 ? 1 : -1 }
    /// 127, 64, 32 and 8 parts of 128: exact as bf16, and as bytes where 127 is the largest.
    private static func factor(_ column: Int) -> Double { [127, 64, 32, 8][column / 8] / 128.0 }

    /// The first kind's share less the second's, for one query.
    private func expected(_ setting: Setting, sequence: Int, query: Int) -> Double {
      let keys = setting.isCut ? Self.attended[sequence] : Self.lengths[sequence]
      let strength = Self.kind(query) == 2 ? 2.0 : 1.0
      let scores: [(kind: Int, score: Double)] = (0..<keys).compactMap { key in
        if setting.isLocal, abs(key - query) > Self.reach { return nil }
        let bias = setting.hasBias ? Self.slope * Double(abs(key - query)) : 0
        return (Self.kind(key), strength * [2, -2, 0.5][Self.kind(key)] + bias)
      }
      let top = scores.map(\.score).max() ?? 0
      var shares = [0.0, 0, 0]
      for (kind, score) in scores {
        let share = 254 * exp2(score - top)
        shares[kind] += setting.precision == GRD_ENCODER_INT8 ? share.rounded() : share
      }
      return (shares[0] - shares[1]) / shares.reduce(0, +)
    }

    /// Memory that kernels see, until the end of the test.
    private final class Memory {
      private var blocks: [UnsafeMutableRawPointer] = []
      deinit { for block in blocks { block.deallocate() } }

      func zeros(_ bytes: Int) -> UnsafeMutableRawPointer {
        let block = UnsafeMutableRawPointer.allocate(byteCount: max(bytes, 1), alignment: 64)
        block.initializeMemory(as: UInt8.self, repeating: 0, count: max(bytes, 1))
        blocks.append(block)
        return block
      }

      func copy<Element: BitwiseCopyable>(_ values: [Element]) -> UnsafePointer<Element> {
        let block = zeros(values.count * MemoryLayout<Element>.stride)
        values.withUnsafeBytes { block.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(block), byteCount: $0.count) }
        return UnsafePointer(block.assumingMemoryBound(to: Element.self))
      }
    }

    /// The hidden states of all tokens, [tokens][width].
    private func hidden(_ setting: Setting, _ level: grd_encoder_level) throws -> [Float] {
      let width = Self.width, memory = Memory()
      func rows(_ entry: (_ row: Int, _ column: Int) -> Double) -> [Float] {
        (0..<width * width).map { Float(entry($0 / width, $0 % width)) }
      }
      // 1 for the first kind, -1 for the second, 0 for the third.
      func difference(_ column: Int) -> Double { (Self.sign(1, column) - Self.sign(2, column)) / Double(width) }
      // Queries of 1/8 and, of the third kind, 1/4, once the factor of softmax is in them.
      let unit = Double(width).squareRoot() * log(2.0) / 8
      let queries = rows { _, column in unit * Self.sign(3, column) / Double(width) }
      let keys = rows { row, column in row < width / 2 ? difference(column) : Self.sign(3, column) / Double(4 * width) }
      let values = rows { row, column in Self.factor(row) * Self.sign(5, row) * difference(column) }
      let zeros = memory.copy([Float](repeating: 0, count: 3 * width)), ones = memory.copy([Float](repeating: 1, count: width))
      let nothing = memory.copy([Float](repeating: 0, count: 16 * width))
      let shape = grd_encoder_shape(
        hidden: width, intermediate: 16, heads: 1, layers: 1, epsilon: 1e-12, precision: setting.precision,
        form: GRD_ENCODER_POST_NORM)
      let weights = grd_encoder_layer_weights(
        qkv: memory.copy(queries + keys + values),
        qkv_bias: memory.copy([Float](repeating: Float(unit), count: width) + [Float](repeating: 0, count: 2 * width)),
        output: memory.copy(rows { $0 == $1 ? 1 : 0 }), output_bias: zeros, attention_gamma: ones, attention_beta: zeros,
        up: nothing, up_bias: zeros, down: nothing, down_bias: zeros, output_gamma: ones, output_beta: zeros)
      let layer = memory.zeros(withUnsafePointer(to: shape) { grd_encoder_layer_bytes($0) })
      #expect(withUnsafePointer(to: shape) { grd_encoder_pack_layer($0, [weights], layer) } == GRD_OK)

      let longest = Self.lengths.max() ?? 0
      let bias = memory.copy((-longest...longest + 16).map { Float(Self.slope * Double(abs($0))) })
      let offsets = Self.lengths.reduce(into: [Int32(0)]) { $0.append($0[$0.count - 1] + Int32($1)) }
      let embedded = Self.lengths.flatMap { length in
        (0..<length * width).map { Float(Self.sign(Self.kind($0 / width) + 1, $0 % width)) }
      }
      var model = grd_encoder_model()
      model.shape = shape
      model.level = level
      model.layers = memory.copy([UnsafeRawPointer?(layer)])
      if setting.hasBias {
        model.bias = bias
        model.bias_reach = longest
      }
      if setting.isLocal { model.reaches = memory.copy([Self.reach]) }
      var batch = grd_encoder_batch()
      batch.offsets = memory.copy(offsets)
      batch.sequences = Self.lengths.count
      batch.embedded = memory.copy(embedded)
      if setting.isCut { batch.attended = memory.copy(Self.attended.map { Int32($0) }) }
      return withExtendedLifetime(memory) {
        let bytes = grd_encoder_workspace_bytes(&model, &batch, 1)
        let workspace = memory.zeros(bytes)
        var tasks = 0, stride = 0
        #expect(grd_encoder_prepare(&model, &batch, 1, workspace, bytes, &tasks) == GRD_OK)
        for task in 0..<tasks { grd_encoder_task(workspace, task) }
        guard let states = grd_encoder_hidden(workspace, &stride) else { return [] }
        return (0..<Self.lengths.reduce(0, +)).flatMap { token in (0..<width).map { states[token * stride + $0] } }
      }
    }

    @Test(
      "Shares of keys: whole numbers of 254ths in int8, of the keys that a query reaches, with their biases; one set of bits",
      arguments: [GRD_ENCODER_FP32, GRD_ENCODER_BF16, GRD_ENCODER_INT8])
    func shares(precision: grd_encoder_precision) throws {
      for setting in [
        Setting(precision: precision), Setting(precision: precision, isLocal: true),
        Setting(precision: precision, hasBias: true), Setting(precision: precision, isLocal: true, isCut: true),
        Setting(precision: precision, hasBias: true, isCut: true),
      ] {
        let results = try Self.levels.map { try hidden(setting, $0) }
        for other in results.dropFirst() { #expect(sameBits(results[0], other), "a level differs: \(setting)") }
        let tokens = Self.lengths.enumerated().flatMap { sequence, length in (0..<length).map { (sequence, $0) } }
        var worst = 0.0
        for (token, (sequence, query)) in tokens.enumerated() {
          let wanted = expected(setting, sequence: sequence, query: query)
          let states = results[0][token * Self.width..<(token + 1) * Self.width].map(Double.init)
          // The norms leave the kind's row and the fourth as they were but for one factor.
          let row = Self.kind(query) + 1
          let own = states.enumerated().reduce(0) { $0 + Self.sign(row, $1.offset) * $1.element } / Double(Self.width)
          for group in 0..<4 {
            let part = (8 * group..<8 * group + 8).reduce(0) { $0 + Self.sign(5, $1) * states[$1] } / 8
            let error = abs(part / own / Self.factor(8 * group) - wanted) / max(abs(wanted), 1e-2)
            // A NaN is no error that passes.
            worst = error.isNaN ? .infinity : max(worst, error)
          }
        }
        #expect(worst <= setting.tolerance, "\(setting): \(worst)")
      }
    }
  }
}
