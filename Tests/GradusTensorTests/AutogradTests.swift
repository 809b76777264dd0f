import GradusCore
import Testing

@testable import GradusTensor

@Suite("Automatic differentiation")
struct AutogradTests {
  @Test("Third derivative of x^4 by differentiating three times")
  func higherOrder() throws {
    let x = Tensor([2.0], shape: []).tracked()
    var value = x.square().square()
    // 4 x^3, 12 x^2, 24 x at 2.
    for expected in [32.0, 48, 48] {
      value = try gradients(of: value, withRespectTo: [x], keepingGraph: true)[0]
      #expect(value.item() == expected)
    }
  }

  @Test("A tensor used in several places gets the sum, intermediate results can be targets")
  func sharedUse() throws {
    let x = Tensor([3.0], shape: [1]).tracked()
    let y = x * 2
    let z = (y * y + y + x).sum()
    // z = 4 x^2 + 3 x: dz/dx = 8 x + 3, dz/dy = 2 y + 1.
    let found = try gradients(of: z, withRespectTo: [x, y])
    #expect(found.map { $0.item() } == [27, 13])
  }

  @Test("Gradients do not share memory with each other or with the upstream")
  func noAliasing() throws {
    let a = Tensor([1, 2] as [Float], shape: [2]).tracked(), b = Tensor([1, 2] as [Float], shape: [2]).tracked()
    let upstream = Tensor([5, 6] as [Float], shape: [2])
    var found = try gradients(of: a + b, withRespectTo: [a, b], upstream: upstream)
    found[0].withUnsafeMutableFloats { $0[0] = 100 }
    #expect(found[1].floats() == [5, 6])
    #expect(upstream.floats() == [5, 6])
  }

  @Test("Errors name what is missing")
  func errors() throws {
    let x = Tensor([1.0, 2], shape: [2]).tracked()
    let constant = Tensor([1.0, 2], shape: [2])
    #expect(throws: AutogradError.outputNotTracked) { try gradients(of: constant.sum(), withRespectTo: [x]) }
    #expect(throws: AutogradError.inputNotTracked(position: 1)) {
      try gradients(of: x.sum(), withRespectTo: [x, constant])
    }
    #expect(throws: AutogradError.notScalar(shape: [2])) { try gradients(of: x * 2, withRespectTo: [x]) }
    #expect(throws: AutogradError.upstreamShape(expected: [2], found: [])) {
      try gradients(of: x * 2, withRespectTo: [x], upstream: .scalar(1, type: .float64))
    }
    let y = (x * 2).square().sum()
    _ = try gradients(of: y, withRespectTo: [x])
    #expect(throws: AutogradError.graphReleased("reshaped")) { try gradients(of: y, withRespectTo: [x]) }
    let unrelated = Tensor([1.0], shape: [1]).tracked()
    #expect(try gradients(of: (x * 2).sum(), withRespectTo: [unrelated])[0].doubles() == [0])
  }

  @Test("Nothing is recorded without gradients, and detached tensors stop the flow")
  func recording() throws {
    let x = Tensor([2.0], shape: []).tracked()
    #expect(!withoutGradients { x * 3 }.isTracked)
    #expect(!(x.detached() * 3).isTracked)
    #expect(try gradients(of: x * x.detached(), withRespectTo: [x])[0].item() == 2)
    #expect((x * 3).isTracked)
  }

  @Test("The graph is freed: by a backward pass as it proceeds, and with the last tensor that needs it")
  func release() throws {
    let x = Tensor([2.0], shape: [1]).tracked()
    weak var storage: Storage?
    var y: Tensor?
    do {
      let hidden = x.exp()
      storage = hidden.storage
      y = hidden.square().sum()
    }
    #expect(storage != nil)
    if let y { _ = try gradients(of: y, withRespectTo: [x]) }
    #expect(storage == nil)

    weak var node: GraphNode?
    do {
      let dropped = x.exp().tanh()
      node = dropped.node
      #expect(node != nil)
    }
    #expect(node == nil)
  }

  @Test("A chain of a hundred thousand operations is taken apart without recursion")
  func deepChain() throws {
    var x = Tensor([1.0], shape: [1]).tracked()
    let leaf = x
    for _ in 0..<100_000 { x = x * 1.00001 }
    weak let node = x.node
    let gradient = try gradients(of: x, withRespectTo: [leaf], keepingGraph: true)[0].item()
    #expect(abs(gradient - 2.718268237) < 1e-6)
    x = leaf
    #expect(node == nil)
  }

  @Test("Fused attention with dropout has no second derivative and says so")
  func notTwiceDifferentiable() throws {
    let qkv = sample([4, 12]).cast(to: .float32).tracked()
    let y = packedAttention(qkv: qkv, batch: RaggedBatch(lengths: [4]), heads: 2, dropout: 0.1, seed: 1).sum()
    #expect(throws: AutogradError.notTwiceDifferentiable("packedAttention with dropout")) {
      try gradients(of: y, withRespectTo: [qkv], keepingGraph: true)
    }
  }

  @Test("An optimizer step does not change what a kept graph has saved")
  func updateKeepsGraph() throws {
    let parameter = Parameter("w", Tensor([3.0], shape: [1]))
    let loss = parameter.value.square().sum()
    var store = GradientStore()
    try store.accumulate(of: loss, for: [parameter], keepingGraph: true)
    SGD(groups: [ParameterGroup(parameters: [parameter], learningRate: 0.5)]).step(store)
    #expect(parameter.value.doubles() == [0])
    #expect(try gradients(of: loss, withRespectTo: [parameter.value])[0].doubles() == [6])
  }
}
