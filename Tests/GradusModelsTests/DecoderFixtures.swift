import Foundation
import GradusCore
import GradusModels
import GradusTestSupport

/// The tiny decoders and what transformers computes with them; SmolLM2 where it is installed.
struct DecoderFixtures: Decodable {
  struct Expected: Decodable {
    let tokens: [Int32]
    let logits: [String: [Float]]
    let hidden: [Float]
    let attention: [Float]
  }

  let models: [String: Expected]

  static let names = ["llama", "llama-scaled", "llama-linear", "mistral", "qwen2", "qwen3"]
  static let folder = Bundle.module.bundlePath + "/Fixtures/decoders/"

  static func load() throws -> DecoderFixtures {
    try JSONDecoder().decode(DecoderFixtures.self, from: Data(contentsOf: URL(fileURLWithPath: folder + "expected.json")))
  }

  static func decoder(_ name: String) throws -> LlamaDecoder { try LlamaDecoder(path: folder + name) }

  static func tokens(_ count: Int, seed: UInt64 = 3, below vocabulary: Int = 61) -> [Int32] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Int32(generator.integer(below: vocabulary)) }
  }

  static let smolLMNotice = "needs SmolLM2: run 'gradus models pull smollm2-135m' or set GRADUS_TEST_GGUF to its file"

  static let smolLM: String? = {
    let given = ProcessInfo.processInfo.environment["GRADUS_TEST_GGUF"]
    if let given, FileManager.default.fileExists(atPath: given) { return given }
    let file = "SmolLM2-135M-Instruct.Q4_1.gguf"
    return InstalledModels.folder("smollm2-135m", with: file).map { $0 + "/" + file }
  }()
}

func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }
