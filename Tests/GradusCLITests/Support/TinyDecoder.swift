import Foundation
import GradusCore
import GradusFormats

/// A decoder of two layers with random weights, and a tokenizer of bytes that knows "yes" and "no" besides.
enum TinyDecoder {
  static let words = ["ye", "yes", "no", "\u{120}yes", "\u{120}no"]
  static let start: Int32 = 261, end: Int32 = 262
  static let positions = 256

  /// - Parameter shards: 1 for `model.safetensors`, else so many files with their index.
  static func write(to folder: TemporaryFolder, as name: String = "decoder", shards: Int = 1) throws {
    let layers = 2, width = 32, inner = 48, vocabulary = 264
    try folder.write(
      """
      {"model_type": "llama", "vocab_size": \(vocabulary), "hidden_size": \(width), "intermediate_size": \(inner),
       "num_hidden_layers": \(layers), "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
       "max_position_embeddings": \(positions), "rms_norm_eps": 1e-5, "tie_word_embeddings": true}
      """, name + "/config.json")
    var shapes: [(String, [Int])] = [("model.embed_tokens.weight", [vocabulary, width])]
    for layer in 0..<layers {
      let start = "model.layers.\(layer)."
      shapes += [
        ("input_layernorm.weight", [width]), ("self_attn.q_proj.weight", [32, width]), ("self_attn.k_proj.weight", [16, width]),
        ("self_attn.v_proj.weight", [16, width]), ("self_attn.o_proj.weight", [width, 32]),
        ("post_attention_layernorm.weight", [width]), ("mlp.gate_proj.weight", [inner, width]),
        ("mlp.up_proj.weight", [inner, width]), ("mlp.down_proj.weight", [width, inner]),
      ].map { (start + $0.0, $0.1) }
    }
    shapes.append(("model.norm.weight", [width]))
    var generator = SeededGenerator(seed: 11)
    var map: [String: String] = [:]
    for number in 0..<shards {
      let file = shards == 1 ? "model.safetensors" : "model-0000\(number + 1)-of-0000\(shards).safetensors"
      let writer = SafetensorsWriter(path: folder.path("\(name)/\(file)"))
      for (tensor, shape) in shapes[shapes.count * number / shards..<shapes.count * (number + 1) / shards] {
        let isNorm = shape.count == 1
        let values = (0..<shape.reduce(1, *)).map { _ in isNorm ? 1 : Float(generator.normal()) * 0.4 }
        writer.add(tensor, shape: shape, floats: values)
        map[tensor] = file
      }
      try writer.commit()
    }
    if shards > 1 { try writeIndex(map, to: folder, name) }
    try writeTokenizer(to: folder, name)
  }

  static func writeIndex(_ map: [String: String], to folder: TemporaryFolder, _ name: String) throws {
    try folder.write(
      Array(try JSONSerialization.data(withJSONObject: ["weight_map": map])), name + "/model.safetensors.index.json")
  }

  private static func writeTokenizer(to folder: TemporaryFolder, _ name: String) throws {
    // Bytes as GPT-2 writes them: the printable ones for themselves, the others from U+0100 on.
    var vocabulary: [String: Int] = [:]
    var next: UInt32 = 0x100
    for byte in UInt32(0)...255 {
      let isPrintable = (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE
      guard let scalar = Unicode.Scalar(isPrintable ? byte : next) else { continue }
      vocabulary[String(Character(scalar))] = Int(byte)
      if !isPrintable { next += 1 }
    }
    for (number, word) in words.enumerated() { vocabulary[word] = 256 + number }
    let tokenizer: [String: Any] = [
      "model": [
        "type": "BPE", "vocab": vocabulary, "merges": ["y e", "ye s", "n o", "\u{120} yes", "\u{120} no"],
      ] as [String: Any],
      "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": true] as [String: Any],
      "added_tokens": [(start, "<|im_start|>"), (end, "<|im_end|>")].map {
        ["id": Int($0.0), "content": $0.1, "special": true, "normalized": false] as [String: Any]
      },
    ]
    try folder.write(Array(try JSONSerialization.data(withJSONObject: tokenizer)), name + "/tokenizer.json")
    let template =
      "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
    let settings: [String: Any] = ["eos_token": "<|im_end|>", "chat_template": template]
    try folder.write(Array(try JSONSerialization.data(withJSONObject: settings)), name + "/tokenizer_config.json")
  }
}
