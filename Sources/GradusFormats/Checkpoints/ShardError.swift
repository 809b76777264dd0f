import GradusCore

/// A model's files that do not make up a whole.
public enum ShardError: GradusError, Equatable {
  case notJSON(index: String, error: JSONError)
  /// No `weight_map`, more than one, or one without a tensor.
  case noWeightMap(index: String)
  /// The index names a file for the tensor twice.
  case listedTwice(index: String, tensor: String)
  /// The file that the index names is none of its folder, or of another format than the index.
  case fileName(index: String, tensor: String, file: String, ending: String)
  /// A shard is not there; so many tensors are in it.
  case missingShard(index: String, file: String, tensors: Int)
  /// The index promises a tensor that the shard lacks.
  case missingTensor(index: String, file: String, tensor: String)
  case tensorInTwoShards(tensor: String, first: String, second: String)
  case noSuchTensor(index: String, tensor: String)
  /// Git LFS has left a pointer in the place of the weights.
  case pointer(path: String)

  public var failureKind: FailureKind {
    switch self {
    case .missingShard, .noSuchTensor, .pointer: .missingInput
    default: .badData
    }
  }

  public var description: String {
    switch self {
    case .notJSON(let index, let error): "\(index): the index is \(error)"
    case .noWeightMap(let index): "\(index): expected one 'weight_map' with the file of every tensor"
    case .listedTwice(let index, let tensor): "\(index): the index lists tensor '\(tensor)' twice"
    case .fileName(let index, let tensor, let file, let ending):
      "\(index): tensor '\(tensor)' is said to be in '\(file)'; expected a \(ending) file beside the index"
    case .missingShard(let index, let file, let tensors):
      "\(index): shard '\(file)' with \(tensors) of the tensors is not there; put it beside the index"
    case .missingTensor(let index, let file, let tensor):
      "\(index): tensor '\(tensor)' is not in '\(file)', where the index has it; take index and shards from the same model"
    case .tensorInTwoShards(let tensor, let first, let second):
      "\(second): tensor '\(tensor)' is in '\(first)' too; take all shards from the same model"
    case .pointer(let path): "\(path): a pointer of Git LFS, not the weights; run 'git lfs pull' in the model's folder"
    case .noSuchTensor(let index, let tensor): "\(index): there is no tensor '\(tensor)'"
    }
  }
}
