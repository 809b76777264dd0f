import GradusCore
import GradusTensor

/// One transformer block, post-norm as in BERT: attention, residual, layer norm, feed-forward, residual, layer norm.
struct BertLayer: Module {
  /// Query, key and value projections side by side: `[3 * hidden, hidden]`.
  let projection: Linear
  let attentionOutput: Linear
  let attentionNorm: LayerNorm
  let intermediate: Linear
  let output: Linear
  let outputNorm: LayerNorm
  let headCount: Int
  let hiddenDropout: Dropout
  let attentionDropout: Double

  var parameters: [Parameter] {
    projection.parameters + attentionOutput.parameters + attentionNorm.parameters + intermediate.parameters
      + output.parameters + outputNorm.parameters
  }

  init(_ name: String, _ configuration: BertConfiguration, using generator: inout SeededGenerator) {
    let width = configuration.hiddenSize
    let deviation = configuration.initializerRange
    projection = Linear(
      dottedName(name, "attention.qkv"), inputs: width, outputs: 3 * width, standardDeviation: deviation, using: &generator)
    attentionOutput = Linear(
      dottedName(name, "attention.output.dense"), inputs: width, outputs: width, standardDeviation: deviation,
      using: &generator)
    attentionNorm = LayerNorm(
      dottedName(name, "attention.output.LayerNorm"), width: width, epsilon: configuration.layerNormEpsilon)
    intermediate = Linear(
      dottedName(name, "intermediate.dense"), inputs: width, outputs: configuration.intermediateSize, activation: .gelu,
      standardDeviation: deviation, using: &generator)
    output = Linear(
      dottedName(name, "output.dense"), inputs: configuration.intermediateSize, outputs: width,
      standardDeviation: deviation, using: &generator)
    outputNorm = LayerNorm(dottedName(name, "output.LayerNorm"), width: width, epsilon: configuration.layerNormEpsilon)
    headCount = configuration.headCount
    hiddenDropout = Dropout(rate: configuration.hiddenDropout)
    attentionDropout = configuration.attentionDropout
  }

  /// From parts that exist.
  init(
    _ configuration: BertConfiguration, projection: Linear, attentionOutput: Linear, attentionNorm: LayerNorm,
    intermediate: Linear, output: Linear, outputNorm: LayerNorm
  ) {
    self.projection = projection
    self.attentionOutput = attentionOutput
    self.attentionNorm = attentionNorm
    self.intermediate = intermediate
    self.output = output
    self.outputNorm = outputNorm
    headCount = configuration.headCount
    hiddenDropout = Dropout(rate: configuration.hiddenDropout)
    attentionDropout = configuration.attentionDropout
  }

  /// Hidden states `[tokens, hidden]` of packed sequences to hidden states of the same shape.
  func callAsFunction(_ hidden: Tensor, _ batch: RaggedBatch, _ context: ForwardContext) -> Tensor {
    let drops = context.isTraining && attentionDropout > 0
    let mixed = packedAttention(
      qkv: projection(hidden), batch: batch, heads: headCount, dropout: drops ? attentionDropout : 0,
      seed: drops ? context.nextSeed() : 0)
    let attended = attentionNorm(hiddenDropout(attentionOutput(mixed), context), residual: hidden)
    return outputNorm(hiddenDropout(output(intermediate(attended)), context), residual: attended)
  }
}
