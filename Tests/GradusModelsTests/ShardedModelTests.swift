import Foundation
import GradusCore
import GradusFormats
import GradusTensor
import Testing

@testable import GradusModels

extension TestFolder {
  /// Cuts `model.safetensors` into shards with an index, as transformers does.
  func shard(into count: Int) throws {
    let source = try SafetensorsFile(path: file("model.safetensors"))
    var map: [String: String] = [:]
    for number in 0..<count {
      let name = Self.shard(number + 1, of: count)
      let writer = SafetensorsWriter(path: file(name))
      let tensors = source.tensors
      for tensor in tensors[tensors.count * number / count..<tensors.count * (number + 1) / count] {
        writer.add(tensor.name, type: tensor.type, shape: tensor.shape) {
          try source.withBytes(tensor.name) { bytes, _ in Array(bytes) }
        }
        map[tensor.name] = name
      }
      try writer.commit()
    }
    try JSONSerialization.data(withJSONObject: ["weight_map": map])
      .write(to: URL(fileURLWithPath: file("model.safetensors.index.json")))
    try remove("model.safetensors")
  }

  static func shard(_ number: Int, of count: Int) -> String { "model-0000\(number)-of-0000\(count).safetensors" }

  fileprivate func changeByte(of name: String, at offset: Int) throws {
    let url = URL(fileURLWithPath: file(name))
    var data = try Data(contentsOf: url)
    data[data.startIndex + (offset < 0 ? data.count + offset : offset)] ^= 1
    try data.write(to: url)
  }
}

@Suite("Models in shards and in PyTorch's format")
struct ShardedModelTests {
  @Test("An encoder in three shards has the bits of the whole", arguments: EncoderGoldens.families)
  func encoder(family: String) throws {
    let folder = try TestFolder.copy("encoders/" + family)
    let whole = try BertEncoder(folder: folder.folder)
    try folder.shard(into: 3)
    let sharded = try BertEncoder(folder: folder.folder)
    #expect(sharded.parameters.count == whole.parameters.count)
    for (first, second) in zip(sharded.parameters, whole.parameters) {
      #expect(first.name == second.name && first.value.hasSameBits(as: second.value))
    }
    // The heads, which read the weights a second time.
    if folder.folder.isSequenceClassifier { _ = try RankingModel(folder: folder.folder) }
  }

