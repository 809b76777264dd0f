import GradusCore
import GradusTensor
import Testing

@Suite("Optimizers, gradient stores and schedules")
struct OptimizerTests {
  /// Four steps on `(s + 1) sum(w^3) + v w_0`; values from PyTorch 2.15.0 in float64.
  private func cubic(_ make: ([ParameterGroup]) -> any Optimizer) throws -> [Double] {
    let w = Parameter("w", Tensor([1.0, -2, 0.5], shape: [3])), v = Parameter("v", Tensor([0.3], shape: [1, 1]))
    let optimizer = make([
      ParameterGroup("decayed", parameters: [w], learningRate: 0.1, weightDecay: 0.1),
      ParameterGroup("plain", parameters: [v], learningRate: 0.01),
    ])
    for step in 0..<4 {
      let cubes = w.value * w.value * w.value
      let loss = cubes.sum() * Double(step + 1) + (v.value * w.value.slice(axis: 0, from: 0, to: 1)).sum()
      var store = GradientStore()
      try store.accumulate(of: loss, for: [w, v])
      optimizer.step(store)
    }
    return w.value.doubles() + v.value.doubles()
  }

  /// Four steps on `(s + 1) / 2 |w|^2`.
  private func quadratic(_ make: (Parameter) -> any Optimizer) throws -> [Double] {
    let w = Parameter("w", Tensor([1.0, -2, 0.5], shape: [3]))
    let optimizer = make(w)
    for step in 0..<4 {
      var store = GradientStore()
      try store.accumulate(of: w.value.square().sum() * (0.5 * Double(step + 1)), for: [w])
      optimizer.step(store)
    }
    return w.value.doubles()
  }

  @Test("AdamW and Adam with two groups, as PyTorch computes them")
  func adam() throws {
    let w = try cubic { AdamW(groups: $0) }
    expectClose(Tensor(w, shape: [4]), [0.568129186186, -2.29989361463, 0.0920128462517, 0.260450881925])
    let coupled = try cubic { Adam(groups: $0) }
    expectClose(Tensor(coupled, shape: [4]), [0.601843665024, -2.38323966743, 0.104704580739, 0.26039280662])
  }

  @Test("SGD with decay, momentum, dampening and Nesterov's form, as PyTorch computes them")
  func sgd() throws {
    func group(_ w: Parameter, _ decay: Double) -> [ParameterGroup] {
      [ParameterGroup(parameters: [w], learningRate: 0.1, weightDecay: decay)]
    }
    expectClose(Tensor(try quadratic { SGD(groups: group($0, 0.1)) }, shape: [3]), [0.28623201, -0.57246402, 0.143116005])
    expectClose(
      Tensor(try quadratic { SGD(groups: group($0, 0.1), momentum: 0.9, dampening: 0.2) }, shape: [3]),
      [-0.17061636288, 0.34123272576, -0.08530818144])
    expectClose(
      Tensor(try quadratic { SGD(groups: group($0, 0), momentum: 0.9, isNesterov: true) }, shape: [3]),
      [-0.29158056, 0.58316112, -0.14579028])
  }

  private func toyStep(_ layer: Linear, _ optimizer: any Optimizer, _ step: Int) throws {
    let x = sample([8, 5], seed: UInt64(step + 10)).cast(to: .float32)
    var store = GradientStore()
    try store.accumulate(of: layer(x).square().mean(), for: layer.trainableParameters)
    optimizer.step(store, scheduleFactor: LinearWarmupDecay(warmupSteps: 2, totalSteps: 10).factor(step: step))
  }

