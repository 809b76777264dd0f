import GradusFormats
import GradusTensor

/// Weights whose tensors are checked against what the model expects while they are read: a safetensors file, a state dictionary
/// of PyTorch's, or the shards of an index.
struct WeightSource {
  let path: String
  /// What the file puts before every name that is asked for.
  let prefix: String
  private let file: any TensorFile
  private let read = ReadNames()

  /// Names that were asked for; one list for all copies of a source.
  private final class ReadNames {
    var names: Set<String> = []
  }

  init(path: String) throws { self.init(path: path, prefix: "", file: try TensorFiles.open(path)) }

  private init(path: String, prefix: String, file: any TensorFile) {
    self.path = path
    self.prefix = prefix
    self.file = file
  }

  /// The same file, read under the encoder's plain names, whichever prefix the class that wrote it has put before them.
  func encoder(_ names: EncoderFamily.TensorNames) throws -> WeightSource {
    let probe = names.words + ".weight"
    for prefix in ["", names.prefix] where file.shape(prefix + probe) != nil {
      return WeightSource(path: path, prefix: prefix, file: file)
    }
    throw ModelError.missingTensor(file: path, name: probe)
  }

  /// - Throws: ``ModelError/unexpectedTensor(file:name:)`` for the first tensor under `start` that nothing has asked for:
  ///   the file has more layers, or other parts, than the configuration.
  func requireAllRead(under start: String) throws {
    let start = prefix + start
    if let other = file.names.filter({ $0.hasPrefix(start) && !read.names.contains($0) }).min() {
      throw ModelError.unexpectedTensor(file: file.path(of: other), name: other)
    }
  }

  func shape(_ name: String) -> [Int]? { file.shape(prefix + name) }

  /// The tensor of that name, of exactly that shape, with finite values.
  func tensor(_ name: String, shape: [Int]) throws -> Tensor {
    let name = prefix + name
    read.names.insert(name)
    guard let found = file.shape(name) else { throw ModelError.missingTensor(file: path, name: name) }
    guard found == shape else { throw ModelError.shape(file: file.path(of: name), name: name, expected: shape, found: found) }
    let values = try file.floats(name)
    if let bad = values.firstIndex(where: { !$0.isFinite }) {
      throw ModelError.notFinite(file: file.path(of: name), name: name, index: bad)
    }
    return Tensor(values, shape: shape)
  }

  /// Replaces the values of `parameters` by the tensors of their names.
  func fill(_ parameters: [Parameter]) throws {
    for parameter in parameters { parameter.value = try tensor(parameter.name, shape: parameter.shape) }
  }

  /// A table under another name in memory than on disk, as all of the following.
  func embedding(_ name: String, as own: String, count: Int, width: Int) throws -> Embedding {
    Embedding(own, weight: try tensor(name + ".weight", shape: [count, width]))
  }

  func linear(
    _ name: String, as own: String, inputs: Int, outputs: Int, hasBias: Bool = true, activation: LinearActivation? = nil
  ) throws -> Linear {
    Linear(
      own, weight: try tensor(name + ".weight", shape: [outputs, inputs]),
      bias: hasBias ? try tensor(name + ".bias", shape: [outputs]) : nil, activation: activation)
  }

  /// Accepts the older `gamma` and `beta` for `weight` and `bias`.
  func norm(_ name: String, as own: String, width: Int, epsilon: Double, hasBias: Bool = true) throws -> EncoderNorm {
    let isOld = shape(name + ".gamma") != nil
    return EncoderNorm(
      LayerNorm(
        own, weight: try tensor(name + (isOld ? ".gamma" : ".weight"), shape: [width]),
        bias: hasBias ? try tensor(name + (isOld ? ".beta" : ".bias"), shape: [width]) : .zeros([width]), epsilon: epsilon),
      hasBias: hasBias)
  }
}
