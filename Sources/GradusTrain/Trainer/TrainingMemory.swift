import GradusCore
import GradusModels
import GradusTensor

/// What a training will need in memory at its peak, in bytes: planned before the first step.
///
///     let plan = TrainingMemory(of: crossEncoder, tokens: 16 * 128, sequences: 16)
///     print(plan.peakBytes / 1_000_000, "MB")
public struct TrainingMemory: Sendable, Equatable {
  /// What the process has before the first step, weights included.
  public var processBytes: Int
  /// Of the weights, trainable or not; a part of `processBytes`.
  public var weightBytes: Int
  /// One number for each trainable weight; of an embedding table with more rows than a batch has tokens, for each row that a
  /// step can look up.
  public var gradientBytes: Int
  /// The optimizer's numbers: two for each trainable weight with Adam.
  public var optimizerBytes: Int
  /// Activations of the largest batch, and what the backward pass needs beside them.
  public var activationBytes: Int
  /// Vectors of a whole step and their gradients, where gradient caching keeps them; 0 without.
  public var vectorBytes = 0
  /// Copies of weights that the training keeps, such as the best epoch's.
  public var copyBytes: Int

  public var peakBytes: Int {
    processBytes + gradientBytes + optimizerBytes + activationBytes + vectorBytes + copyBytes
  }

  /// For a cross-encoder whose weights are in memory.
  ///
  /// - Parameters:
  ///   - tokens: Of the largest batch that is differentiated at once.
  ///   - sequences: Its pairs.
  ///   - stepTokens: Of a whole step, where its batches are differentiated one after the other; nil where one is all.
  ///   - checkpoints: Whether activations are computed again in the backward pass.
  ///   - slots: The optimizer's numbers for each weight: two for Adam.
  ///   - copies: Copies of all weights.
  public init(
    of model: CrossEncoder, tokens: Int, sequences: Int, stepTokens: Int? = nil, checkpoints: Bool = false, slots: Int = 2,
    copies: Int = 0, processBytes: Int = ProcessMemory.residentBytes
  ) {
    self.init(
      model, tables: model.encoder.embeddingTables, tokens: tokens, stepTokens: stepTokens ?? tokens, slots: slots,
      copies: copies, processBytes: processBytes)
    activationBytes = model.encoder.trainingBytes(
      tokens: tokens, sequences: sequences, readsFirstTokens: model.head == .cls, checkpoints: checkpoints)
  }

  /// For a bi-encoder whose weights are in memory.
  ///
  /// - Parameters:
  ///   - tokens: Of the largest batch, or chunk of a gradient cache, that is differentiated at once.
  ///   - sequences: Its texts, queries and documents.
  ///   - stepTokens: Of a whole step, where its batches or chunks are differentiated one after the other; nil where one is all.
  ///   - cachedTexts: Texts of a whole step where a gradient cache keeps their vectors; 0 without one.
  public init(
    of model: BiEncoder, tokens: Int, sequences: Int, stepTokens: Int? = nil, cachedTexts: Int = 0, checkpoints: Bool = false,
    slots: Int = 2, copies: Int = 0, processBytes: Int = ProcessMemory.residentBytes
  ) {
    self.init(
      model, tables: model.encoder.embeddingTables, tokens: tokens, stepTokens: stepTokens ?? tokens, slots: slots,
      copies: copies, processBytes: processBytes)
    activationBytes = model.encoder.trainingBytes(
      tokens: tokens, sequences: sequences, readsFirstTokens: false, checkpoints: checkpoints)
    // Chunk by chunk, all in one, as queries and documents, and the gradient of each.
    vectorBytes = 6 * 4 * cachedTexts * model.dimension
  }

  private init(
    _ model: some Module, tables: [Parameter], tokens: Int, stepTokens: Int, slots: Int, copies: Int, processBytes: Int
  ) {
    func bytes(_ parameters: [Parameter]) -> Int { parameters.reduce(0) { $0 + 4 * $1.shape.reduce(1, *) } }
    /// Of the rows that no token of a step can look up.
    func savedBytes(_ table: Parameter) -> Int {
      let (rows, width) = (table.shape[0], table.shape[1])
      return table.isTrainable && tokens < rows ? 4 * width * max(0, rows - stepTokens) : 0
    }
    self.processBytes = processBytes
    weightBytes = bytes(model.parameters)
    let trainableBytes = bytes(model.trainableParameters)
    gradientBytes = tables.reduce(trainableBytes) { $0 - savedBytes($1) }
    optimizerBytes = slots * trainableBytes
    copyBytes = copies * weightBytes
    activationBytes = 0
  }
}
