/// Tensors by name, whatever the format of the file, or of the several files, that hold them.
///
///     let weights = try TensorFiles.open("model.safetensors.index.json")
///     let table = try weights.floats("embeddings.word_embeddings.weight")
public protocol TensorFile: Sendable {
  /// As it was opened: of shards the index.
  var path: String { get }
  var names: [String] { get }
  /// Row-major, empty for a scalar; nil where there is no such tensor.
  func shape(_ name: String) -> [Int]?
  /// Nil where there is no such tensor.
  func type(_ name: String) -> SafetensorsType?
  /// The values as `Float`, row by row: F16 and BF16 exactly, F64 rounded to nearest.
  ///
  /// - Throws: The format's error for a tensor that is not there, and for integers and Booleans.
  func floats(_ name: String) throws -> [Float]
  /// The file that holds the tensor; ``path`` where none does.
  func path(of name: String) -> String
}

extension TensorFile {
  public func path(of name: String) -> String { path }
}

extension SafetensorsFile: TensorFile {
  public func shape(_ name: String) -> [Int]? { tensorInfo(name)?.shape }
  public func type(_ name: String) -> SafetensorsType? { tensorInfo(name)?.type }
}

extension PyTorchStateDict: TensorFile {
  public func shape(_ name: String) -> [Int]? { tensorInfo(name)?.shape }
  public func type(_ name: String) -> SafetensorsType? { tensorInfo(name)?.type }
}

/// Weights by the path of their file, or of the index of their shards.
public enum TensorFiles {
  /// Opens the shards of a ``ShardIndex``, a state dictionary of PyTorch's, or a safetensors file; the last two are told apart
  /// by their first bytes.
  ///
  /// - Throws: ``ShardError``, also for a pointer of Git LFS where a file of weights should be; ``PyTorchError``,
  ///   ``SafetensorsError``, `FileError`.
  public static func open(_ path: String) throws -> any TensorFile {
    if ShardIndex.isIndex(path) { return try TensorShards(index: path) }
    try refusePointer(path)
    return PyTorchStateDict.isPresent(at: path) ? try PyTorchStateDict(path: path) : try SafetensorsFile(path: path)
  }

  /// A clone without Git LFS leaves a few lines of text in the place of each large file.
  static func refusePointer(_ path: String) throws {
    let file = try MappedFile(path: path)
    if withExtendedLifetime(file, { file.bytes.starts(with: "version https://git-lfs".utf8) }) {
      throw ShardError.pointer(path: path)
    }
  }

  /// The files that hold the tensors: the shards of an index in the order of their names, else `path` alone.
  ///
  /// - Throws: ``ShardError``, `FileError`.
  public static func paths(_ path: String) throws -> [String] {
    ShardIndex.isIndex(path) ? try ShardIndex(path: path).paths : [path]
  }
}
