import GradusCore
import GradusFormats

/// What a tensor is for; the two file formats have a name each for it.
enum DecoderTensor: Hashable {
  case embedding, finalNorm, output
  case attentionNorm(Int), query(Int), key(Int), value(Int), attentionOutput(Int)
  case queryBias(Int), keyBias(Int), valueBias(Int), queryNorm(Int), keyNorm(Int)
  case feedForwardNorm(Int), gate(Int), up(Int), down(Int)

  var ggufName: String {
    switch self {
    case .embedding: "token_embd.weight"
    case .finalNorm: "output_norm.weight"
    case .output: "output.weight"
    case .attentionNorm(let i): "blk.\(i).attn_norm.weight"
    case .query(let i): "blk.\(i).attn_q.weight"
    case .key(let i): "blk.\(i).attn_k.weight"
    case .value(let i): "blk.\(i).attn_v.weight"
    case .attentionOutput(let i): "blk.\(i).attn_output.weight"
    case .queryBias(let i): "blk.\(i).attn_q.bias"
    case .keyBias(let i): "blk.\(i).attn_k.bias"
    case .valueBias(let i): "blk.\(i).attn_v.bias"
    case .queryNorm(let i): "blk.\(i).attn_q_norm.weight"
    case .keyNorm(let i): "blk.\(i).attn_k_norm.weight"
    case .feedForwardNorm(let i): "blk.\(i).ffn_norm.weight"
    case .gate(let i): "blk.\(i).ffn_gate.weight"
    case .up(let i): "blk.\(i).ffn_up.weight"
    case .down(let i): "blk.\(i).ffn_down.weight"
    }
  }

  var huggingFaceName: String {
    switch self {
    case .embedding: "model.embed_tokens.weight"
    case .finalNorm: "model.norm.weight"
    case .output: "lm_head.weight"
    case .attentionNorm(let i): "model.layers.\(i).input_layernorm.weight"
    case .query(let i): "model.layers.\(i).self_attn.q_proj.weight"
    case .key(let i): "model.layers.\(i).self_attn.k_proj.weight"
    case .value(let i): "model.layers.\(i).self_attn.v_proj.weight"
    case .attentionOutput(let i): "model.layers.\(i).self_attn.o_proj.weight"
    case .queryBias(let i): "model.layers.\(i).self_attn.q_proj.bias"
    case .keyBias(let i): "model.layers.\(i).self_attn.k_proj.bias"
    case .valueBias(let i): "model.layers.\(i).self_attn.v_proj.bias"
    case .queryNorm(let i): "model.layers.\(i).self_attn.q_norm.weight"
    case .keyNorm(let i): "model.layers.\(i).self_attn.k_norm.weight"
    case .feedForwardNorm(let i): "model.layers.\(i).post_attention_layernorm.weight"
    case .gate(let i): "model.layers.\(i).mlp.gate_proj.weight"
    case .up(let i): "model.layers.\(i).mlp.up_proj.weight"
    case .down(let i): "model.layers.\(i).mlp.down_proj.weight"
    }
  }
}

/// How a file stores a tensor, and what that means for computing with it.
struct StoredForm: Equatable {
  /// In words of the file's format.
  let name: String
  /// The format to compute with where the tensor stands alone.
  let format: WeightFormat
  /// The stored blocks are those of `format`.
  let isNative: Bool
  /// Sixteen bits or more for each number.
  let isWide: Bool
}

/// The weights of a decoder in a file or folder. Shapes are row-major.
protocol DecoderTensorSource {
  var path: String { get }
  var names: [String] { get }
  /// Names that carry nothing to compute with.
  var ignoredNames: Set<String> { get }
  /// The file turns neighbouring dimensions, (2i, 2i + 1), where the model turns i with i + half: as GGUF stores Llamas.
  var interleavesRotation: Bool { get }
  func name(_ tensor: DecoderTensor) -> String
  /// The file that holds the tensor.
  func path(of name: String) -> String
  func shape(_ name: String) -> [Int]?
  func form(_ name: String) -> StoredForm
  /// Calls `body` with the blocks of a native tensor, row after row, and the bytes of a row.
  func withBlocks<Result>(_ name: String, _ body: (UnsafeRawBufferPointer, Int) throws -> Result) throws -> Result
  func floats(_ name: String) throws -> [Float]
}

