import CGradusKernels
import Foundation
import GradusTensor
import GradusText
import Testing

@testable import GradusModels

@Suite("ColBERT checkpoints against their rules in PyTorch")
struct ColBERTTests {
  private struct Expected: Decodable {
    struct Reading: Decodable {
      /// By text, one row a token.
      let queries: [[[Float]]]
      let documents: [[[Float]]]
      /// By query and document.
      let scores: [[Float]]
    }

    struct Sequence: Decodable {
      let ids: [Int32]
      let attended: Int
      let positions: [Int]
      let hidden: [[Float]]
    }

    let queryTexts: [String]
    let documentTexts: [String]
    let stanford: [String: Reading]
    let pylate: [String: Reading]
    let attended: [String: [Sequence]]

    static func load() throws -> Expected {
      try JSONDecoder().decode(Expected.self, from: Data(contentsOf: URL(fileURLWithPath: fixture("colbert/expected.json"))))
    }
  }

  private static let metadata = "artifact.metadata", settings = "config_sentence_transformers.json"

  /// Vectors of 12 numbers, each with four zeros behind them.
  private func expect(
    _ encoder: LateInteractionEncoder, _ expected: Expected, _ reading: Expected.Reading, _ name: String
  ) throws {
    #expect(encoder.isColBERT && encoder.dimension == 16)
    func rows(_ texts: [String], _ role: LateInteractionEncoder.Role, _ known: [[[Float]]]) throws -> [[[Float]]] {
      let found = try encoder.encode(texts, as: role, maximumTokens: 24).vectors
      return zip(found, known).enumerated().map { number, pair in
        let (vectors, rows) = pair
        #expect(vectors.count == 16 * rows.count, "\(name): \(role) \(number)")
        expectClose(vectors, rows.flatMap { $0 + [0, 0, 0, 0] }, 1e-5, "\(name): \(role) \(number)")
        return stride(from: 0, to: vectors.count, by: 16).map { Array(vectors[$0..<$0 + 16]) }
      }
    }
    let queries = try rows(expected.queryTexts, .query, reading.queries)
    let documents = try rows(expected.documentTexts, .document, reading.documents)
    for (query, known) in zip(queries, reading.scores) {
      let scores = documents.map { document in
        query.reduce(Float(0)) { sum, q in sum + (document.map { zip(q, $0).reduce(0) { $0 + $1.0 * $1.1 } }.max() ?? 0) }
      }
      expectClose(scores, known, 1e-4, "\(name): MaxSim")
    }
  }

  @Test("The layout of stanford-futuredata: markers, [MASK], skip list and projection")
  func stanford() throws {
    let expected = try Expected.load()
    let changes: [(String, String, Any)] = [
      ("standard", "dim", 12), ("attended", "attend_to_mask_tokens", true), ("punctuation", "mask_punctuation", false),
    ]
    for (name, key, value) in changes {
      let folder = try TestFolder.copy("colbert/stanford")
      try folder.set(Self.metadata, key, value)
      let encoder = try LateInteractionEncoder(folder: folder.folder), reading = try #require(expected.stanford[name])
      try expect(encoder, expected, reading, name)
      try expect(encoder.prepared(for: .fp32), expected, reading, name + ", fused")
    }
  }

  @Test("PyLate's layout: prefixes, several dense layers with residuals, expansion or none")
  func pyLate() throws {
    let expected = try Expected.load()
    let changes: [(String, [String: Any])] = [
      ("standard", [:]), ("attended", ["attend_to_expansion_tokens": true]), ("plain", ["do_query_expansion": false]),
      ("unmarked", ["query_prefix": "", "document_prefix": ""]),
    ]
    for (name, entries) in changes {
      let folder = try TestFolder.copy("colbert/pylate")
      for (key, value) in entries { try folder.set(Self.settings, key, value) }
      let encoder = try LateInteractionEncoder(folder: folder.folder), reading = try #require(expected.pylate[name])
      try expect(encoder, expected, reading, name)
      try expect(encoder.prepared(for: .fp32), expected, reading, name + ", fused")
    }
  }