  @Test("A bi-encoder's dense layer in shards, in its own folder")
  func denseLayer() throws {
    let folder = try TestFolder.copy("encoders/sentence")
    let texts = ["the cat", "a dog sat"]
    let whole = try BiEncoder(folder: folder.folder).encode(texts).vectors
    try folder.shard(into: 2)
    let dense = try #require(try FileManager.default.contentsOfDirectory(atPath: folder.path).first { $0.hasSuffix("_Dense") })
    let weights = dense + "/model.safetensors"
    let shard = dense + "/model-00001-of-00001.safetensors"
    let names = try SafetensorsFile(path: folder.file(weights)).names
    try FileManager.default.moveItem(atPath: folder.file(weights), toPath: folder.file(shard))
    #expect(throws: ModelError.missingFile(folder: folder.path, name: weights + ".index.json")) {
      try BiEncoder(folder: folder.folder)
    }
    let map = names.map { "\"\($0)\": \"model-00001-of-00001.safetensors\"" }.joined(separator: ", ")
    try folder.write(weights + ".index.json", "{\"weight_map\": {\(map)}}")
    #expect(try BiEncoder(folder: folder.folder).encode(texts).vectors == whole)
  }

  private func logits(_ path: String) throws -> [[UInt32]] {
    try LlamaDecoder(path: path).logits(DecoderFixtures.tokens(40), at: [0, 17, 39]).map(bits)
  }

  @Test("A decoder in three shards has the bits of the whole", arguments: DecoderFixtures.names)
  func decoder(name: String) throws {
    let folder = try TestFolder.copy("decoders/" + name)
    let whole = try logits(folder.path)
    try folder.shard(into: 3)
    #expect(try logits(folder.path) == whole)
    #expect(folder.folder.isDecoder)
    #expect(try LlamaDecoder(path: folder.path).path == folder.file("model.safetensors.index.json"))
  }

  /// `decoders/pytorch` holds the weights of `decoders/llama`, written by PyTorch whole and in three shards.
  @Test("A decoder from PyTorch's own files, whole and in shards, has the bits of the same weights in safetensors")
  func pytorchDecoder() throws {
    let expected = try logits(DecoderFixtures.folder + "llama")
    for isSharded in [false, true] {
      let folder = try TestFolder.copy("decoders/pytorch")
      try FileManager.default.copyItem(
        atPath: DecoderFixtures.folder + "llama/config.json", toPath: folder.file("config.json"))
      if isSharded { try folder.remove("pytorch_model.bin") }
      #expect(try logits(folder.path) == expected)
      let decoder = try LlamaDecoder(path: folder.path)
      #expect(decoder.path == folder.file(isSharded ? "pytorch_model.bin.index.json" : "pytorch_model.bin"))
      #expect(decoder.conversions == [])
      if isSharded {
        try folder.remove("pytorch_model-00002-of-00003.bin")
        let error = #expect(throws: ShardError.self) { try LlamaDecoder(path: folder.path) }
        if case .missingShard(_, "pytorch_model-00002-of-00003.bin", 7)? = error {} else {
          Issue.record("\(String(describing: error))")
        }
      }
    }
  }

  @Test("The first layout that is there is read: safetensors before PyTorch, one file before shards")
  func precedence() throws {
    let folder = try TestFolder.copy("decoders/llama")
    let names = ["pytorch_model.bin.index.json", "pytorch_model.bin", "model.safetensors.index.json"]
    for name in names { try folder.write(name, "no weights") }
    for name in ["model.safetensors"] + names.reversed() {
      #expect(try folder.folder.file("model.safetensors") == folder.file(name))
      #expect(folder.folder.weightsFileName == name)
      try folder.remove(name)
    }
    #expect(throws: ModelError.missingFile(folder: folder.path, name: "model.safetensors")) {
      try folder.folder.file("model.safetensors")
    }
    #expect(folder.folder.weightsFileName == nil)
    try folder.write("model-00001-of-00003.safetensors", "one of three")
    #expect(throws: ModelError.missingFile(folder: folder.path, name: "model.safetensors.index.json")) {
      try LlamaDecoder(path: folder.path)
    }
  }

  @Test("A change in any shard is a change of the model")
  func digest() throws {
    let folder = try TestFolder.tinyBert()
    let single = try SHA256Digest.hex(of: [UInt8](Data(contentsOf: URL(fileURLWithPath: folder.file("model.safetensors")))))
    #expect(try folder.folder.weightsDigest() == single)
    try folder.shard(into: 3)
    var seen = [single, try folder.folder.weightsDigest()]
    for number in 1...3 {
      for offset in [-1, -200] {
        try folder.changeByte(of: TestFolder.shard(number, of: 3), at: offset)
        seen.append(try folder.folder.weightsDigest())
      }
    }
    #expect(Set(seen).count == 8)
    try folder.remove(TestFolder.shard(2, of: 3))
    #expect(throws: FileError.self) { try folder.folder.weightsDigest() }
  }

  @Test("A configuration that contradicts a decoder's weights is refused with the shard and the tensor", arguments: [
    ("num_hidden_layers", 3), ("num_hidden_layers", 1), ("num_attention_heads", 8), ("num_key_value_heads", 4),
    ("head_dim", 16), ("intermediate_size", 48), ("vocab_size", 60), ("hidden_size", 64),
  ])
  func contradiction(key: String, value: Int) throws {
    let folder = try TestFolder.copy("decoders/llama")
    try folder.shard(into: 3)
    try folder.set("config.json", key, value)
    let index = folder.file("model.safetensors.index.json")
    let shards = (1...3).map { folder.file(TestFolder.shard($0, of: 3)) }
    let error = #expect(throws: DecoderError.self) { try LlamaDecoder(path: folder.path) }
    switch (key, value, error) {
    case ("num_hidden_layers", 3, .missingTensor(index, "model.layers.2.input_layernorm.weight")?): break
    case ("num_hidden_layers", 1, .unexpectedTensors(index, let names)?):
      #expect(names.count == 9 && names.allSatisfy { $0.hasPrefix("model.layers.1.") })
    case ("num_attention_heads", 8, .shape(let file, "model.layers.0.self_attn.q_proj.weight", [64, 32], [32, 32])?),
      ("num_key_value_heads", 4, .shape(let file, "model.layers.0.self_attn.k_proj.weight", [32, 32], [16, 32])?),
      ("head_dim", 16, .shape(let file, "model.layers.0.self_attn.q_proj.weight", [64, 32], [32, 32])?),
      ("intermediate_size", 48, .shape(let file, "model.layers.0.mlp.gate_proj.weight", [48, 32], [40, 32])?),
      ("vocab_size", 60, .shape(let file, "model.embed_tokens.weight", [60, 32], [61, 32])?),
      ("hidden_size", 64, .shape(let file, "model.embed_tokens.weight", [61, 64], [61, 32])?):
      #expect(shards.contains(file))
    default: Issue.record("\(key) \(value): \(String(describing: error))")
    }
  }

  @Test("Weights that a decoder cannot compute with are named with their file")
  func badWeights() throws {
    let folder = try TestFolder.copy("decoders/llama"), file = folder.file("model.safetensors")
    let source = try SafetensorsFile(path: DecoderFixtures.folder + "llama/model.safetensors")
    func write(_ change: (String, [UInt8]) -> (SafetensorsType, [UInt8])?) throws {
      let writer = SafetensorsWriter(path: file)
      for tensor in source.tensors {
        let bytes = try source.withBytes(tensor.name) { bytes, _ in Array(bytes) }
        let new = change(tensor.name, bytes) ?? (tensor.type, bytes)
        writer.add(tensor.name, type: new.0, shape: tensor.shape) { new.1 }
      }
      try writer.commit()
    }
    let name = "model.layers.1.mlp.down_proj.weight"
    try write { $0 == name ? (SafetensorsType.int16, $1) : nil }
    #expect(throws: DecoderError.unsupportedType(file: file, name: name, type: "I16")) { try LlamaDecoder(path: folder.path) }
    try write { tensor, bytes in
      guard tensor == name else { return nil }
      var bytes = bytes
      bytes[2 * 40 * 5 + 1] = 0x7F  // row 5, 40 numbers a row: an infinity or a NaN
      bytes[2 * 40 * 5] = 0x80
      return (.bfloat16, bytes)
    }
    #expect(throws: DecoderError.notFinite(file: file, name: name, row: 5)) { try LlamaDecoder(path: folder.path) }
    let whole = try Data(contentsOf: URL(fileURLWithPath: file))
    try whole.dropLast(500).write(to: URL(fileURLWithPath: file))
    let error = #expect(throws: SafetensorsError.self) { try LlamaDecoder(path: folder.path) }
    if case .outOfRange(file, _)? = error {} else { Issue.record("\(String(describing: error))") }
  }
}
