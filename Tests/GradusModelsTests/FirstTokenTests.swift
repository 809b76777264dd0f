import GradusCore
import GradusTensor
import Testing

@testable import GradusModels

@Suite("Encoders whose first tokens alone are read")
struct FirstTokenTests {
  private func batch() -> TokenBatch {
    var batch = TokenBatch()
    batch.append([5, 6, 7, 8, 9])
    batch.append([10])
    batch.append([11, 12, 13])
    return batch
  }

  private func encoder(_ family: String) throws -> BertEncoder {
    try BertEncoder(folder: ModelFolder(path: try fixture("encoders/" + family)))
  }

  @Test("Their vectors have the bits that they have among all", arguments: EncoderGoldens.families)
  func values(family: String) throws {
    let encoder = try encoder(family), batch = batch()
    let first = withoutGradients { encoder.firstTokens(batch, .inference) }
    let rows = Tensor(indices: batch.firstTokens, shape: [3])
    let among = withoutGradients { encoder(batch, .inference).indexSelect(rows) }
    #expect(first.shape == among.shape && first.hasSameBits(as: among))
  }

  @Test("Gradients are those of the whole but for rounding", arguments: EncoderGoldens.families)
  func gradients(family: String) throws {
    let encoder = try encoder(family), batch = batch(), parameters = encoder.trainableParameters
    func found(_ states: Tensor) throws -> [Tensor] {
      var generator = SeededGenerator(seed: 4)
      let loss = (states * Tensor.normal(states.shape, using: &generator)).sum()
      return try GradusTensor.gradients(of: loss, withRespectTo: parameters.map(\.value))
    }
    let rows = Tensor(indices: batch.firstTokens, shape: [3])
    let own = try found(encoder.firstTokens(batch, .inference)), all = try found(encoder(batch, .inference).indexSelect(rows))
    for (parameter, (own, all)) in zip(parameters, zip(own, all)) {
      let largest = all.floats().map(abs).max() ?? 0
      let distance = zip(own.floats(), all.floats()).map { abs($0 - $1) }.max() ?? 0
      #expect(distance <= 1e-5 * max(largest, 1e-3), "\(family): \(parameter.name)")
    }
  }

  @Test("Planned activations grow with the tokens, and shrink with checkpoints, frozen layers and first tokens")
  func plan() throws {
    let encoder = try encoder("bert")
    func bytes(_ tokens: Int, first: Bool = false, checkpoints: Bool = false) -> Int {
      encoder.trainingBytes(tokens: tokens, sequences: 2, readsFirstTokens: first, checkpoints: checkpoints)
    }
    #expect(bytes(200) == 2 * bytes(100) && bytes(100) > 0)
    #expect(bytes(100, first: true) < bytes(100) && bytes(100, checkpoints: true) < bytes(100))
    let whole = bytes(100)
    encoder.freezeEmbeddings()
    encoder.trainLastLayers(1)
    #expect(bytes(100) < whole)
    encoder.trainLastLayers(0)
    #expect(bytes(100) == 0)
  }
}