  @Test("Tokens that nobody attends to read the others, in every family and build of the kernels")
  func attended() throws {
    for (family, sequences) in try Expected.load().attended {
      let encoder = try BertEncoder(folder: ModelFolder(path: try fixture("encoders/" + family)))
      var batch = TokenBatch()
      for sequence in sequences { batch.append(sequence.ids, attended: sequence.attended) }
      func check(_ hidden: [Float], _ tolerance: Float, _ name: String) {
        for (number, sequence) in sequences.enumerated() {
          for (place, row) in zip(sequence.positions, sequence.hidden) {
            let first = (Int(batch.offsets[number]) + place) * row.count
            expectClose(Array(hidden[first..<first + row.count]), row, tolerance, "\(family), \(name), \(number) at \(place)")
          }
        }
      }
      check(withoutGradients { encoder(batch, .inference) }.floats(), 1e-5, "tensors")
      for number in 0...grd_encoder_strongest_level().rawValue {
        let level = grd_encoder_level(rawValue: number)
        check(try FusedBertEncoder(encoder, precision: .fp32, level: level).hidden(batch), 1e-5, "level \(number)")
      }
      check(try FusedBertEncoder(encoder, precision: .bf16).hidden(batch), 0.2, "bf16")
      // The others' vectors are those that they have without the rest, to the bit.
      let fused = try FusedBertEncoder(encoder, precision: .fp32), width = encoder.configuration.hiddenSize
      let together = try fused.hidden(batch)
      for (number, sequence) in sequences.enumerated() {
        var alone = TokenBatch()
        alone.append(Array(sequence.ids[..<sequence.attended]))
        let first = Int(batch.offsets[number]) * width
        #expect(try fused.hidden(alone) == Array(together[first..<first + sequence.attended * width]))
      }
    }
  }

