import GradusCore
import Testing

@testable import GradusTensor

@Suite("Parts that are computed again in the backward pass")
struct CheckpointingTests {
  private func normal(_ shape: [Int], _ seed: UInt64, type: ScalarType = .float32) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    return .normal(shape, type: type, using: &generator)
  }

  private func block(_ x: Tensor, _ weight: Tensor, _ context: ForwardContext) -> Tensor {
    let hidden = Dropout(rate: 0.3)(linear(x, weight: weight, activation: .gelu), context)
    return layerNorm(hidden, residual: x, gain: .ones([x.shape[1]], type: x.type), bias: .zeros([x.shape[1]], type: x.type))
  }

  @Test("Values and gradients have the same bits as without, dropout included")
  func sameBits() throws {
    let weights = (0..<3).map { Parameter("w\($0)", normal([24, 24], UInt64($0))) }
    let input = Parameter("x", normal([70, 24], 9))
    func run(checkpoints: Bool) throws -> [Tensor] {
      let context = ForwardContext(training: SeededGenerator(seed: 5))
      var x = input.value
      for weight in weights {
        if checkpoints {
          let start = context.copy()
          x = checkpointed([x], parameters: [weight]) { block($0[0], weight.value, context) } again: {
            block($0[0], weight.value, start.copy())
          }
        } else {
          x = block(x, weight.value, context)
        }
      }
      let loss = (x * normal([70, 24], 11)).sum()
      return [loss.detached()] + (try gradients(of: loss, withRespectTo: ([input] + weights).map(\.value)))
    }
    let expected = try run(checkpoints: false)
    for (found, expected) in zip(try run(checkpoints: true), expected) { #expect(found.hasSameBits(as: expected)) }
  }

  @Test("Buffers inside the part are freed at once, and made again for the backward pass alone")
  func memory() throws {
    let weight = Parameter("w", normal([16, 16], 1)), x = normal([10, 16], 2)
    weak var inner: Storage?
    var calls = 0
    func part(_ x: Tensor) -> Tensor {
      let hidden = linear(x, weight: weight.value)
      inner = hidden.storage
      calls += 1
      return hidden.tanh()
    }
    let y = checkpointed([x], parameters: [weight]) { part($0[0]) } again: { part($0[0]) }
    #expect(inner == nil && calls == 1)
    _ = try gradients(of: y.sum(), withRespectTo: [weight.value])
    #expect(inner == nil && calls == 2)
  }

  @Test("Inputs and parameters without gradient are left out, frozen ones too")
  func constants() throws {
    let weight = Parameter("w", normal([8, 8], 1)), frozen = Parameter("f", normal([8, 8], 2), isTrainable: false)
    let x = normal([5, 8], 3)
    func part(_ x: Tensor) -> Tensor { matmul(matmul(x, weight.value), frozen.value).sum() }
    let y = checkpointed([x], parameters: [frozen, weight]) { part($0[0]) } again: { part($0[0]) }
    let found = try gradients(of: y, withRespectTo: [weight.value])[0]
    #expect(found.hasSameBits(as: try gradients(of: part(x), withRespectTo: [weight.value])[0]))
    weight.isTrainable = false
    #expect(!checkpointed([x], parameters: [frozen, weight]) { part($0[0]) } again: { part($0[0]) }.isTracked)
  }

  @Test("First and second derivatives, against finite differences")
  func derivatives() throws {
    try GradientCheck.second([normal([3, 4], 1, type: .float64), normal([4, 4], 2, type: .float64)]) { inputs in
      checkpointed(inputs, parameters: []) { matmul($0[0], $0[1]).tanh() } again: { matmul($0[0], $0[1]).tanh() }
    }
  }
}
