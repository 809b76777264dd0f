import CGradusKernels
import GradusCore
import GradusTensor
import GradusText
import Testing

@testable import GradusModels

private let miniLM = ReferenceModels.folder("minilm-l6")

@Suite("Fused inference", .serialized)
struct FusedEncoderTests {
  private static let levels = (0...grd_encoder_strongest_level().rawValue).map { grd_encoder_level(rawValue: $0) }

  /// Weights large enough that attention and feed-forward matter.
  private static func encoder(
    hidden: Int, inner: Int, heads: Int, layers: Int = 2, positions: Int = 512
  ) -> BertEncoder {
    var generator = SeededGenerator(seed: UInt64(hidden))
    let configuration = BertConfiguration(
      vocabularySize: 50, hiddenSize: hidden, intermediateSize: inner, layerCount: layers, headCount: heads,
      maximumPositions: positions, initializerRange: 0.15)
    return BertEncoder(configuration, using: &generator)
  }

  private static func sequence(_ length: Int, seed: Int) -> (ids: [Int32], segments: [Int32]) {
    ((0..<length).map { Int32(($0 * 7 + seed * 13 + $0 / 5) % 50) }, (0..<length).map { $0 > length / 3 ? 1 : 0 })
  }

  private static func batch(_ lengths: [Int]) -> TokenBatch {
    var batch = TokenBatch()
    for (seed, length) in lengths.enumerated() {
      let sequence = sequence(length, seed: seed)
      batch.append(sequence.ids, segments: sequence.segments)
    }
    return batch
  }

  private func differences(_ found: [Float], _ expected: [Float]) -> (largest: Float, mean: Float) {
    #expect(found.count == expected.count && !found.isEmpty)
    let all = zip(found, expected).map { abs($0 - $1) }
    // A NaN fails every comparison.
    return (all.reduce(0) { $0.isNaN || $1.isNaN ? .nan : max($0, $1) }, all.reduce(0, +) / Float(all.count))
  }

  @Test(
    "Any shape: fp32 within 1e-5 of the path that trains, bf16 and int8 within their tolerance, one set of bits on all levels",
    arguments: [(64, 128, 2), (64, 96, 1), (128, 200, 2), (20, 13, 4), (100, 301, 5), (24, 40, 3)])
  func shapes(sizes: (hidden: Int, inner: Int, heads: Int)) throws {
    let encoder = Self.encoder(hidden: sizes.hidden, inner: sizes.inner, heads: sizes.heads)
    let batch = Self.batch([1, 2, 15, 16, 17, 33, 0, 70, 101])
    let expected = withoutGradients { encoder(batch, .inference) }.floats()
    for (precision, largest, mean) in [
      (NumericPrecision.fp32, Float(1e-5), Float(2e-6)), (.bf16, 0.06, 8e-3), (.int8, 0.25, 3e-2),
    ] {
      let results = try Self.levels.map { level in
        try FusedBertEncoder(encoder, precision: precision, level: level).hidden(batch)
      }
      let found = differences(results[0], expected)
      #expect(found.largest <= largest && found.mean <= mean, "\(precision): \(found)")
      for other in results.dropFirst() { #expect(haveSameBits(other, results[0]), "\(precision)") }
    }
  }

  @Test("Bits do not depend on threads or batch mates", arguments: NumericPrecision.allCases)
  func invariance(precision: NumericPrecision) throws {
    let encoder = Self.encoder(hidden: 64, inner: 128, heads: 2)
    let fused = try FusedBertEncoder(encoder, precision: precision)
    let lengths = [40, 1, 97, 12, 5, 130, 23, 64, 8, 31, 200, 3]
    let together = try fused.pooled(Self.batch(lengths), .mean)
    let width = 64
    for (number, length) in lengths.enumerated() {
      var alone = TokenBatch()
      let sequence = Self.sequence(length, seed: number)
      alone.append(sequence.ids, segments: sequence.segments)
      let own = try fused.pooled(alone, .mean)
      #expect(haveSameBits(own, Array(together[number * width..<(number + 1) * width])))
    }
    let order = [7, 2, 11, 0, 5, 9, 1, 10, 3, 8, 4, 6]
    var shuffled = TokenBatch()
    for number in order {
      let sequence = Self.sequence(lengths[number], seed: number)
      shuffled.append(sequence.ids, segments: sequence.segments)
    }
    let mixed = try fused.pooled(shuffled, .mean)
    for (position, number) in order.enumerated() {
      let own = Array(mixed[position * width..<(position + 1) * width])
      #expect(haveSameBits(own, Array(together[number * width..<(number + 1) * width])))
    }
    let expected = try fused.hidden(Self.batch(lengths))
    for threads in [1, 2, 3, 5] {
      let pool = WorkerPool(threads: threads)
      defer { pool.stop() }
      let found = try fused.hidden(Self.batch(lengths), pool: pool)
      #expect(haveSameBits(found, expected), "\(threads) threads")
    }
  }

  @Test("One token and 512 tokens, heads of 32 and 64", arguments: [2, 1])
  func lengths(heads: Int) throws {
    let encoder = Self.encoder(hidden: 64, inner: 64, heads: heads, layers: 1)
    let batch = Self.batch([512, 1])
    let expected = withoutGradients { encoder(batch, .inference) }.floats()
    let found = try FusedBertEncoder(encoder, precision: .fp32).hidden(batch)
    #expect(differences(found, expected).largest <= 1e-5)
  }

  @Test("Pooling, segment means and nothing at all")
  func pooling() throws {
    let encoder = Self.encoder(hidden: 24, inner: 40, heads: 3)
    let fused = try FusedBertEncoder(encoder, precision: .fp32)
    let batch = Self.batch([3, 1, 20])
    let hidden = withoutGradients { encoder(batch, .inference) }
    let ragged = RaggedBatch(offsets: batch.offsets)
    for (pooling, expected) in [
      (Pooling.mean, hidden.segmentMean(ragged)), (.max, hidden.segmentMax(ragged)),
      (.cls, hidden.indexSelect(Tensor(indices: batch.firstTokens, shape: [3]))),
    ] {
      #expect(differences(try fused.pooled(batch, pooling), expected.floats()).largest <= 1e-5)
    }
    let parts = try fused.firstAndSegmentMeans(batch)
    let means = hidden.segmentMean(RaggedBatch(offsets: batch.segmentOffsets)).floats()
    for sequence in 0..<3 {
      let own = Array(parts[(3 * sequence + 1) * 24..<(3 * sequence + 3) * 24])
      #expect(differences(own, Array(means[2 * sequence * 24..<(2 * sequence + 2) * 24])).largest <= 1e-5)
    }
    #expect(try fused.hidden(TokenBatch()).isEmpty)
    #expect(try fused.pooled(TokenBatch(), .mean).isEmpty)
  }

  @Test("What cannot be computed is refused: weights that are not finite, tokens without a row, texts too long")
  func refusals() throws {
    let encoder = Self.encoder(hidden: 24, inner: 40, heads: 3, positions: 8)
    let fused = try FusedBertEncoder(encoder, precision: .bf16)
    #expect(throws: ModelError.positions(asked: 9, limit: 8)) { try fused.hidden(Self.batch([9])) }
    var batch = TokenBatch()
    batch.append([3, 50])
    #expect(throws: ModelError.tokenOutOfRange(table: "word", value: 50, rows: 50)) { try fused.hidden(batch) }
    batch = TokenBatch()
    batch.append([3], segments: [2])
    #expect(throws: ModelError.tokenOutOfRange(table: "segment", value: 2, rows: 2)) { try fused.hidden(batch) }
    let parameter = encoder.layers[1].output.weight
    var values = parameter.value.floats()
    values[7] = .nan
    parameter.value = Tensor(values, shape: parameter.shape)
    #expect(throws: ModelError.weightNotFinite(name: parameter.name, index: 7)) {
      try FusedBertEncoder(encoder, precision: .int8)
    }
  }

