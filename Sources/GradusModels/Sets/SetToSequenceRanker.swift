import GradusCore
import GradusTensor

/// Ranks a set of candidates by writing it out one by one: read, process, write (Vinyals et al., "Order Matters", ICLR 2016).
///
/// *Read*: a small network makes a memory vector of each candidate's features. *Process*: ``ProcessBlock`` pools the memory
/// without regard to order. *Write*: a pointer network, an LSTM that starts from the pooled vector and at each step points at a
/// candidate that was not written yet. The result does not depend on the order in which candidates come: a listwise ranker
/// without position bias. The reader ``Reader/sequence``, an LSTM over the candidates in their order, is the baseline that does.
///
///     let ranker = SetToSequenceRanker(inputs: 4, seed: 7)
///     try ranker.order(features: [[1, 0, 0, 0.5], [0, 1, 0, 0.9]])   // [1, 0]
///     try ranker.firstStepScores(features: ...)                      // one pass instead of one a candidate
///
/// The pointer is additive, `v . tanh(W3 m_i + W4 h)`, as in pointer networks; sizes are a free choice of this implementation.
public struct SetToSequenceRanker: Module {
  /// What the candidates are read by.
  public enum Reader: String, Sendable, CaseIterable {
    /// The same network for every candidate.
    case set
    /// An LSTM over the candidates in their order.
    case sequence
  }

  /// The model's sizes.
  public struct Options: Sendable, Equatable {
    public var reader = Reader.set
    /// d, of memory and states.
    public var width = 128
    /// P: steps of the process block. Without any, and with reader `set`, the writer starts knowing nothing of the set.
    public var processSteps = 5
    /// Attention reads before each pointing.
    public var glimpses = 1

    public init() {}
  }

  public let options: Options
  public let inputs: Int
  private let readers: [Linear]
  private let readerCell: LSTMCell?
  private let process: ProcessBlock
  private let start: Linear
  private let startInput: Parameter
  private let cell: LSTMCell
  private let glimpse: Attention?
  private let combine: Linear?
  private let pointer: Attention

  /// - Parameters:
  ///   - inputs: Features of a candidate.
  ///   - seed: Of the first weights.
  public init(inputs: Int, options: Options = Options(), seed: UInt64, type: ScalarType = .float32) {
    precondition(inputs >= 1 && options.width >= 1 && options.processSteps >= 0 && options.glimpses >= 0)
    self.inputs = inputs
    self.options = options
    let width = options.width
    var generator = SeededGenerator(seed: seed).stream("set to sequence")
    func layer(_ name: String, _ inputs: Int, _ outputs: Int, bias: Bool = true) -> Linear {
      let bound = 1 / Double(inputs).squareRoot()
      return Linear(
        name, weight: .uniform([outputs, inputs], low: -bound, high: bound, type: type, using: &generator),
        bias: bias ? .uniform([outputs], low: -bound, high: bound, type: type, using: &generator) : nil)
    }
    readers = [layer("read.1", inputs, width), layer("read.2", width, width)]
    readerCell = options.reader == .sequence
      ? LSTMCell("read.lstm", inputs: width, hidden: width, type: type, using: &generator) : nil
    process = ProcessBlock("process", width: width, steps: options.processSteps, type: type, using: &generator)
    start = layer("start", 2 * width, 2 * width)
    startInput = Parameter("start.input", .uniform([1, width], low: -0.08, high: 0.08, type: type, using: &generator))
    cell = LSTMCell("write", inputs: width, hidden: width, type: type, using: &generator)
    func attention(_ name: String) -> Attention {
      Attention(
        memory: layer(name + ".memory", width, width, bias: false), state: layer(name + ".state", width, width),
        value: layer(name + ".value", width, 1, bias: false))
    }
    glimpse = options.glimpses > 0 ? attention("glimpse") : nil
    combine = options.glimpses > 0 ? layer("combine", 2 * width, width) : nil
    pointer = attention("pointer")
  }

  public var parameters: [Parameter] {
    var all = readers.flatMap(\.parameters)
    all += readerCell?.parameters ?? []
    all += process.parameters + start.parameters
    all += [startInput] + cell.parameters
    all += (glimpse?.parameters ?? []) + (combine?.parameters ?? [])
    return all + pointer.parameters
  }