  @Test("A run resumed from exported state is bit-equal to one that never stopped", arguments: ["AdamW", "SGD"])
  func resume(kind: String) throws {
    func make(_ layer: Linear) -> any Optimizer {
      let groups = [ParameterGroup(parameters: layer.parameters, learningRate: 0.05, weightDecay: 0.01)]
      return kind == "AdamW" ? AdamW(groups: groups) : SGD(groups: groups, momentum: 0.9)
    }
    var generator = SeededGenerator(seed: 1)
    let layer = Linear("toy", inputs: 5, outputs: 3, using: &generator)
    let optimizer = make(layer)
    for step in 0..<4 { try toyStep(layer, optimizer, step) }
    let copy = Linear("toy", weight: layer.weight.value, bias: layer.bias?.value)
    let state = optimizer.exportState()
    for step in 4..<8 { try toyStep(layer, optimizer, step) }

    let resumed = make(copy)
    try resumed.importState(state)
    for step in 4..<8 { try toyStep(copy, resumed, step) }
    for (a, b) in zip(layer.parameters, copy.parameters) { #expect(a.value.hasSameBits(as: b.value)) }
    for (a, b) in zip(optimizer.exportState(), resumed.exportState()) {
      #expect(a.name == b.name)
      #expect(a.tensor.hasSameBits(as: b.tensor))
    }
  }

  @Test("A state that does not fit is refused")
  func foreignState() throws {
    let w = Parameter("w", Tensor([1.0], shape: [1]))
    let adam = AdamW(groups: [ParameterGroup(parameters: [w], learningRate: 0.1)])
    let step = NamedTensor("w.step", Tensor(indices: [1], shape: []))
    let good = Tensor([1.0], shape: [1])
    #expect(throws: OptimizerStateError.incomplete(parameter: "w", missing: "exp_avg")) { try adam.importState([step]) }
    #expect(throws: OptimizerStateError.shape(name: "w.exp_avg", expected: [1], found: [2])) {
      try adam.importState([step, NamedTensor("w.exp_avg", .zeros([2], type: .float64)), NamedTensor("w.exp_avg_sq", good)])
    }
    #expect(throws: OptimizerStateError.unknown(name: "x.step")) {
      try adam.importState([NamedTensor("x.step", Tensor(indices: [1], shape: []))])
    }
  }

  @Test("A lazy optimizer leaves rows without gradient alone, and treats the others as a dense one does")
  func lazy() {
    let rows: [[Float]] = [[1, 0], [0, 0], [0, -2]]
    let start = Tensor([0.5, -1, 2, 3, 0.25, 1] as [Float], shape: [3, 2])
    func stepped(isLazy: Bool, _ gradients: [[[Float]]]) -> [Float] {
      let w = Parameter("w", start)
      let group = ParameterGroup(parameters: [w], learningRate: 0.1, weightDecay: 0.1)
      let optimizer = AdamW(groups: [group], isLazy: isLazy)
      for gradient in gradients {
        var store = GradientStore()
        store.add(Tensor(gradient.flatMap { $0 }, shape: [3, 2]), for: w)
        optimizer.step(store)
      }
      return w.value.floats()
    }
    let lazy = stepped(isLazy: true, [rows, rows]), dense = stepped(isLazy: false, [rows, rows])
    #expect(lazy[2...3] == [2, 3] && dense[2] < 2 && dense[3] < 3)
    #expect(lazy[0...1] == dense[0...1] && lazy[4...5] == dense[4...5])
    // Momentum does not go on without a gradient, and the bias correction counts all steps.
    let rested = stepped(isLazy: true, [rows, [[0, 0], [0, 0], [0, 0]]])
    #expect(rested == stepped(isLazy: true, [rows]))
  }

  @Test("A step with clipped gradients has the bits of one whose gradients were multiplied before")
  func clippedStep() throws {
    var generator = SeededGenerator(seed: 3)
    let start = Tensor.normal([50_000], using: &generator), gradient = Tensor.normal([50_000], using: &generator)
    func stepped(_ prepare: (inout GradientStore, Parameter) -> Void) -> Tensor {
      let w = Parameter("w", start)
      let optimizer = AdamW(groups: [ParameterGroup(parameters: [w], learningRate: 0.1, weightDecay: 0.1)])
      for _ in 0..<2 {
        var store = GradientStore()
        prepare(&store, w)
        optimizer.step(store)
      }
      return w.value.detached()
    }
    let norm = gradient.square().sum().item().squareRoot()
    let clipped = stepped { store, w in
      store.add(gradient, for: w)
      let before = store.clip(globalNorm: 0.7), after = store.globalNorm()
      #expect(abs(before - norm) < 1e-6 * norm && abs(after - 0.7) < 1e-6)
    }
    let factor = 0.7 / gradientNorm(gradient)
    #expect(clipped.hasSameBits(as: stepped { store, w in store.add(gradient * factor, for: w) }))
    #expect(!clipped.hasSameBits(as: stepped { store, w in store.add(gradient, for: w) }))
  }

  private func gradientNorm(_ gradient: Tensor) -> Double {
    var store = GradientStore()
    store.add(gradient, for: Parameter("g", gradient))
    return store.globalNorm()
  }

  @Test("Stores add, scale and clip")
  func stores() throws {
    let a = Parameter("a", Tensor([1.0, 2], shape: [2])), b = Parameter("b", Tensor([3.0], shape: [1]))
    var store = GradientStore()
    store.add(Tensor([3.0, 0], shape: [2]), for: a)
    store.add(Tensor([2.0], shape: [1]), for: b, scale: 2)
    #expect(store.globalNorm() == 5)
    var other = GradientStore()
    other.add(store, scale: 2)
    #expect(other.globalNorm() == 10)
    #expect(store.clip(globalNorm: 10) == 5)
    #expect(store.globalNorm() == 5)
    #expect(store.clip(globalNorm: 1) == 5)
    #expect(abs(store.globalNorm() - 1) < 1e-12)
    #expect(store.parameters.map(\.name) == ["a", "b"])
    try store.accumulate(of: (a.value * 2).sum(), for: [a], scale: 0.5)
    expectClose(try #require(store[a]), [1.6, 1])
    #expect(other[a]?.doubles() == [6, 0])
  }

  @Test("Accumulating micro-batches equals one large batch")
  func microBatches() throws {
    var generator = SeededGenerator(seed: 2)
    let layer = Linear("toy", inputs: 4, outputs: 2, type: .float64, using: &generator)
    let x = sample([6, 4])
    var whole = GradientStore()
    try whole.accumulate(of: layer(x).square().sum(), for: layer.parameters)
    var parts = GradientStore()
    for part in x.split([2, 3, 1], axis: 0) { try parts.accumulate(of: layer(part).square().sum(), for: layer.parameters) }
    for parameter in layer.parameters { expectClose(try #require(parts[parameter]), try #require(whole[parameter]).doubles()) }
  }

  @Test("A frozen parameter takes no part, and a parameter without a gradient stays put")
  func frozen() throws {
    var generator = SeededGenerator(seed: 3)
    let layer = Linear("toy", inputs: 2, outputs: 2, using: &generator)
    layer.weight.isTrainable = false
    #expect(layer.trainableParameters.map(\.name) == ["toy.bias"])
    let before = layer.weight.value
    let optimizer = AdamW(groups: [ParameterGroup(parameters: layer.parameters, learningRate: 1, weightDecay: 0.5)])
    var store = GradientStore()
    try store.accumulate(of: layer(Tensor.ones([1, 2])).sum(), for: layer.trainableParameters)
    optimizer.step(store)
    #expect(layer.weight.value.hasSameBits(as: before))
    #expect(optimizer.exportState().map(\.name) == ["toy.bias.step", "toy.bias.exp_avg", "toy.bias.exp_avg_sq"])
  }

  @Test("Schedules at their corners")
  func schedules() {
    let linear = LinearWarmupDecay(warmupSteps: 4, totalSteps: 12)
    #expect([0, 2, 4, 8, 12, 20].map(linear.factor) == [0, 0.5, 1, 0.5, 0, 0])
    #expect([0, 1, 2, 100].map(ConstantSchedule(warmupSteps: 2).factor) == [0, 0.5, 1, 1])
    let cosine = CosineSchedule(warmupSteps: 2, totalSteps: 6, floor: 0.2)
    #expect([0, 1, 2, 4, 6, 9].map { (cosine.factor(step: $0) * 1e12).rounded() / 1e12 } == [0, 0.5, 1, 0.6, 0.2, 0.2])
  }
}
