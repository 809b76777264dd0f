import GradusCore
import GradusTensor

/// A gradient cache that cannot work.
public enum GradientCacheError: GradusError, Equatable {
  case noChunks
  /// The second pass over a chunk gave other representations than the first.
  case notRepeatable(chunk: Int)
  /// A chunk's representations do not have the shape `[rows, width]` with the width of the first chunk's.
  case representations(chunk: Int, expectedWidth: Int?, found: [Int])

  public var failureKind: FailureKind { .failed }

  public var description: String {
    switch self {
    case .noChunks: "a batch without chunks has no gradient; leave it out"
    case .notRepeatable(let chunk):
      "the encoder gave other vectors for chunk \(chunk) the second time; start its random stream from the same seed in each call"
    case .representations(let chunk, let width, let found):
      "the encoder gave a tensor of shape \(found) for chunk \(chunk), expected [rows, \(width.map { "\($0)" } ?? "width")]"
    }
  }
}

/// The gradient of a loss over a batch that is too large to differentiate at once: gradient caching (Gao, Zhang, Han and
/// Callan, "Scaling deep contrastive learning batch size under memory limited setup", RepL4NLP 2021).
///
/// Representations of all chunks first, without gradient; then the loss and its gradient with respect to them; then each
/// chunk once more, with its rows of that gradient as the upstream gradient. The result is the gradient of the loss over the
/// whole batch, not of chunk after chunk, so in-batch negatives reach across chunks; it differs from the gradient of one
/// large pass by the rounding of sums alone. Memory is that of the largest chunk; the price is one more forward pass.
///
///     let step = try GradientCache(parameters: encoder.trainableParameters).gradients(over: texts.chunks(of: 8)) { chunk in
///       encoder.vectors(of: chunk, context: ForwardContext(training: stream.stream("chunk", chunk.number)))
///     } loss: { vectors in
///       inBatchLoss(vectors)
///     }
///     optimizer.step(step.gradients)
public struct GradientCache {
  /// Whose gradients are wanted and which the encoder reads.
  public let parameters: [Parameter]
  /// Those that the loss reads itself, such as a temperature; none of ``parameters``.
  public let lossParameters: [Parameter]

  public init(parameters: [Parameter], lossParameters: [Parameter] = []) {
    self.parameters = parameters
    self.lossParameters = lossParameters
  }

  /// What a whole batch came to.
  public struct Step {
    /// Of the whole batch, without history.
    public let loss: Double
    /// `[rows, width]`, all chunks' representations in their order.
    public let representations: Tensor
    public let gradients: GradientStore
  }

  /// - Parameters:
  ///   - chunks: Cut from the batch in any way; order and sizes change the result by rounding alone, as long as what is
  ///     random in `encode` follows from the chunk's content.
  ///   - encode: Called twice for each chunk. Gives `[rows, width]`, the same bits both times: dropout must start from the
  ///     same seed.
  ///   - loss: Of all representations, one element.
  /// - Throws: ``GradientCacheError``, and what the closures throw.
  public func gradients<Chunk>(
    over chunks: [Chunk], encode: (Chunk) throws -> Tensor, loss: (Tensor) throws -> Tensor
  ) throws -> Step {
    guard !chunks.isEmpty else { throw GradientCacheError.noChunks }
    let cached = try withoutGradients { try chunks.map { try encode($0).detached() } }
    let width = cached.first?.shape.last
    for (number, vectors) in cached.enumerated() where vectors.rank != 2 || vectors.shape[1] != width {
      throw GradientCacheError.representations(chunk: number, expectedWidth: number == 0 ? nil : width, found: vectors.shape)
    }
    let all = concatenated(cached, axis: 0).tracked()
    let total = try loss(all)
    let found = try GradusTensor.gradients(of: total, withRespectTo: [all] + lossParameters.map(\.value))
    var store = GradientStore()
    var row = 0
    for (number, chunk) in chunks.enumerated() {
      let again = try encode(chunk)
      guard again.hasSameBits(as: cached[number]) else { throw GradientCacheError.notRepeatable(chunk: number) }
      let upstream = found[0].slice(axis: 0, from: row, to: row + again.shape[0])
      row += again.shape[0]
      // A chunk whose vectors depend on no parameter, such as one of a frozen tower.
      guard again.isTracked else { continue }
      let part = try GradusTensor.gradients(of: again, for: parameters, upstream: upstream)
      for (parameter, gradient) in zip(parameters, part) { store.add(gradient, for: parameter) }
    }
    for (parameter, gradient) in zip(lossParameters, found.dropFirst()) { store.add(gradient, for: parameter) }
    return Step(loss: total.item(), representations: all.detached(), gradients: store)
  }
}
