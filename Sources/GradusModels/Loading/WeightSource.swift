import GradusFormats
import GradusTensor

/// A safetensors file whose tensors are checked against what the model expects while they are read.
struct WeightSource {
  let path: String
  /// What the file puts before every name that is asked for.
  private let prefix: String
  private let file: SafetensorsFile

  init(path: String) throws {
    self.init(path: path, prefix: "", file: try SafetensorsFile(path: path))
  }

  private init(path: String, prefix: String, file: SafetensorsFile) {
    self.path = path
    self.prefix = prefix
    self.file = file
  }

  /// The same file, read under BERT's plain names, whichever prefix the class that wrote it has put before them.
  func bert() throws -> WeightSource {
    let probe = "embeddings.word_embeddings.weight"
    for prefix in ["", "bert."] where file.tensorInfo(prefix + probe) != nil {
      return WeightSource(path: path, prefix: prefix, file: file)
    }
    throw ModelError.missingTensor(file: path, name: probe)
  }

  func shape(_ name: String) -> [Int]? { file.tensorInfo(prefix + name)?.shape }

  /// The tensor of that name, of exactly that shape, with finite values.
  func tensor(_ name: String, shape: [Int]) throws -> Tensor {
    let name = prefix + name
    guard let info = file.tensorInfo(name) else { throw ModelError.missingTensor(file: path, name: name) }
    guard info.shape == shape else { throw ModelError.shape(file: path, name: name, expected: shape, found: info.shape) }
    let values = try file.floats(name)
    if let bad = values.firstIndex(where: { !$0.isFinite }) { throw ModelError.notFinite(file: path, name: name, index: bad) }
    return Tensor(values, shape: shape)
  }

  /// Replaces the values of `parameters` by the tensors of their names.
  func fill(_ parameters: [Parameter]) throws {
    for parameter in parameters { parameter.value = try tensor(parameter.name, shape: parameter.shape) }
  }

  func embedding(_ name: String, count: Int, width: Int) throws -> Embedding {
    Embedding(name, weight: try tensor(name + ".weight", shape: [count, width]))
  }

  func linear(_ name: String, inputs: Int, outputs: Int, activation: LinearActivation? = nil) throws -> Linear {
    Linear(
      name, weight: try tensor(name + ".weight", shape: [outputs, inputs]), bias: try tensor(name + ".bias", shape: [outputs]),
      activation: activation)
  }

  /// Accepts the older `gamma` and `beta` for `weight` and `bias`.
  func layerNorm(_ name: String, width: Int, epsilon: Double) throws -> LayerNorm {
    let isOld = shape(name + ".gamma") != nil
    return LayerNorm(
      name, weight: try tensor(name + (isOld ? ".gamma" : ".weight"), shape: [width]),
      bias: try tensor(name + (isOld ? ".beta" : ".bias"), shape: [width]), epsilon: epsilon)
  }
}
