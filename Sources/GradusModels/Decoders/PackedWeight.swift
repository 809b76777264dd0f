import CGradusKernels
import GradusCore

/// How a decoder computes with a weight.
public enum WeightFormat: String, Sendable, CaseIterable {
  /// Sixteen bits a weight.
  case bfloat16
  /// Eight bits and a half-precision scale for 32 weights: 8.5 bits a weight.
  case q8
  /// Four bits and a scale: 4.5 bits a weight.
  case q4
  /// Four bits, a scale and a minimum: 5 bits a weight.
  case q4WithMinimum

  var kernelFormat: grd_weight_format {
    switch self {
    case .bfloat16: GRD_WEIGHT_BF16
    case .q8: GRD_WEIGHT_Q8
    case .q4: GRD_WEIGHT_Q4
    case .q4WithMinimum: GRD_WEIGHT_Q4M
    }
  }
}

/// A weight in the panels that the kernels stream through, with zeros up to whole panels.
///
/// `@unchecked Sendable`: written during loading by its only owner, read-only from then on.
final class PackedWeight: @unchecked Sendable {
  static let panel = Int(GRD_PANEL)

  let format: WeightFormat
  /// Both padded to whole panels.
  let outputs: Int
  let inputs: Int
  let panelBytes: Int
  private let data: UnsafeMutableRawPointer
  private let bias: UnsafeMutablePointer<Float>?

  init(format: WeightFormat, outputs: Int, inputs: Int, bias values: [Float]? = nil) {
    self.format = format
    self.outputs = outputs.roundedUp(to: Self.panel)
    self.inputs = inputs.roundedUp(to: Self.panel)
    panelBytes = grd_weight_panel_bytes(format.kernelFormat, self.inputs)
    let bytes = panelBytes * (self.outputs / Self.panel)
    data = .allocate(byteCount: max(bytes, 1), alignment: 64)
    data.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    bias = values.map { values in
      let memory = UnsafeMutablePointer<Float>.allocate(capacity: outputs.roundedUp(to: Self.panel))
      memory.initialize(repeating: 0, count: outputs.roundedUp(to: Self.panel))
      memory.update(from: values, count: values.count)
      return memory
    }
  }

  deinit {
    data.deallocate()
    bias?.deallocate()
  }

  var panels: Int { outputs / Self.panel }
  var byteCount: Int { panelBytes * panels + (bias == nil ? 0 : outputs * 4) }

  /// The memory of the panel that holds an output.
  func memory(of output: Int) -> UnsafeMutableRawPointer { data + output / Self.panel * panelBytes }

  /// One output's weights as floats: `[inputs]`.
  func unpack(_ output: Int, into floats: UnsafeMutablePointer<Float>) {
    grd_unpack_row(format.kernelFormat, memory(of: output), output % Self.panel, inputs, floats)
  }

  var kernelWeight: grd_weight {
    grd_weight(format: format.kernelFormat, outputs: outputs, inputs: inputs, data: UnsafeRawPointer(data), bias: bias)
  }

  /// Panels of one piece of work: some 48 KB of weights, whatever the number of threads.
  var panelsPerPiece: Int { max(1, (48 << 10) / max(1, panelBytes)) }
}

extension Int {
  func roundedUp(to multiple: Int) -> Int { (self + multiple - 1) / multiple * multiple }
}
