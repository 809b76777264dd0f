import Foundation
import GradusCore
import GradusFormats
import GradusTensor
import GradusText
import Testing

@testable import GradusModels

/// What the reference programs computed; see `Fixtures/README.md`.
struct Goldens: Decodable {
  struct Sequence: Decodable {
    let ids: [Int32]
    let segments: [Int32]
    /// One vector a token.
    let hidden: [[Float]]
  }

  struct Cross: Decodable {
    let cls: [Double]
    let similarity: [Double]
  }

  let sequences: [Sequence]
  let texts: [String]
  /// One vector a text, by pooling.
  let pooled: [String: [[Float]]]
  let unitMean: [[Float]]
  let pairs: [[String]]
  let cross: Cross
  let convKNRM: [Double]

  static func load() throws -> Goldens {
    try JSONDecoder().decode(Goldens.self, from: Data(contentsOf: URL(fileURLWithPath: fixture("goldens.json"))))
  }

  var scoringPairs: [ScoringPair] { pairs.enumerated().map { pair($1[0], $1[1], number: $0) } }
}

func fixture(_ name: String) throws -> String { try #require(Bundle.module.resourcePath) + "/Fixtures/" + name }

func pair(_ query: String, _ document: String, number: Int = 0) -> ScoringPair {
  ScoringPair(query: Query(qid: "q\(number)", text: query), document: Document(docno: "d\(number)", text: document))
}

/// Where arrays differ, `#expect(a == b)` looks for the shortest way from one to the other, which takes minutes for thousands of
/// numbers; and a NaN differs from itself.
func haveSameBits(_ a: [Float], _ b: [Float]) -> Bool {
  a.count == b.count && zip(a, b).allSatisfy { $0.bitPattern == $1.bitPattern }
}

/// A model folder that a test may spoil; removed with everything in it.
final class TestFolder {
  let path: String
  var folder: ModelFolder { ModelFolder(path: path) }

  init() throws {
    path = NSTemporaryDirectory() + "gradus-models-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The tiny BERT of the fixtures.
  static func tinyBert() throws -> TestFolder {
    let result = try TestFolder()
    for name in ["config.json", "model.safetensors", "vocab.txt"] {
      try FileManager.default.copyItem(atPath: fixture("tiny-bert/" + name), toPath: result.file(name))
    }
    return result
  }

  /// The tiny BERT as a saved cross-encoder.
  static func crossEncoder(
    _ head: CrossEncoderHead = .cls, limits: TokenLimits = TokenLimits(maximumTokens: 40)
  ) throws -> TestFolder {
    let result = try tinyBert()
    var manifest = ModelManifest(architecture: .crossEncoder, base: "tiny-bert", baseDigest: "", seed: 1)
    manifest.head = head
    manifest.maximumTokens = limits.maximumTokens
    manifest.maximumQueryTokens = limits.maximumQueryTokens
    manifest.truncation = limits.policy
    manifest.windowStride = limits.windowStride
    try manifest.write(to: result.path)
    return result
  }

  /// The tiny Conv-KNRM of the fixtures as a saved model.
  static func convKNRM() throws -> TestFolder {
    let result = try TestFolder()
    try FileManager.default.copyItem(atPath: fixture("tiny-conv-knrm.safetensors"), toPath: result.file("model.safetensors"))
    try FileManager.default.copyItem(atPath: fixture("tiny-bert/vocab.txt"), toPath: result.file("vocab.txt"))
    var manifest = ModelManifest(architecture: .convKNRM, base: "tiny-bert", baseDigest: "", seed: 1)
    var options = ConvKNRM.Options()
    options.filters = 5
    options.queryTokens = 4
    options.documentTokens = 9
    manifest.convKNRM = options
    try manifest.write(to: result.path)
    return result
  }

  func file(_ name: String) -> String { path + "/" + name }

  func write(_ name: String, _ text: String) throws {
    let url = URL(fileURLWithPath: file(name))
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }

  func text(_ name: String) throws -> String { try String(contentsOfFile: file(name), encoding: .utf8) }

  func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: file(name)) }

  /// Changes one entry of a JSON object, or takes it away.
  func set(_ name: String, _ key: String, _ value: Any?) throws {
    let url = URL(fileURLWithPath: file(name))
    var object = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
    object[key] = value
    try JSONSerialization.data(withJSONObject: object).write(to: url)
  }

  /// Writes the weights again, each tensor as `change` gives it back; nil leaves it out.
  func rewriteWeights(_ change: (NamedFloats) -> NamedFloats?) throws {
    let source = try SafetensorsFile(path: file("model.safetensors"))
    let writer = SafetensorsWriter(path: file("model.safetensors"))
    for tensor in source.tensors {
      let old = NamedFloats(name: tensor.name, shape: tensor.shape, values: try source.floats(tensor.name))
      if let new = change(old) { writer.add(new.name, shape: new.shape, floats: new.values) }
    }
    try writer.commit()
  }
}

struct NamedFloats {
  var name: String
  var shape: [Int]
  var values: [Float]
}

func expectClose(
  _ found: [Float], _ expected: [Float], _ tolerance: Float = 1e-4, _ name: String = "",
  location: SourceLocation = #_sourceLocation
) {
  #expect(found.count == expected.count, sourceLocation: location)
  for (position, (value, reference)) in zip(found, expected).enumerated() where !(abs(value - reference) <= tolerance) {
    Issue.record("\(name) element \(position): \(value), expected \(reference)", sourceLocation: location)
    return
  }
}
