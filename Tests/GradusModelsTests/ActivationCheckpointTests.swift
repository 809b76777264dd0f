import GradusCore
import GradusTensor
import Testing

@testable import GradusModels

@Suite("Encoders that compute activations again")
struct ActivationCheckpointTests {
  private func gradients(
    _ family: String, checkpoints: Bool, precision: ProductPrecision = .fp32, frozen: Int = 0
  ) throws -> [(name: String, value: Tensor)] {
    let encoder = try BertEncoder(folder: ModelFolder(path: try fixture("encoders/" + family)))
    for parameter in encoder.parameters { parameter.productPrecision = precision }
    if frozen > 0 { encoder.trainLastLayers(frozen) }
    var batch = TokenBatch()
    batch.append([5, 6, 7, 8, 9])
    batch.append([10, 11, 12])
    let context = ForwardContext(training: SeededGenerator(seed: 3), checkpointsActivations: checkpoints)
    let hidden = encoder(batch, context)
    var generator = SeededGenerator(seed: 4)
    let loss = (hidden * Tensor.normal(hidden.shape, using: &generator)).sum()
    let parameters = encoder.trainableParameters
    let found = try GradusTensor.gradients(of: loss, withRespectTo: parameters.map(\.value))
    return [("loss", loss.detached())] + zip(parameters, found).map { ($0.name, $1) }
  }

  @Test("The same bits as without, in every family", arguments: EncoderGoldens.families)
  func sameBits(family: String) throws {
    let expected = try gradients(family, checkpoints: false), found = try gradients(family, checkpoints: true)
    #expect(expected.count == found.count)
    for (found, expected) in zip(found, expected) {
      // MPNet's biases are read by all layers, several times in each: their gradient is added up in another order.
      if expected.name.hasSuffix("relative_attention_bias.weight") {
        let distance = (found.value - expected.value).abs().sum().item()
        #expect(distance <= 1e-5 * expected.value.abs().sum().item())
      } else {
        #expect(found.value.hasSameBits(as: expected.value), "\(family): \(expected.name)")
      }
    }
  }

  @Test("The same with products in bf16 and with frozen layers")
  func otherSettings() throws {
    for (precision, frozen) in [(ProductPrecision.bf16, 0), (.fp32, 1)] {
      let expected = try gradients("bert", checkpoints: false, precision: precision, frozen: frozen)
      let found = try gradients("bert", checkpoints: true, precision: precision, frozen: frozen)
      #expect(zip(found, expected).allSatisfy { $0.value.hasSameBits(as: $1.value) } && found.count == expected.count)
    }
  }
}