  /// Decides which candidate of each set comes next, from the logarithms of the probabilities (far below any other for what
  /// cannot be chosen). A set that is written out already may be answered with anything.
  ///
  /// - Parameters:
  ///   - step: From 0.
  ///   - logProbabilities: `[set][candidate]`.
  public typealias Chooser = (_ step: Int, _ logProbabilities: [[Double]]) -> [Int]

  /// Sets written out, and how probable the model finds that.
  public struct Written {
    /// Logarithm of the probability of each set's order, `[sets]`; differentiable.
    public let logProbability: Tensor
    /// The candidates of each set in the order in which they were written.
    public let orders: [[Int]]
  }

  /// Writes sets out in the order that `chooser` decides.
  ///
  /// - Parameters:
  ///   - features: `[sets, candidates, inputs]`; sets of different size are padded with anything.
  ///   - sizes: Candidates of each set, from the front; nil where no set is padded.
  ///   - steps: How many are written; nil for all.
  /// - Throws: ``SetRankerError``.
  public func write(_ features: Tensor, sizes: [Int]? = nil, steps: Int? = nil, chooser: Chooser) throws -> Written {
    guard features.rank == 3, features.shape[2] == inputs, features.shape[0] > 0, features.shape[1] > 0 else {
      throw SetRankerError.features(expected: inputs, found: features.shape)
    }
    let (sets, count) = (features.shape[0], features.shape[1])
    let sizes = sizes ?? Array(repeating: count, count: sets)
    guard sizes.count == sets, sizes.allSatisfy({ $0 >= 1 && $0 <= count }) else { throw SetRankerError.sizes(sizes) }
    var penalties = [Double](repeating: 0, count: sets * count)
    for (set, size) in sizes.enumerated() {
      for place in size..<count { penalties[set * count + place] = ProcessBlock.missingPenalty }
    }
    func tensor(_ values: [Double], _ shape: [Int]) -> Tensor { Tensor(values, shape: shape).cast(to: features.type) }
    let missing = sizes.allSatisfy { $0 == count } ? nil : tensor(penalties, [sets, count])

    let (memory, pooled) = read(features, missing: missing, sizes: sizes)
    let initial = start(pooled)
    var state = (
      h: initial.slice(axis: 1, from: 0, to: options.width).tanh(),
      c: initial.slice(axis: 1, from: options.width, to: 2 * options.width)
    )
    let pointerMemory = pointer.memory(memory)
    let glimpseMemory = glimpse?.memory(memory)
    let flat = memory.reshaped(to: [sets * count, options.width])
    var input = startInput.value.expanded(to: [sets, options.width])
    var total = Tensor.zeros([sets], type: features.type)
    var orders: [[Int]] = sizes.map { _ in [] }
    for step in 0..<min(steps ?? count, count) {
      state = cell(input, state)
      var query = state.h
      if let glimpse, let combine, let glimpseMemory {
        for _ in 0..<options.glimpses {
          let shares = glimpse(glimpseMemory, query, missing: missing).softmax()
          let read = (memory * shares.expandingDims(at: 2)).sum(axes: [1])
          query = combine(concatenated([query, read], axis: 1)).tanh()
        }
      }
      let open = tensor(penalties, [sets, count])
      let logs = pointer(pointerMemory, query, missing: open).logSoftmax()
      let values = logs.doubles()
      let chosen = chooser(step, (0..<sets).map { Array(values[$0 * count..<($0 + 1) * count]) })
      var picks: [Int32] = []
      var counts: [Double] = []
      for set in 0..<sets {
        let isOpen = step < sizes[set]
        let pick = isOpen ? chosen[set] : 0
        guard pick >= 0, pick < sizes[set], !isOpen || !orders[set].contains(pick) else {
          throw SetRankerError.notAPermutation(set: set, step: step, chosen: pick)
        }
        picks.append(Int32(pick))
        counts.append(isOpen ? 1 : 0)
        guard isOpen else { continue }
        orders[set].append(pick)
        // The last one stays open: a set that is written out needs something to point at, and its steps count nothing.
        if orders[set].count < sizes[set] { penalties[set * count + pick] = ProcessBlock.missingPenalty }
      }
      let own = logs.gather(Tensor(indices: picks, shape: [sets, 1]), axis: 1).squeezed(1)
      total = total + own * tensor(counts, [sets])
      let rows = picks.enumerated().map { Int32($0.offset * count) + $0.element }
      input = flat.indexSelect(Tensor(indices: rows, shape: [sets]))
    }
    return Written(logProbability: total, orders: orders)
  }

