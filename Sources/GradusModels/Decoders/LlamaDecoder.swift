import CGradusKernels
import GradusCore
import GradusFormats
import Synchronization

/// A Llama-like language model (Llama, SmolLM, Mistral, Qwen 2 and 3) for inference on the CPU.
///
///     let decoder = try LlamaDecoder(path: "SmolLM2-135M-Instruct.Q4_1.gguf")
///     var cache = decoder.makeCache()
///     let output = try decoder.append(prompt, to: &cache, computing: .lastLogits)
///     output.logits[0].count   // 49152
///
/// Weights stay in the file's blocks where a kernel knows them (Q8_0, Q4_0, Q4_1, BF16); ``conversions`` lists the others.
/// A row's result depends on its sequence alone, to the bit: not on the other tokens of the call, on how a prompt is cut into
/// calls, on forks of a cache or on the number of threads. It does depend on ``Arithmetic``.
///
/// Sums and the residual stream are single precision; activations are rounded to bfloat16 (or to 8 bits) before each product;
/// keys, values, queries and attention weights are bfloat16.
public final class LlamaDecoder: Sendable {
  /// The precision of the activations that weights are multiplied with.
  public enum Arithmetic: String, Sendable, CaseIterable {
    /// Activations in bfloat16, weights widened to it: the fastest for prompts, and accurate.
    case bfloat16
    /// Activations in 8 bits with a scale for 32 of them, as llama.cpp computes: the fastest for single tokens, because
    /// weights are read as they are stored. Weights in bfloat16 are multiplied as by `bfloat16`.
    case int8
  }

  public let configuration: DecoderConfiguration
  /// The file that the weights come from; of shards the index.
  public let path: String
  let weights: DecoderWeights
  let rotary: RotaryTable
  private static let made = Atomic<Int>(0)
  /// Tells this decoder's caches from those of others.
  private let identity = LlamaDecoder.made.add(1, ordering: .relaxed).newValue
  private let idle = Guarded<[DecoderWorkspace]>([])

  /// Tensors that are computed with in another format than the file's, in the order of the layers.
  public var conversions: [WeightConversion] { weights.conversions }
  /// Memory of the weights.
  public var weightBytes: Int { weights.byteCount }
  /// Memory of a cache for each token; pages hold 32 tokens.
  public var cacheBytesPerToken: Int { geometry.pageBytes / KVGeometry.pageTokens }

  /// Loads a GGUF file, or a ``ModelFolder`` with `config.json` and weights in any of its layouts.
  ///
  /// - Throws: ``DecoderError``; ``ModelError/missingFile(folder:name:)``; `GGUFError`, `SafetensorsError`, `PyTorchError`,
  ///   `ShardError` and `FileError` where a file cannot be read.
  /// - Complexity: Reads every weight once.
  public convenience init(path: String) throws {
    if Folder.isFolder(path) {
      let folder = ModelFolder(path: path)
      let file = try folder.file(ModelFolder.configurationName)
      let configuration = try DecoderConfiguration(json: Array(try folder.readData(file)), file: file)
      try self.init(configuration: configuration, source: try FolderTensorSource(folder))
    } else {
      let file = try GGUFFile(path: path)
      let configuration = try DecoderConfiguration(gguf: file)
      try self.init(
        configuration: configuration, source: GGUFTensorSource(file: file, architecture: configuration.architecture))
    }
  }

  init(configuration: DecoderConfiguration, source: some DecoderTensorSource) throws {
    if let reason = configuration.contradiction { throw DecoderError.configuration(file: source.path, reason: reason) }
    self.configuration = configuration
    path = source.path
    var loader = DecoderWeightLoader(source: source, configuration: configuration)
    weights = try loader.load()
    rotary = RotaryTable(configuration)
  }

  /// An empty cache for this decoder's keys and values.
  public func makeCache() -> KVCache { KVCache(geometry: geometry) }

  var paddedHeadSize: Int { configuration.headSize.roundedUp(to: PackedWeight.panel) }
  var headGroup: Int { configuration.headCount / configuration.keyValueHeadCount }

  var geometry: KVGeometry {
    KVGeometry(
      owner: identity, layers: configuration.layerCount, heads: configuration.keyValueHeadCount,
      paddedHeadSize: paddedHeadSize)
  }

  /// Calls `body` with memory for `rows` tokens, kept for the next call.
  func withWorkspace<Result>(rows: Int, _ body: (DecoderWorkspace) throws -> Result) rethrows -> Result {
    let members = WorkerPool.shared.threads
    let kept = idle.withLock { idle in
      idle.firstIndex { $0.rows >= rows }.map { idle.remove(at: $0) }
    }
    let workspace = kept ?? DecoderWorkspace(self, rows: rows <= 8 ? 8 : DecoderWorkspace.maximumRows, members: members)
    defer {
      idle.withLock { idle in
        idle.append(workspace)
        idle.sort { $0.rows < $1.rows }
        if idle.count > 4 { idle.removeLast() }
      }
    }
    return try body(workspace)
  }
}