extension DecoderTensorSource {
  func path(of name: String) -> String { path }

  /// Of formats whose tensors are numbers, never blocks.
  func withBlocks<Result>(_ name: String, _ body: (UnsafeRawBufferPointer, Int) throws -> Result) throws -> Result {
    throw DecoderError.unsupportedType(file: path(of: name), name: name, type: form(name).name)
  }
}

struct GGUFTensorSource: DecoderTensorSource {
  let file: GGUFFile
  let architecture: DecoderConfiguration.Architecture

  var path: String { file.path }
  var names: [String] { file.tensors.map(\.name) }
  var ignoredNames: Set<String> { ["rope_freqs.weight"] }
  var interleavesRotation: Bool { architecture == .llama || architecture == .mistral }
  func name(_ tensor: DecoderTensor) -> String { tensor.ggufName }
  func shape(_ name: String) -> [Int]? { file.tensorInfo(name)?.shape }

  func form(_ name: String) -> StoredForm {
    let type = file.tensorInfo(name)?.type ?? .f32
    return switch type {
    case .q8_0: StoredForm(name: type.name, format: .q8, isNative: true, isWide: false)
    case .q4_0: StoredForm(name: type.name, format: .q4, isNative: true, isWide: false)
    case .q4_1: StoredForm(name: type.name, format: .q4WithMinimum, isNative: true, isWide: false)
    case .f32, .f16, .bf16: StoredForm(name: type.name, format: .bfloat16, isNative: type == .bf16, isWide: true)
    default: StoredForm(name: type.name, format: .q8, isNative: false, isWide: false)
    }
  }

  func withBlocks<Result>(_ name: String, _ body: (UnsafeRawBufferPointer, Int) throws -> Result) throws -> Result {
    try file.withBytes(of: name) { bytes, info in try body(bytes, info.bytesPerRow) }
  }

  func floats(_ name: String) throws -> [Float] {
    guard let info = file.tensorInfo(name), info.type.isDequantizable else {
      throw DecoderError.unsupportedType(file: path, name: name, type: form(name).name)
    }
    return try file.floats(name)
  }
}

/// The weights of a folder in Hugging Face's layout.
struct FolderTensorSource: DecoderTensorSource {
  private let file: any TensorFile
  /// Written by the usual classes; checkpoints of the bare model leave it out.
  private let prefix: String

  init(_ folder: ModelFolder) throws { self.init(try TensorFiles.open(try folder.file(ModelFolder.weightsName))) }

  init(_ file: any TensorFile) {
    self.file = file
    prefix = file.shape("embed_tokens.weight") != nil ? "" : "model."
  }

  var path: String { file.path }
  var names: [String] { file.names }
  var ignoredNames: Set<String> { Set(names.filter { $0.hasSuffix("rotary_emb.inv_freq") }) }
  var interleavesRotation: Bool { false }

  func name(_ tensor: DecoderTensor) -> String {
    let name = tensor.huggingFaceName
    return name.hasPrefix("model.") ? prefix + name.dropFirst("model.".count) : name
  }

  func path(of name: String) -> String { file.path(of: name) }
  func shape(_ name: String) -> [Int]? { file.shape(name) }

  func form(_ name: String) -> StoredForm {
    let type = file.type(name) ?? .float32
    return StoredForm(name: type.rawValue, format: .bfloat16, isNative: type == .bfloat16, isWide: true)
  }

  func floats(_ name: String) throws -> [Float] {
    guard let type = file.type(name), type.isFloatingPoint else {
      throw DecoderError.unsupportedType(file: path(of: name), name: name, type: form(name).name)
    }
    return try file.floats(name)
  }
}
