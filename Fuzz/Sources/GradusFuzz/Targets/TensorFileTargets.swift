import GradusCore
@testable import GradusFormats
@testable import GradusModels
import GradusText
@testable import GradusTrain

extension FuzzTarget {
  /// The file with all its values, the decoder, the tokenizer and the chat template in it.
  static let gguf = FuzzTarget("gguf", maximumBytes: 32768, dictionary: "gguf") {
    try Workplace.fixtures("GradusFormatsTests/Fixtures/GGUF", suffix: ".gguf") + [try tinyDecoder()]
  } run: { input in
    let path = Workplace.write(input, "input.gguf")
    let file = try GGUFFile(path: path)
    for tensor in file.tensors { attempt { _ = try file.floats(tensor.name) } }
    for key in file.keys {
      attempt { _ = try file.integers(key) }
      attempt { _ = try file.double(key) }
    }
    attempt {
      let tokenizer = try BytePairTokenizer(gguf: file)
      _ = tokenizer.decode(tokenizer.encode("Hello, world  1234\n\u{e9}<s>"))
    }
    attempt { _ = try ChatTemplate(decoder: path).render([.user("hello")]) }
    attempt { try use(try LlamaDecoder(path: path)) }
  }

  /// The file with all its values, read as such and as the tensors of a checkpoint.
  static let safetensors = FuzzTarget("safetensors", maximumBytes: 16384, dictionary: "safetensors") {
    [
      safetensorsFile(
        #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"#
          + #""b":{"dtype":"BF16","shape":[],"data_offsets":[16,18]},"c":{"dtype":"I32","shape":[0,7],"data_offsets":[18,18]}}"#,
        data: 18),
      safetensorsFile(
        #"{"d":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"e":{"dtype":"BOOL","shape":[3],"data_offsets":[8,11]}}"#,
        data: 11),
    ] + (try Workplace.fixtures("GradusModelsTests/Fixtures", suffix: ".safetensors"))
  } run: { input in
    let path = Workplace.write(input, "input.safetensors")
    attempt {
      let file = try SafetensorsFile(path: path)
      for tensor in file.tensors { attempt { _ = try file.floats(tensor.name) } }
    }
    attempt { _ = try TensorArchive.read(path) }
  }

  /// A file of `torch.save` with all its values; the pickle within an archive reaches further without the archive's directory,
  /// so that the input is also taken for one.
  static let stateDict = FuzzTarget("state-dict", maximumBytes: 8192) {
    let folder = "GradusFormatsTests/Fixtures/PyTorch"
    return try Workplace.fixtures(folder, suffix: ".bin") + Workplace.fixtures(folder, suffix: ".pth")
  } run: { input in
    let path = Workplace.write(input, "input.bin")
    attempt {
      let file = try PyTorchStateDict(path: path)
      for tensor in file.tensors { attempt { _ = try file.floats(tensor.name) } }
    }
    attempt {
      var machine = PickleMachine(UnsafeRawBufferPointer(input), path: path)
      try machine.run { _ in }
    }
  }

  private static func safetensorsFile(_ header: String, data: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init) + Array(header.utf8)
      + (0..<data).map { UInt8($0 * 17 & 0x3F) }
  }

  /// Some tokens through a decoder.
  static func use(_ decoder: LlamaDecoder) throws {
    _ = try decoder.generate([0, 1, 2], options: GenerationOptions(maximumTokens: 2))
  }

  /// One layer, eight tokens.
  private static func tinyDecoder() throws -> [UInt8] {
    let path = "\(Workplace.folder)/tiny.gguf"
    let writer = GGUFWriter(path: path)
    let numbers: KeyValuePairs<String, Int> = [
      "block_count": 1, "embedding_length": 32, "feed_forward_length": 32, "attention.head_count": 2,
      "attention.head_count_kv": 1, "context_length": 16, "vocab_size": 8,
    ]
    try writer.set("general.architecture", .string("llama"))
    for (name, value) in numbers { try writer.set("llama.\(name)", .uint32(UInt32(value))) }
    try writer.set("llama.attention.layer_norm_rms_epsilon", .float32(1e-5))
    try writer.set("llama.rope.freq_base", .float32(10000))
    try writer.set("tokenizer.ggml.model", .string("gpt2"))
    try writer.set("tokenizer.ggml.tokens", .array(.string(["a", "b", "ab", "l", "o", "<s>", "<e>", "lo"])))
    try writer.set("tokenizer.ggml.merges", .array(.string(["a b", "l o"])))
    try writer.set("tokenizer.ggml.token_type", .array(.int32([1, 1, 1, 1, 1, 3, 3, 1])))
    try writer.set("tokenizer.ggml.bos_token_id", .uint32(5))
    try writer.set("tokenizer.ggml.eos_token_id", .uint32(6))
    try writer.set("tokenizer.chat_template", .string("{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}"))
    func add(_ name: String, _ dimensions: [Int], _ type: GGUFTensorType = .f32) throws {
      let count = dimensions.reduce(1, *)
      try writer.add(name, dimensions: dimensions, type: type, floats: (0..<count).map { Float($0 % 7 - 3) / 8 })
    }
    try add("token_embd.weight", [32, 8], .q8_0)
    try add("output_norm.weight", [32])
    try add("blk.0.attn_norm.weight", [32])
    try add("blk.0.ffn_norm.weight", [32])
    try add("blk.0.attn_q.weight", [32, 32], .q8_0)
    try add("blk.0.attn_k.weight", [32, 16], .q4_1)
    try add("blk.0.attn_v.weight", [32, 16], .q4_1)
    try add("blk.0.attn_output.weight", [32, 32], .q8_0)
    try add("blk.0.ffn_gate.weight", [32, 32], .q8_0)
    try add("blk.0.ffn_up.weight", [32, 32], .f16)
    try add("blk.0.ffn_down.weight", [32, 32])
    try writer.commit()
    return try [UInt8](contentsOf: path)
  }
}

extension [UInt8] {
  fileprivate init(contentsOf path: String) throws {
    let file = try MappedFile(path: path)
    self = withExtendedLifetime(file) { Array(file.bytes) }
  }
}