  /// Memory `[sets, candidates, width]` and the vector that the writer starts from `[sets, 2 * width]`.
  private func read(_ features: Tensor, missing: Tensor?, sizes: [Int]) -> (memory: Tensor, pooled: Tensor) {
    let vectors = readers[1](readers[0](features).relu())
    guard let readerCell else { return (vectors, process(vectors, missing: missing)) }
    let sets = features.shape[0]
    var state = (
      h: Tensor.zeros([sets, options.width], type: features.type), c: Tensor.zeros([sets, options.width], type: features.type)
    )
    var memory: [Tensor] = []
    for place in 0..<features.shape[1] {
      let next = readerCell(vectors.slice(axis: 1, from: place, to: place + 1).squeezed(1), state)
      // A set that has ended keeps its state.
      let goes = Tensor(sizes.map { place < $0 ? 1.0 : 0 }, shape: [sets, 1]).cast(to: features.type)
      state = (h: next.h * goes + state.h * (1 - goes), c: next.c * goes + state.c * (1 - goes))
      memory.append(state.h)
    }
    return (stacked(memory, axis: 1), concatenated([state.h, state.c], axis: 1))
  }

  // MARK: - Ranking

  /// Candidates of one set, best first: at each step the most probable one, the first among equals.
  ///
  /// - Throws: ``SetRankerError/features(expected:found:)`` for an empty set or features of another length.
  public func order(features: [[Float]]) throws -> [Int] {
    try withoutGradients {
      try write(try Self.tensor(features, inputs: inputs)) { _, logs in logs.map(Self.argmax) }.orders[0]
    }
  }

  /// Logarithm of the first step's probability of each candidate: ranks all of them in one pass.
  public func firstStepScores(features: [[Float]]) throws -> [Double] {
    var first: [Double] = []
    _ = try withoutGradients {
      try write(try Self.tensor(features, inputs: inputs), steps: 1) { _, logs in
        first = logs[0]
        return logs.map(Self.argmax)
      }
    }
    return first
  }

  private static func tensor(_ features: [[Float]], inputs: Int) throws -> Tensor {
    guard let first = features.first, features.allSatisfy({ $0.count == inputs }) else {
      throw SetRankerError.features(expected: inputs, found: [1, features.count, features.first?.count ?? 0])
    }
    return Tensor(features.flatMap { $0 }, shape: [1, features.count, first.count])
  }

  static func argmax(_ values: [Double]) -> Int { values.indices.dropFirst().reduce(0) { values[$1] > values[$0] ? $1 : $0 } }
}

/// `v . tanh(W m_i + U h)` over the elements of a memory.
private struct Attention {
  let memory: Linear
  let state: Linear
  let value: Linear

  var parameters: [Parameter] { memory.parameters + state.parameters + value.parameters }

  /// - Parameter mapped: `W m`, which does not change while a set is written.
  func callAsFunction(_ mapped: Tensor, _ query: Tensor, missing: Tensor?) -> Tensor {
    let scores = value((mapped + state(query).expandingDims(at: 1)).tanh()).squeezed(2)
    return missing.map { scores + $0 } ?? scores
  }
}

/// Sets that cannot be ranked.
public enum SetRankerError: GradusError, Equatable {
  case features(expected: Int, found: [Int])
  case sizes([Int])
  /// What was to come next had been written already, or is not in the set.
  case notAPermutation(set: Int, step: Int, chosen: Int)

  public var failureKind: FailureKind { .badData }

  public var description: String {
    switch self {
    case .features(let expected, let found):
      "a set needs at least one candidate and \(expected) features: expected [sets, candidates, \(expected)], found \(found)"
    case .sizes(let found): "expected one size a set, from 1 to the padded size; found \(found.prefix(8))"
    case .notAPermutation(let set, let step, let chosen):
      "set \(set), step \(step): candidate \(chosen) is not in the set or was written before; an order names each candidate once"
    }
  }
}