  @Test("A prepared cross-encoder gives the scores of the path that trains", arguments: CrossEncoderHead.fresh)
  func crossEncoder(head: CrossEncoderHead) throws {
    let folder = try TestFolder.crossEncoder(head)
    let model = try folder.keepingFolder { try RankingModel(folder: $0).scorer }
    let texts = ["", "cat", "cat sat how the cat", "the cat sat the cat sat the cat sat the cat sat the cat"]
    let pairs = texts.enumerated().map { pair("how the cat", $1, number: $0) }
    let expected = try model.rankingScores(pairs)
    for (precision, tolerance) in [(NumericPrecision.fp32, 1e-4), (.bf16, 0.2), (.int8, 0.6)] {
      let found = try model.prepared(for: precision).rankingScores(pairs)
      for (a, b) in zip(found, expected) { #expect(abs(a.score - b.score) <= tolerance, "\(precision)") }
      #expect(found.map(\.truncatedTokens) == expected.map(\.truncatedTokens))
      #expect(try model.prepared(for: precision).rankingScores(pairs.reversed(), maximumTokens: 20) == found.reversed())
    }
  }

  @Test("What has no encoder refuses another precision than fp32")
  func noEncoder() throws {
    let scorer = try TestFolder.convKNRM().keepingFolder { try RankingModel(folder: $0).scorer }
    #expect(throws: ModelError.precisionUnsupported(precision: .bf16)) { try scorer.prepared(for: .bf16) }
    #expect(try scorer.prepared(for: .fp32).rankingScores([pair("cat", "sat")]).count == 1)
  }

  @Test("The choice of a precision is measured once and remembered")
  func calibration() throws {
    let folder = try TestFolder()
    let calibration = PrecisionCalibration(cacheFolder: folder.file("cache"))
    let first = try calibration.fastest()
    #expect(first.isMeasured == NumericPrecision.bf16.isNative && first.precision != .int8)
    let second = try calibration.fastest()
    #expect(second.precision == first.precision && !second.isMeasured)
  }

  @Test(
    "MiniLM: cosines to the path that trains", .enabled(if: miniLM != nil, Comment(rawValue: ReferenceModels.notice)),
    arguments: [(NumericPrecision.fp32, Float(1e-5)), (.bf16, 2e-3), (.int8, 2e-2)])
  func pretrained(precision: NumericPrecision, tolerance: Float) throws {
    let model = try BiEncoder(folder: try #require(miniLM))
    let texts = [
      "How do I sort a hash by value?", "Neutrophils migrate toward inflamed tissue.", "", "a", "Heat transfer in laminar flow",
    ]
    let expected = try model.encode(texts).vectors
    for (a, b) in zip(try model.prepared(for: precision).encode(texts).vectors, expected) {
      let cosine = zip(a, b).reduce(Float(0)) { $0 + $1.0 * $1.1 }
      #expect(abs(1 - cosine) <= tolerance, "\(precision): \(cosine)")
    }
  }
}
