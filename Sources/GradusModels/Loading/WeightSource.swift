import GradusFormats
import GradusTensor

/// A safetensors file whose tensors are checked against what the model expects while they are read.
struct WeightSource {
  let path: String
  private let file: SafetensorsFile

  init(path: String) throws {
    self.path = path
    file = try SafetensorsFile(path: path)
  }

  var metadata: [String: String] { file.metadata }

  func contains(_ name: String) -> Bool { file.tensorInfo(name) != nil }
  func info(_ name: String) -> TensorInfo? { file.tensorInfo(name) }

  /// The tensor of that name, of exactly that shape, with finite values.
  func tensor(_ name: String, shape: [Int]) throws -> Tensor {
    guard let info = file.tensorInfo(name) else { throw ModelError.missingTensor(file: path, name: name) }
    guard info.shape == shape else { throw ModelError.shape(file: path, name: name, expected: shape, found: info.shape) }
    let values = try file.floats(name)
    if let bad = values.firstIndex(where: { !$0.isFinite }) { throw ModelError.notFinite(file: path, name: name, index: bad) }
    return Tensor(values, shape: shape)
  }
}
