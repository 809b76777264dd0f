import GradusCore
import GradusTensor

/// A fresh head's weights: the linear map of the `[CLS]` vector and, with ``CrossEncoderHead/similarity``, the factor of the
/// cosine. The last layer has one, and so has each ``CrossEncoderExit``.
struct PairHead: Module {
  let linear: Linear
  /// Multiplies the cosine; learned. Present with the similarity head only.
  let scale: Parameter?

  /// - Parameter name: Goes before the parameters' names.
  init(
    _ name: String, _ kind: CrossEncoderHead, _ configuration: BertConfiguration, using generator: inout SeededGenerator
  ) {
    linear = Linear(
      dottedName(name, "classifier"), inputs: configuration.hiddenSize, outputs: 1,
      standardDeviation: configuration.initializerRange, using: &generator)
    scale = kind == .similarity ? Parameter(dottedName(name, "similarity.scale"), .full([1], 20)) : nil
  }

  var parameters: [Parameter] { linear.parameters + (scale.map { [$0] } ?? []) }

  /// Of the first tokens' vectors, `[sequences, hidden]` to `[sequences]`: all that a head without cosine reads.
  func logits(ofFirst first: Tensor, _ dropout: Dropout, _ context: ForwardContext) -> Tensor {
    linear(dropout(first, context)).squeezed(-1)
  }

  /// Of all tokens' vectors, `[tokens, hidden]` to `[sequences]`.
  func logits(_ hidden: Tensor, _ tokens: TokenBatch, _ dropout: Dropout, _ context: ForwardContext) -> Tensor {
    let first = hidden.indexSelect(Tensor(indices: tokens.firstTokens, shape: [tokens.sequenceCount]))
    let linear = logits(ofFirst: first, dropout, context)
    guard let scale else { return linear }
    let means = hidden.segmentMean(RaggedBatch(offsets: tokens.segmentOffsets)).normalized()
    let pairs = means.reshaped(to: [tokens.sequenceCount, 2, hidden.shape[1]])
    let query = pairs.slice(axis: 1, from: 0, to: 1)
    let document = pairs.slice(axis: 1, from: 1, to: 2)
    return (query * document).sum(axes: [1, 2]) * scale.value + linear
  }

  /// Without gradient, of vectors in memory: each sequence's first token's, followed with a cosine by the means of its two texts.
  func logits(ofVectors given: [Float], width: Int, sequences: Int) -> [Float] {
    let weights = linear.weight.value.floats(), bias = linear.bias?.value.floats()[0] ?? 0
    let scale = self.scale?.value.floats()[0]
    var vectors = given
    let stride = scale == nil ? width : 3 * width
    return (0..<sequences).map { sequence in
      let first = sequence * stride
      var sum: Float = 0
      for j in 0..<width { sum += vectors[first + j] * weights[j] }
      guard let scale else { return sum + bias }
      let query = first + width, document = first + 2 * width
      normalize(&vectors, query..<document)
      normalize(&vectors, document..<document + width)
      var cosine: Float = 0
      for j in 0..<width { cosine += vectors[query + j] * vectors[document + j] }
      return cosine * scale + (sum + bias)
    }
  }
}
