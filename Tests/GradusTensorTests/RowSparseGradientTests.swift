import GradusCore
import Testing

@testable import GradusTensor

@Suite("Row-sparse gradients of tables")
struct RowSparseGradientTests {
  private func ids(_ values: [Int]) -> Tensor { Tensor(indices: values.map(Int32.init), shape: [values.count]) }

  private func random(_ count: Int, below rows: Int, _ seed: UInt64) -> [Int] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Int.random(in: 0..<rows, using: &generator) }
  }

  private func table(_ rows: Int, _ width: Int, type: ScalarType = .float32) -> Parameter {
    var generator = SeededGenerator(seed: 5)
    return Parameter("table", .normal([rows, width], type: type, using: &generator))
  }

  /// As `GradientStore.accumulate`, with tables' gradients in full.
  private func accumulateDense(_ store: inout GradientStore, of loss: Tensor, for parameters: [Parameter]) throws {
    let found = try gradients(of: loss, withRespectTo: parameters.map(\.value))
    for (parameter, gradient) in zip(parameters, found) { store.add(gradient, for: parameter) }
  }

  @Test("Rows that were looked up, ascending, each with the sum of its look-ups")
  func structure() throws {
    let table = table(5, 2)
    let upstream = Tensor([1, 2, 3, 4, 5, 6, 7, 8] as [Float], shape: [2, 2, 2])
    let looked = table.value.indexSelect(Tensor(indices: [3, 1, 3, 0], shape: [2, 2]))
    var store = GradientStore()
    try store.accumulate(of: (looked * upstream).sum(), for: [table])
    let gradient = try #require(store.gradient(of: table))
    let sparse = try #require(gradient.sparse)
    #expect(sparse.indices == [0, 1, 3])
    #expect(sparse.rows.shape == [3, 2] && sparse.rows.floats() == [7, 8, 3, 4, 6, 8])
    #expect(sparse.shape == [5, 2] && gradient.shape == [5, 2] && !sparse.rows.isTracked)
    #expect(store[table]?.floats() == [7, 8, 3, 4, 0, 0, 6, 8, 0, 0])
  }

  @Test("Only matrices with more rows than are looked up, looked up by row; recorded passes are dense")
  func whereDense() throws {
    let table = table(4, 3)
    func isSparse(of loss: Tensor, keepingGraph: Bool = false) throws -> Bool {
      try gradients(of: loss, for: [table], keepingGraph: keepingGraph)[0].isRowSparse
    }
    #expect(try isSparse(of: table.value.indexSelect(ids([1, 1, 2])).sum()))
    #expect(try !isSparse(of: table.value.indexSelect(ids([1, 1, 2, 0])).sum()))
    #expect(try !isSparse(of: table.value.indexSelect(ids([1, 2]), axis: 1).sum()))
    #expect(try !isSparse(of: (table.value * 2).indexSelect(ids([1])).sum()))
    #expect(try !isSparse(of: table.value.indexSelect(ids([1])).square().sum(), keepingGraph: true))
    let vector = Parameter("v", Tensor([1, 2, 3] as [Float], shape: [3]))
    #expect(try !gradients(of: vector.value.indexSelect(ids([1])).sum(), for: [vector])[0].isRowSparse)
    // Gradients as tensors are dense, and a result's always is.
    let looked = table.value.indexSelect(ids([2]))
    let found = try gradients(of: looked.sum(), withRespectTo: [table.value, looked])
    #expect(found[0].floats() == [0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0] && found[1].floats() == [1, 1, 1])
  }

  @Test("Finite differences, with repeated rows and a row looked up twice")
  func finiteDifferences() throws {
    let table = table(6, 3, type: .float64)
    let map = sample([2, 3], seed: 8)
    func loss(_ table: Tensor) -> Tensor {
      let first = linear(table.indexSelect(ids([4, 1, 4])), weight: map).tanh().sum()
      return first + table.indexSelect(ids([0, 4])).square().sum()
    }
    var store = GradientStore()
    try store.accumulate(of: loss(table.value), for: [table])
    #expect(store.gradient(of: table)?.isRowSparse == true)
    let base = table.value.doubles(), found = try #require(store[table]).doubles()
    for element in base.indices {
      func at(_ offset: Double) -> Double {
        var moved = base
        moved[element] += offset
        return loss(Tensor(moved, shape: [6, 3])).item()
      }
      #expect(abs((at(1e-5) - at(-1e-5)) / 2e-5 - found[element]) < 1e-8)
    }
  }

  enum Kind: String, CaseIterable, Sendable {
    case adamW, adam, lazyAdamW, sgd, decayedSGD, nesterov

    func optimizer(_ parameters: [Parameter]) -> any Optimizer {
      func groups(_ decay: Double) -> [ParameterGroup] {
        [ParameterGroup(parameters: parameters, learningRate: 0.01, weightDecay: decay)]
      }
      return switch self {
      case .adamW: AdamW(groups: groups(0.1))
      case .adam: Adam(groups: groups(0.1))
      case .lazyAdamW: AdamW(groups: groups(0.1), isLazy: true)
      case .sgd: SGD(groups: groups(0))
      case .decayedSGD: SGD(groups: groups(0.1))
      case .nesterov: SGD(groups: groups(0.1), momentum: 0.9, isNesterov: true)
      }
    }
  }

  /// Steps over micro-batches of repeated rows, with clipping. Of one step a micro-batch looks up more rows than there are.
  private func trained(_ kind: Kind, type: ScalarType, isSparse: Bool) throws -> (norms: [Double], tensors: [NamedTensor]) {
    // More elements than a piece of a sum, and blocks that end inside rows.
    let table = table(700, 52, type: type)
    var generator = SeededGenerator(seed: 6)
    let map = Parameter("map", .normal([8, 52], standardDeviation: 0.2, type: type, using: &generator))
    let optimizer = kind.optimizer([table, map])
    var norms: [Double] = []
    for step in 0..<4 {
      var store = GradientStore()
      for part in 0..<3 {
        let count = step == 2 && part == 1 ? 900 : 60
        let rows = random(count, below: step == 1 ? 40 : 700, UInt64(10 * step + part))
        let loss = linear(table.value.indexSelect(ids(rows)), weight: map.value).tanh().square().sum() * 0.1
        if isSparse {
          try store.accumulate(of: loss, for: [table, map])
        } else {
          try accumulateDense(&store, of: loss, for: [table, map])
        }
      }
      #expect(store.gradient(of: table)?.isRowSparse == (isSparse && step != 2))
      norms.append(store.clip(globalNorm: 0.5))
      norms.append(store.globalNorm())
      optimizer.step(store)
    }
    #expect(norms[0] > 0.6, "nothing would be clipped")
    return (norms, [table, map].map { NamedTensor($0.name, $0.value) } + optimizer.exportState())
  }

  @Test("Training has the bits of dense gradients", arguments: Kind.allCases, [ScalarType.float32, .float64])
  func sameBits(kind: Kind, type: ScalarType) throws {
    let expected = try trained(kind, type: type, isSparse: false), found = try trained(kind, type: type, isSparse: true)
    #expect(found.norms == expected.norms)
    #expect(found.tensors.map(\.name) == expected.tensors.map(\.name))
    for (found, expected) in zip(found.tensors, expected.tensors) {
      #expect(found.tensor.hasSameBits(as: expected.tensor), "\(found.name)")
    }
  }

  @Test("The same bits on one thread and on several")
  func threads() throws {
    let limit = WorkerPool.shared.threadLimit
    defer { WorkerPool.shared.threadLimit = limit }
    WorkerPool.shared.threadLimit = 1
    let one = try trained(.adamW, type: .float32, isSparse: true)
    WorkerPool.shared.threadLimit = 8
    let several = try trained(.adamW, type: .float32, isSparse: true)
    #expect(one.norms == several.norms && zip(one.tensors, several.tensors).allSatisfy { $0.tensor.hasSameBits(as: $1.tensor) })
  }

  @Test(
    "Norms have the bits of the dense form's, for rows narrower and wider than the blocks of a sum",
    arguments: [(3000, 1, 40), (3000, 13, 400), (200, 384, 30), (90, 1024, 7), (50, 1500, 9), (6, 40_000, 3), (40_000, 2, 1)],
    [ScalarType.float32, .float64])
  func norms(sizes: (rows: Int, width: Int, lookups: Int), type: ScalarType) throws {
    let table = table(sizes.rows, sizes.width, type: type)
    var generator = SeededGenerator(seed: 7)
    let upstream = Tensor.normal([sizes.lookups + 1, sizes.width], type: type, using: &generator)
    // The last row among them, whose block may be shorter.
    let rows = ids(random(sizes.lookups, below: sizes.rows, 3) + [sizes.rows - 1])
    func loss() -> Tensor { (table.value.indexSelect(rows) * upstream).sum() }
    var sparse = GradientStore(), dense = GradientStore()
    try sparse.accumulate(of: loss(), for: [table])
    try accumulateDense(&dense, of: loss(), for: [table])
    #expect(sparse.gradient(of: table)?.isRowSparse == true)
    #expect(sparse.globalNorm() == dense.globalNorm() && sparse.globalNorm() > 0)
    #expect(try #require(sparse[table]).hasSameBits(as: #require(dense[table])))
  }

  @Test("A norm is not finite where a row is not")
  func overflow() throws {
    let table = table(9, 2)
    for value in [Float.nan, .infinity] {
      var store = GradientStore()
      try store.accumulate(of: (table.value.indexSelect(ids([7])) * Tensor([value, 0], shape: [1, 2])).sum(), for: [table])
      #expect(store.gradient(of: table)?.isRowSparse == true && !store.globalNorm().isFinite)
    }
  }

  @Test("Sums of stores and of look-ups in one pass, scaled, have the bits of dense ones")
  func sums() throws {
    let table = table(50, 7)
    func loss(_ a: [Int], _ b: [Int]) -> Tensor {
      table.value.indexSelect(ids(a)).square().sum() + table.value.indexSelect(ids(b)).tanh().sum()
    }
    func stores(_ isSparse: Bool) throws -> [Tensor] {
      try [([4, 9, 4], [9, 30]), ([0], [49, 4, 4]), ([30], [30]), ([], [2])].reduce(into: []) { results, lookups in
        var store = GradientStore()
        if isSparse {
          try store.accumulate(of: loss(lookups.0, lookups.1), for: [table])
        } else {
          try accumulateDense(&store, of: loss(lookups.0, lookups.1), for: [table])
        }
        var sum = GradientStore()
        sum.add(store, scale: 0.3)
        sum.add(store, scale: 1.7)
        var other = GradientStore()
        try isSparse
          ? other.accumulate(of: loss([1, 9], [8]), for: [table]) : accumulateDense(&other, of: loss([1, 9], [8]), for: [table])
        other.scale(by: 0.25)
        sum.add(other)
        sum.scale(by: 3)
        sum.add(store, scale: 0.9)
        #expect(sum.gradient(of: table)?.isRowSparse == isSparse)
        results.append(try #require(sum[table]))
      }
    }
    for (found, expected) in zip(try stores(true), try stores(false)) { #expect(found.hasSameBits(as: expected)) }
  }

  @Test("A table that is also multiplied with has one dense gradient, in whichever order", arguments: [false, true])
  func tied(isLookedUpFirst: Bool) throws {
    let table = table(40, 6), rows = [3, 17, 3, 39], targets = ids([1, 17, 5, 0])
    var generator = SeededGenerator(seed: 2)
    let states = Tensor.normal([4, 6], using: &generator)
    // The backward pass takes what was recorded last first.
    func loss() -> Tensor {
      if isLookedUpFirst {
        let logits = linear(table.value.indexSelect(ids(rows)).tanh(), weight: table.value)
        return crossEntropy(logits, targets: targets).sum()
      }
      let logits = linear(states, weight: table.value)
      return (crossEntropy(logits, targets: targets) * table.value.indexSelect(ids(rows)).sum(axes: [1])).sum()
    }
    var sparse = GradientStore(), dense = GradientStore()
    for _ in 0..<2 {
      try sparse.accumulate(of: loss(), for: [table])
      try accumulateDense(&dense, of: loss(), for: [table])
    }
    #expect(sparse.gradient(of: table)?.isRowSparse == false)
    #expect(try #require(sparse[table]).hasSameBits(as: #require(dense[table])))
    // One batch that only looks up, before and after.
    for isFirst in [true, false] {
      var mixed = GradientStore(), expected = GradientStore()
      for isTied in [!isFirst, isFirst] {
        func part() -> Tensor { isTied ? loss() : table.value.indexSelect(ids(rows)).square().sum() }
        try mixed.accumulate(of: part(), for: [table])
        try accumulateDense(&expected, of: part(), for: [table])
      }
      #expect(try #require(mixed[table]).hasSameBits(as: #require(expected[table])))
    }
  }

  @Test("No look-up at all: no rows, and a step as with zeros")
  func empty() throws {
    func stepped(_ isSparse: Bool) throws -> Tensor {
      let table = table(30, 4)
      let optimizer = AdamW(groups: [ParameterGroup(parameters: [table], learningRate: 0.1, weightDecay: 0.1)])
      for rows in [[3, 5], []] {
        var store = GradientStore()
        let loss = table.value.indexSelect(ids(rows)).square().sum()
        if isSparse {
          try store.accumulate(of: loss, for: [table])
          let sparse = try #require(store.gradient(of: table)?.sparse)
          #expect(sparse.indices.count == rows.count && sparse.rows.shape == [rows.count, 4])
          #expect(rows.isEmpty == (store.globalNorm() == 0))
        } else {
          try accumulateDense(&store, of: loss, for: [table])
        }
        optimizer.step(store)
      }
      return table.value
    }
    #expect(try stepped(true).hasSameBits(as: stepped(false)))
  }

  @Test("A matrix that the loss does not depend on has no rows; it decays, but not lazily")
  func unreached() throws {
    let used = table(3, 2)
    for isLazy in [false, true] {
      let idle = Parameter("idle", .ones([100, 20])), vector = Parameter("vector", .ones([5]))
      var store = GradientStore()
      try store.accumulate(of: used.value.sum(), for: [used, idle, vector])
      #expect(try #require(store.gradient(of: idle)?.sparse).indices.isEmpty)
      #expect(store.gradient(of: vector)?.isRowSparse == false)
      AdamW(groups: [ParameterGroup(parameters: [idle], learningRate: 0.5, weightDecay: 0.5)], isLazy: isLazy).step(store)
      #expect(idle.value.floats().allSatisfy { $0 == (isLazy ? 1 : 0.75) })
    }
  }

  @Test("A step over a million rows has a gradient of the rows that were looked up, clipped and summed too")
  func million() throws {
    let table = Parameter("table", .ones([1_000_000, 2]))
    var store = GradientStore()
    for part in [[999_999, 5, 5], [5, 123_456]] {
      try store.accumulate(of: table.value.indexSelect(ids(part)).sum(), for: [table])
    }
    var total = GradientStore()
    total.add(store)
    total.clip(globalNorm: 1)
    let sparse = try #require(total.gradient(of: table)?.sparse)
    #expect(sparse.indices == [5, 123_456, 999_999] && sparse.rows.storage.byteCount == 24)
    expectClose(sparse.rows, [3, 3, 1, 1, 1, 1].map { $0 / 22.0.squareRoot() }, 1e-6)
    AdamW(groups: [ParameterGroup(parameters: [table], learningRate: 0.5)], isLazy: true).step(total)
    let rows = table.value.floats()
    #expect(rows.indices.filter { rows[$0] != 1 } == [10, 11, 246_912, 246_913, 1_999_998, 1_999_999])
  }

  @Test("Look-ups inside a part that is computed again give the same rows")
  func checkpoints() throws {
    let table = table(60, 5)
    func part() -> Tensor { table.value.indexSelect(ids([7, 59, 7])).tanh() }
    let expected = try gradients(of: part().square().sum(), for: [table])[0]
    let again = checkpointed([], parameters: [table]) { _ in part() } again: { _ in part() }
    let found = try gradients(of: again.square().sum(), for: [table])[0]
    #expect(found.isRowSparse && found.densified().hasSameBits(as: expected.densified()))
  }

  @Test("Sums grow in place where they own their buffers")
  func inPlace() throws {
    let table = table(40, 6)
    func address(_ store: GradientStore) -> UnsafeMutableRawPointer? {
      switch store.unscaled(table)?.gradient {
      case .dense(let tensor): tensor.storage.base
      case .rowSparse(let sparse): sparse.rows.storage.base
      case nil: nil
      }
    }
    var store = GradientStore()
    try store.accumulate(of: table.value.indexSelect(ids([3, 9])).sum(), for: [table])
    let sparse = address(store)
    try store.accumulate(of: table.value.indexSelect(ids([9])).sum(), for: [table])
    #expect(sparse != nil && address(store) == sparse)
    try store.accumulate(of: table.value.sum(), for: [table])
    let dense = address(store)
    try store.accumulate(of: table.value.sum(), for: [table])
    try store.accumulate(of: table.value.indexSelect(ids([3])).sum(), for: [table])
    #expect(address(store) == dense && dense != sparse)
    // A copy of the store keeps its sum.
    let copy = store
    try store.accumulate(of: table.value.sum(), for: [table])
    #expect(address(store) != dense && copy[table]?.floats()[18] == 4 && store[table]?.floats()[18] == 5)
  }
}
