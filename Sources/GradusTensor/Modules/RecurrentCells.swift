import GradusCore

/// The weights that both recurrent cells hold, named as PyTorch names them.
private struct RecurrentWeights {
  let inputWeight: Parameter
  let hiddenWeight: Parameter
  let inputBias: Parameter
  let hiddenBias: Parameter

  init(_ name: String, gates: Int, inputs: Int, hidden: Int, type: ScalarType, using generator: inout SeededGenerator) {
    let bound = 1 / Double(hidden).squareRoot()
    func parameter(_ part: String, _ shape: [Int]) -> Parameter {
      Parameter(dottedName(name, part), .uniform(shape, low: -bound, high: bound, type: type, using: &generator))
    }
    inputWeight = parameter("weight_ih", [gates * hidden, inputs])
    hiddenWeight = parameter("weight_hh", [gates * hidden, hidden])
    inputBias = parameter("bias_ih", [gates * hidden])
    hiddenBias = parameter("bias_hh", [gates * hidden])
  }

  var parameters: [Parameter] { [inputWeight, hiddenWeight, inputBias, hiddenBias] }

  func input(_ x: Tensor) -> Tensor { linear(x, weight: inputWeight.value, bias: inputBias.value) }
  func hidden(_ h: Tensor) -> Tensor { linear(h, weight: hiddenWeight.value, bias: hiddenBias.value) }
}

/// One step of a long short-term memory (Hochreiter and Schmidhuber, 1997), with PyTorch's gate order i, f, g, o.
///
///     i, f, o = sigmoid(..), g = tanh(..),  c' = f c + i g,  h' = o tanh(c')
public struct LSTMCell: Module {
  private let weights: RecurrentWeights
  public let hiddenWidth: Int

  /// Uniform weights within `1 / sqrt(hidden)`.
  public init(_ name: String, inputs: Int, hidden: Int, type: ScalarType = .float32, using generator: inout SeededGenerator) {
    weights = RecurrentWeights(name, gates: 4, inputs: inputs, hidden: hidden, type: type, using: &generator)
    hiddenWidth = hidden
  }

  public var parameters: [Parameter] { weights.parameters }

  /// - Parameters:
  ///   - x: `[n, inputs]`.
  ///   - state: Hidden and cell state, each `[n, hidden]`.
  public func callAsFunction(_ x: Tensor, _ state: (h: Tensor, c: Tensor)) -> (h: Tensor, c: Tensor) {
    let gates = (weights.input(x) + weights.hidden(state.h)).split(Array(repeating: hiddenWidth, count: 4), axis: -1)
    let cell = gates[1].sigmoid() * state.c + gates[0].sigmoid() * gates[2].tanh()
    return (gates[3].sigmoid() * cell.tanh(), cell)
  }
}

/// One step of a gated recurrent unit (Cho et al., 2014), in PyTorch's form: gate order r, z, n, the reset gate applied
/// after the hidden product.
///
///     r, z = sigmoid(..),  n = tanh(W x + b + r (U h + d)),  h' = (1 - z) n + z h
public struct GRUCell: Module {
  private let weights: RecurrentWeights
  public let hiddenWidth: Int

  /// Uniform weights within `1 / sqrt(hidden)`.
  public init(_ name: String, inputs: Int, hidden: Int, type: ScalarType = .float32, using generator: inout SeededGenerator) {
    weights = RecurrentWeights(name, gates: 3, inputs: inputs, hidden: hidden, type: type, using: &generator)
    hiddenWidth = hidden
  }

  public var parameters: [Parameter] { weights.parameters }

  /// - Parameters:
  ///   - x: `[n, inputs]`.
  ///   - h: `[n, hidden]`.
  public func callAsFunction(_ x: Tensor, _ h: Tensor) -> Tensor {
    let thirds = Array(repeating: hiddenWidth, count: 3)
    let fromInput = weights.input(x).split(thirds, axis: -1)
    let fromHidden = weights.hidden(h).split(thirds, axis: -1)
    let reset = (fromInput[0] + fromHidden[0]).sigmoid()
    let update = (fromInput[1] + fromHidden[1]).sigmoid()
    let candidate = (fromInput[2] + reset * fromHidden[2]).tanh()
    return (1 - update) * candidate + update * h
  }
}
