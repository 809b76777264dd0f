import GradusCore
import GradusTensor
import Testing

@testable import GradusTrain

@Suite("Gradient caching")
struct GradientCacheTests {
  /// A small encoder of rows with dropout, whose masks follow from the chunk.
  private struct Encoder {
    let hidden: Linear, output: Linear
    let scale = Parameter("scale", .full([1], 4))

    init() {
      var generator = SeededGenerator(seed: 1)
      hidden = Linear("hidden", inputs: 6, outputs: 10, activation: .gelu, standardDeviation: 0.5, using: &generator)
      output = Linear("output", inputs: 10, outputs: 4, standardDeviation: 0.5, using: &generator)
    }

    var parameters: [Parameter] { hidden.parameters + output.parameters }

    func callAsFunction(_ chunk: Range<Int>) -> Tensor {
      let rows = chunk.flatMap { row in (0..<6).map { Float(($0 * 7 + row * 5) % 11) / 11 } }
      let context = ForwardContext(training: SeededGenerator(seed: 8).stream("chunk", chunk.lowerBound))
      return output(Dropout(rate: 0.3)(hidden(Tensor(rows, shape: [chunk.count, 6])), context))
    }

    /// Queries are the even rows, documents the odd ones: every query against all documents.
    func loss(_ vectors: Tensor) -> Tensor {
      let pairs = vectors.shape[0] / 2
      let split = vectors.reshaped(to: [pairs, 2, 4])
      let queries = split.slice(axis: 1, from: 0, to: 1).reshaped(to: [pairs, 4])
      let documents = split.slice(axis: 1, from: 1, to: 2).reshaped(to: [pairs, 4])
      let scores = matmul(queries, documents, transposeB: true) * scale.value
      return -(scores.logSoftmax() * Tensor.range(pairs).oneHot(depth: pairs)).sum() / Double(pairs)
    }
  }

  private static let chunks = [0..<4, 4..<10, 10..<12, 12..<20]

  @Test("Loss and gradients are those of the whole batch in one pass, with the same dropout masks")
  func wholeBatch() throws {
    let encoder = Encoder()
    let whole = encoder.loss(concatenated(Self.chunks.map { encoder($0) }, axis: 0))
    let all = encoder.parameters + [encoder.scale]
    let expected = try gradients(of: whole, withRespectTo: all.map(\.value))
    let step = try GradientCache(parameters: encoder.parameters, lossParameters: [encoder.scale]).gradients(over: Self.chunks) {
      encoder($0)
    } loss: {
      encoder.loss($0)
    }
    #expect(Float(step.loss) == Float(whole.item()))
    #expect(step.representations.shape == [20, 4] && !step.representations.isTracked)
    #expect(step.gradients.parameters.count == all.count)
    for (parameter, gradient) in zip(all, expected) {
      let found = try #require(step.gradients[parameter])
      let largest = gradient.floats().map(abs).max() ?? 0
      for (a, b) in zip(found.floats(), gradient.floats()) { #expect(abs(a - b) <= 2e-6 * max(largest, 1)) }
      #expect(largest > 1e-4, "the comparison would see nothing")
    }
  }

  @Test("It is not the sum over the chunks: negatives reach across them")
  func acrossChunks() throws {
    let encoder = Encoder()
    let step = try GradientCache(parameters: encoder.parameters).gradients(over: Self.chunks) { encoder($0) } loss: {
      encoder.loss($0)
    }
    var apart = GradientStore()
    for chunk in Self.chunks {
      try apart.accumulate(of: encoder.loss(encoder(chunk)), for: encoder.parameters, scale: Double(chunk.count) / 20)
    }
    let bias = encoder.output.parameters[0]
    let (found, other) = (try #require(step.gradients[bias]).floats(), try #require(apart[bias]).floats())
    #expect(zip(found, other).contains { abs($0 - $1) > 1e-2 })
  }

  @Test("An encoder that draws other masks the second time is refused")
  func notRepeatable() {
    let encoder = Encoder()
    let context = ForwardContext(training: SeededGenerator(seed: 8))
    #expect(throws: GradientCacheError.notRepeatable(chunk: 0)) {
      try GradientCache(parameters: encoder.parameters).gradients(over: [0..<4]) { chunk in
        Dropout(rate: 0.5)(encoder(chunk), context)
      } loss: {
        encoder.loss($0)
      }
    }
  }

  @Test("Representations have one row a text and one width; there are some")
  func shapes() {
    let cache = GradientCache(parameters: [])
    func failure(_ shapes: [[Int]]) -> GradientCacheError? {
      do {
        _ = try cache.gradients(over: shapes) { Tensor.zeros($0) } loss: { $0.sum() }
        return nil
      } catch {
        return error as? GradientCacheError
      }
    }
    #expect(failure([[2, 3], [2, 4]]) == .representations(chunk: 1, expectedWidth: 3, found: [2, 4]))
    #expect(failure([[2]]) == .representations(chunk: 0, expectedWidth: nil, found: [2]))
    #expect(failure([]) == .noChunks)
  }
}
