import GradusCore
import GradusTensor

/// One transformer block. After BERT: attention, residual, layer norm, feed-forward, residual, layer norm. After ModernBERT:
/// layer norm, attention, residual, layer norm, gated feed-forward, residual.
struct BertLayer: Module {
  /// Query, key and value projections side by side: `[3 * hidden, hidden]`.
  let projection: Linear
  let attentionOutput: Linear
  /// Nil in ModernBERT's first layer, whose input is normalised already.
  let attentionNorm: EncoderNorm?
  /// Twice as wide where it is gated: activations, then gates.
  let intermediate: Linear
  let output: Linear
  let outputNorm: EncoderNorm
  private let number: Int
  private let isModern: Bool
  private let hiddenDropout: Dropout
  private let attentionDropout: Double

  var parameters: [Parameter] {
    projection.parameters + attentionOutput.parameters + (attentionNorm?.parameters ?? []) + intermediate.parameters
      + output.parameters + outputNorm.parameters
  }

  init(_ name: String, number: Int, _ configuration: BertConfiguration, using generator: inout SeededGenerator) {
    let width = configuration.hiddenSize, inner = configuration.intermediateSize
    let isModern = configuration.family == .modernbert
    func linear(_ part: String, _ inputs: Int, _ outputs: Int, _ activation: LinearActivation? = nil) -> Linear {
      Linear(
        dottedName(name, part), inputs: inputs, outputs: outputs, hasBias: !isModern, activation: activation,
        standardDeviation: configuration.initializerRange, using: &generator)
    }
    func norm(_ part: String) -> EncoderNorm {
      EncoderNorm(
        LayerNorm(dottedName(name, part), width: width, epsilon: configuration.layerNormEpsilon), hasBias: !isModern)
    }
    self.init(
      number: number, configuration, projection: linear("attention.qkv", width, 3 * width),
      attentionOutput: linear("attention.output.dense", width, width),
      attentionNorm: isModern && number == 0 ? nil : norm("attention.output.LayerNorm"),
      intermediate: linear("intermediate.dense", width, isModern ? 2 * inner : inner, isModern ? nil : .gelu),
      output: linear("output.dense", inner, width), outputNorm: norm("output.LayerNorm"))
  }

  /// From parts that exist.
  init(
    number: Int, _ configuration: BertConfiguration, projection: Linear, attentionOutput: Linear, attentionNorm: EncoderNorm?,
    intermediate: Linear, output: Linear, outputNorm: EncoderNorm
  ) {
    self.number = number
    self.projection = projection
    self.attentionOutput = attentionOutput
    self.attentionNorm = attentionNorm
    self.intermediate = intermediate
    self.output = output
    self.outputNorm = outputNorm
    isModern = configuration.family == .modernbert
    hiddenDropout = Dropout(rate: configuration.hiddenDropout)
    attentionDropout = configuration.attentionDropout
  }

  /// Hidden states `[tokens, hidden]` of packed sequences to hidden states of the same shape, or only those of the tokens
  /// `rows` where the rest has no reader: after attention, a token's state depends on no other's.
  func callAsFunction(
    _ hidden: Tensor, _ attention: EncoderAttention, _ context: ForwardContext, rows: Tensor? = nil
  ) -> Tensor {
    let drops = context.drops && attentionDropout > 0
    func chosen(_ states: Tensor) -> Tensor { rows.map { states.indexSelect($0) } ?? states }
    func mixed(_ input: Tensor) -> Tensor {
      let attended = attention(
        projection(input), layer: number, dropout: drops ? attentionDropout : 0, seed: drops ? context.nextSeed() : 0)
      return attentionOutput(chosen(attended))
    }
    guard isModern else {
      let mix = mixed(hidden)
      let attended = attentionNorm.map { $0(mix, residual: chosen(hidden), dropout: hiddenDropout.fused(context)) } ?? mix
      return outputNorm(output(intermediate(attended)), residual: attended, dropout: hiddenDropout.fused(context))
    }
    let attended = chosen(hidden)
      + Dropout(rate: attentionDropout)(mixed(attentionNorm.map { $0(hidden) } ?? hidden), context)
    let up = intermediate(outputNorm(attended))
    let inner = up.shape[1] / 2
    let gated = up.slice(axis: 1, from: 0, to: inner).gelu() * up.slice(axis: 1, from: inner, to: 2 * inner)
    return attended + output(hiddenDropout(gated, context))
  }
}
