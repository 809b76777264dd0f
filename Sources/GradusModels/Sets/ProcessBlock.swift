import GradusCore
import GradusTensor

/// Pools a set into one vector that does not depend on the order of its elements: the "process" part of Vinyals et al.,
/// "Order Matters: Sequence to Sequence for Sets" (ICLR 2016).
///
/// A recurrent cell without input attends to the memory some steps long:
///
///     q_t = LSTM(q*_(t-1)),   a = softmax(m q_t),   r_t = sum_i a_i m_i,   q*_t = [q_t ; r_t],   q*_0 = 0
///
/// The cell's recurrent input is `q*`, query and read, of twice its width: without the read no later query could depend on
/// the set.
///
///     let pooled = process(memory, missing: nil)   // [sets, 2 * width]
public struct ProcessBlock: Module {
  public let width: Int
  /// P; 0 gives zeros.
  public let steps: Int
  private let gates: Linear

  /// - Parameter bound: First weights are uniform within it.
  public init(
    _ name: String, width: Int, steps: Int = 5, bound: Double = 0.08, type: ScalarType = .float32,
    using generator: inout SeededGenerator
  ) {
    self.width = width
    self.steps = steps
    gates = Linear(
      name, weight: .uniform([4 * width, 2 * width], low: -bound, high: bound, type: type, using: &generator),
      bias: .zeros([4 * width], type: type))
  }

  public var parameters: [Parameter] { gates.parameters }

  /// - Parameters:
  ///   - memory: `[sets, elements, width]`.
  ///   - missing: `[sets, elements]`, 0 for an element and ``missingPenalty`` where there is none; nil where all are there.
  /// - Returns: `[sets, 2 * width]`.
  public func callAsFunction(_ memory: Tensor, missing: Tensor?) -> Tensor {
    let sets = memory.shape[0]
    var state = Tensor.zeros([sets, 2 * width], type: memory.type)
    var cell = Tensor.zeros([sets, width], type: memory.type)
    for _ in 0..<steps {
      // Gate order i, f, g, o.
      let gates = self.gates(state).split(Array(repeating: width, count: 4), axis: -1)
      cell = gates[1].sigmoid() * cell + gates[0].sigmoid() * gates[2].tanh()
      let query = gates[3].sigmoid() * cell.tanh()
      state = concatenated([query, Self.read(memory, query: query, missing: missing)], axis: 1)
    }
    return state
  }

  /// What is added to the attention of an element that is not there: its share is then exactly 0.
  public static let missingPenalty = -1e9

  /// `sum_i softmax(m q)_i m_i`, shape `[sets, width]`.
  static func read(_ memory: Tensor, query: Tensor, missing: Tensor?) -> Tensor {
    var scores = (memory * query.expandingDims(at: 1)).sum(axes: [2])
    if let missing { scores = scores + missing }
    return (memory * scores.softmax().expandingDims(at: 2)).sum(axes: [1])
  }
}