  @Test("A limit is that of documents; what was cut is counted")
  func limits() throws {
    let folder = ModelFolder(path: try fixture("colbert/stanford"))
    #expect(try LateInteractionEncoder(folder: folder).limits.maximumTokens == 14)
    let encoder = try LateInteractionEncoder(folder: folder, limits: TokenLimits(maximumTokens: 6))
    let text = "the cat rank the cat"
    let document = try encoder.read([text], as: .document)[0], query = try encoder.read([text], as: .query)[0]
    // [CLS] [D] the cat rank [SEP]; [CLS] [Q] the cat rank the cat [SEP] [MASK] [MASK].
    #expect(document.ids.count == 6 && document.ids[1] == 2 && document.truncatedTokens == 2)
    #expect(query.ids.count == 10 && query.ids[1] == 1 && query.ids.suffix(3) == [5, 6, 6] && query.truncatedTokens == 0)
    #expect(try encoder.encode([text], as: .document).vectors[0].count == 6 * 16)
    #expect(throws: ModelError.positions(asked: 41, limit: 40)) {
      try LateInteractionEncoder(folder: folder, limits: TokenLimits(maximumTokens: 41))
    }
    let strict = try LateInteractionEncoder(folder: folder, limits: TokenLimits(maximumTokens: 6, policy: .error))
    #expect(throws: TokenizerError.self) { try strict.read([text], as: .document) }
    #expect(throws: ModelError.windowsOfBiEncoder) {
      try LateInteractionEncoder(folder: folder, limits: TokenLimits(maximumTokens: 6, policy: .window))
    }
  }

  @Test("Weights of all parts name the model; other encoders stay what they were")
  func fingerprint() throws {
    let stanford = try LateInteractionEncoder(folder: ModelFolder(path: try fixture("colbert/stanford")))
    let pyLate = try LateInteractionEncoder(folder: ModelFolder(path: try fixture("colbert/pylate")))
    #expect(stanford.weightFiles == ["model.safetensors"])
    #expect(pyLate.weightFiles == ["model.safetensors", "1_Dense/model.safetensors", "2_Dense/model.safetensors"])
    #expect(stanford.settings == "ColBERT of 12 numbers, document marker 2, 7 tokens skipped")
    #expect(pyLate.settings != stanford.settings)
    let plain = try LateInteractionEncoder(folder: ModelFolder(path: try fixture("encoders/sentence")))
    #expect(!plain.isColBERT && plain.settings == "token vectors, unit length" && plain.weightFiles == ["model.safetensors"])
  }

  private func reason(_ layout: String, _ change: (TestFolder) throws -> Void) throws -> String {
    let folder = try TestFolder.copy("colbert/" + layout)
    try change(folder)
    do {
      _ = try LateInteractionEncoder(folder: folder.folder)
      return ""
    } catch ModelError.configuration(_, let reason) { return reason }
  }

  @Test("Widths, markers and measures that do not fit are refused by name")
  func contradictions() throws {
    #expect(try reason("stanford") { try $0.set(Self.metadata, "dim", nil) }.contains("dim is 128"))
    #expect(try reason("stanford") { try $0.set(Self.metadata, "dim", 13) }.contains("[12, 16]"))
    #expect(try reason("stanford") { try $0.set(Self.metadata, "query_token_id", "[Q]") }.contains("'[Q]'"))
    #expect(try reason("stanford") { try $0.set(Self.metadata, "interaction", "flipr") }.contains("flipr"))
    #expect(try reason("stanford") { try $0.set(Self.metadata, "similarity", "dot") }.contains("'dot'"))
    #expect(try reason("stanford") { try $0.set(Self.metadata, "query_maxlen", 3) }.contains("3 tokens"))
    #expect(try reason("stanford") { try $0.set(Self.metadata, "query_maxlen", "ten") }.contains("query_maxlen"))
    #expect(try reason("stanford") { try $0.remove(Self.metadata) }.contains("artifact.metadata"))
    #expect(try reason("pylate") { try $0.set(Self.settings, "document_prefix", "[E] ") }.contains("'[E] '"))
    #expect(try reason("pylate") { try $0.set(Self.settings, "similarity_fn_name", "manhattan") }.contains("manhattan"))
    #expect(try reason("pylate") { try $0.set(Self.settings, "similarity_fn_name", "cosine") }.isEmpty)
    #expect(try reason("pylate") { try $0.set("1_Dense/config.json", "in_features", 17) }.contains("vectors of 16"))
    #expect(try reason("pylate") { try $0.set("2_Dense/config.json", "in_features", 16) }.contains("vectors of 20"))
    #expect(throws: ModelError.positions(asked: 41, limit: 40)) {
      try reason("stanford") { try $0.set(Self.metadata, "doc_maxlen", 41) }
    }
    let stanford = try TestFolder.copy("colbert/stanford")
    try stanford.rewriteWeights { $0.name == "linear.weight" ? nil : $0 }
    #expect(throws: ModelError.missingTensor(file: stanford.file("model.safetensors"), name: "linear.weight")) {
      try LateInteractionEncoder(folder: stanford.folder)
    }
    let pyLate = try TestFolder.copy("colbert/pylate")
    try pyLate.set("2_Dense/config.json", "use_residual", true)
    #expect(throws: ModelError.missingTensor(file: pyLate.file("2_Dense/model.safetensors"), name: "residual.weight")) {
      try LateInteractionEncoder(folder: pyLate.folder)
    }
  }

  @Test("A ColBERT makes no vector of a text", arguments: ["stanford", "pylate"])
  func sentences(layout: String) throws {
    let folder = ModelFolder(path: try fixture("colbert/" + layout))
    #expect(throws: ModelError.tokenVectorsOnly(folder: folder.path)) { try BiEncoder(folder: folder) }
  }
}
