#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// The shards of a model, read as one file; memory-mapped.
///
///     let weights = try TensorShards(index: "model.safetensors.index.json")
///     weights.path(of: "lm_head.weight")   // "model-00002-of-00002.safetensors"
///
/// All shards are opened, and compared with the index, at once: a model of which a part is missing does not load up to there.
/// A tensor that the index does not list is read like the others, as the usual loaders do.
public final class TensorShards: TensorFile {
  public let index: ShardIndex
  public let names: [String]
  private let shards: [any TensorFile]
  private let places: [String: Int]

  public var path: String { index.path }

  /// - Throws: ``ShardError`` for a shard that is not there, a tensor that is not where the index has it, and one in two shards;
  ///   ``SafetensorsError``, ``PyTorchError`` for a shard that is damaged.
  public init(index path: String) throws {
    let index = try ShardIndex(path: path)
    var shards: [any TensorFile] = []
    var names: [String] = [], places: [String: Int] = [:]
    for (number, file) in index.files.enumerated() {
      let shard = index.path(of: file)
      guard access(shard, F_OK) == 0 else {
        throw ShardError.missingShard(index: path, file: file, tensors: index.tensors.count { $0.file == file })
      }
      try TensorFiles.refusePointer(shard)
      let opened: any TensorFile =
        file.hasSuffix(".bin") ? try PyTorchStateDict(path: shard) : try SafetensorsFile(path: shard)
      for name in opened.names {
        if let first = places.updateValue(number, forKey: name) {
          throw ShardError.tensorInTwoShards(tensor: name, first: index.files[first], second: shard)
        }
      }
      names += opened.names
      shards.append(opened)
    }
    for (name, file) in index.tensors {
      guard let place = places[name], index.files[place] == file else {
        throw ShardError.missingTensor(index: path, file: file, tensor: name)
      }
    }
    self.index = index
    self.shards = shards
    self.names = names
    self.places = places
  }

  private func shard(of name: String) -> (any TensorFile)? { places[name].map { shards[$0] } }

  public func shape(_ name: String) -> [Int]? { shard(of: name)?.shape(name) }
  public func type(_ name: String) -> SafetensorsType? { shard(of: name)?.type(name) }
  public func path(of name: String) -> String { shard(of: name)?.path ?? path }

  public func floats(_ name: String) throws -> [Float] {
    guard let shard = shard(of: name) else { throw ShardError.noSuchTensor(index: path, tensor: name) }
    return try shard.floats(name)
  }
}
