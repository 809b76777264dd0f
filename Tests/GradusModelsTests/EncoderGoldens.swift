import Foundation
import GradusText
import Testing

@testable import GradusModels

/// What transformers computed with the folders of `Fixtures/encoders`; see `Fixtures/README.md`.
struct EncoderGoldens: Decodable {
  struct Text: Decodable {
    let text: String
    let ids: [Int32]
    /// Tokens whose vectors are in `hidden`.
    let positions: [Int]
    let hidden: [[Float]]
    let mean: [Float]
  }

  struct Pair: Decodable {
    let query: String
    let document: String
    let ids: [Int32]
    let types: [Int32]
  }

  let texts: [Text]
  let pairs: [Pair]
  /// One or two numbers a pair.
  let logits: [[Float]]

  var scoringPairs: [ScoringPair] { pairs.enumerated().map { pair($1.query, $1.document, number: $0) } }
  /// The second of two labels means relevant.
  var scores: [Float] { logits.map { $0.count == 2 ? $0[1] - $0[0] : $0[0] } }

  static let families = EncoderFamily.allCases.map(\.rawValue)

  static func load(_ family: String) throws -> EncoderGoldens {
    struct All: Decodable {
      let one: EncoderGoldens
      init(from decoder: any Decoder) throws {
        let key = decoder.userInfo[.family] as? String ?? ""
        one = try decoder.container(keyedBy: BertConfiguration.Key.self).decode(EncoderGoldens.self, forKey: .init(key))
      }
    }
    let decoder = JSONDecoder()
    decoder.userInfo[.family] = family
    return try decoder.decode(All.self, from: Data(contentsOf: URL(fileURLWithPath: fixture("encoders/expected.json")))).one
  }

  /// The texts of one model as a batch of sequences of different lengths.
  func batch(_ tokenizer: any InputTokenizer, limit: Int) throws -> TokenBatch {
    var batch = TokenBatch()
    for text in texts { batch.append(try tokenizer.inputs(text.text, limits: TokenLimits(maximumTokens: limit))[0]) }
    return batch
  }

  /// Compares hidden states `[tokens * width]` of ``batch(_:limit:)``.
  func expect(_ hidden: [Float], _ batch: TokenBatch, _ tolerance: Float, location: SourceLocation = #_sourceLocation) {
    let width = texts[0].mean.count
    #expect(hidden.count == batch.tokenCount * width, sourceLocation: location)
    guard hidden.count == batch.tokenCount * width else { return }
    for (number, text) in texts.enumerated() {
      let first = Int(batch.offsets[number]), count = Int(batch.offsets[number + 1]) - first
      for (position, reference) in zip(text.positions, text.hidden) {
        let start = (first + position) * width
        expectClose(Array(hidden[start..<start + width]), reference, tolerance, "'\(text.text)' \(position)", location: location)
      }
      let mean = (0..<width).map { column in
        (0..<count).reduce(Float(0)) { $0 + hidden[(first + $1) * width + column] } / Float(count)
      }
      expectClose(mean, text.mean, tolerance, "mean of '\(text.text)'", location: location)
    }
  }
}

extension CodingUserInfoKey {
  fileprivate static let family = CodingUserInfoKey(rawValue: "family")!
}

extension TestFolder {
  /// A copy of a folder of the fixtures, to be spoilt.
  static func copy(_ name: String) throws -> TestFolder {
    let result = try TestFolder()
    for file in try FileManager.default.contentsOfDirectory(atPath: fixture(name)) {
      try FileManager.default.copyItem(atPath: fixture(name + "/" + file), toPath: result.file(file))
    }
    return result
  }
}
