import GradusCore
import GradusTensor
import Testing

@testable import GradusModels

@Suite("A tiny BERT against transformers and PyTorch")
struct GoldenTests {
  /// The fixture's names are plain `weight` and `bias`; the other styles are the same weights under other names.
  @Test("Hidden states, whatever style the tensors are named in", arguments: ["", "bert."], [false, true])
  func hiddenStates(prefix: String, isOld: Bool) throws {
    let goldens = try Goldens.load()
    let folder = try TestFolder.tinyBert()
    try folder.rewriteWeights { tensor in
      var tensor = tensor
      if isOld, tensor.name.contains("LayerNorm") {
        tensor.name = tensor.name.replacing(".weight", with: ".gamma").replacing(".bias", with: ".beta")
      }
      if !tensor.name.hasPrefix("classifier") { tensor.name = prefix + tensor.name }
      return tensor
    }
    let encoder = try BertEncoder(folder: folder.folder)
    var batch = TokenBatch()
    for sequence in goldens.sequences { batch.append(sequence.ids, segments: sequence.segments) }
    let hidden = encoder(batch, .inference)
    #expect(hidden.shape == [66, 24])
    expectClose(hidden.floats(), goldens.sequences.flatMap { $0.hidden.flatMap { $0 } })
    for (number, sequence) in goldens.sequences.enumerated() {
      var alone = TokenBatch()
      alone.append(sequence.ids, segments: sequence.segments)
      let start = Int(batch.offsets[number])
      let together = hidden.slice(axis: 0, from: start, to: start + sequence.ids.count)
      #expect(encoder(alone, .inference).hasSameBits(as: together))
    }
  }

  @Test("Pooled vectors of texts", arguments: [Pooling.cls, .mean, .max])
  func pooling(pooling: Pooling) throws {
    let goldens = try Goldens.load()
    let folder = try TestFolder.tinyBert().keepingFolder { folder in
      let model = BiEncoder(
        encoder: try BertEncoder(folder: folder), tokenizer: try folder.tokenizer(), pooling: pooling, isNormalized: false)
      let vectors = try model.encode(goldens.texts).vectors
      expectClose(vectors.flatMap { $0 }, try #require(goldens.pooled[pooling.rawValue]).flatMap { $0 })
      return try BiEncoder(folder: folder).encode(goldens.texts).vectors
    }
    expectClose(folder.flatMap { $0 }, goldens.unitMean.flatMap { $0 }, 1e-5)
  }

  @Test("Cross-encoder logits of both heads", arguments: CrossEncoderHead.fresh)
  func crossEncoder(head: CrossEncoderHead) throws {
    let goldens = try Goldens.load()
    let folder = try TestFolder.crossEncoder(head)
    let model = try #require(try RankingModel(folder: folder.folder).scorer as? CrossEncoder)
    #expect(model.head == head)
    let expected = head == .cls ? goldens.cross.cls : goldens.cross.similarity
    let logits = try model.scores(goldens.scoringPairs, context: .inference)
    #expect(logits.shape == [expected.count])
    expectClose(logits.floats(), expected.map { Float($0) })
  }

  @Test("Conv-KNRM scores, of empty queries and documents too")
  func convKNRM() throws {
    let goldens = try Goldens.load()
    let folder = try TestFolder.convKNRM()
    let model = try RankingModel(folder: folder.folder).scorer
    let logits = try model.scores(goldens.scoringPairs, context: .inference)
    #expect(logits.shape == [goldens.pairs.count])
    expectClose(logits.floats(), goldens.convKNRM.map { Float($0) }, 1e-3)
    let empty = try model.scores([], context: .inference)
    #expect(empty.shape == [0])
    // The last pair has 8 document tokens of 9 and 2 query tokens of 4; one more of each kind is cut.
    #expect(try model.tokens(of: pair("a b c d e", "a b c d e f g h i j k")) == (13, 3))
  }
}

extension TestFolder {
  /// Runs `body` while the folder is there.
  func keepingFolder<Result>(_ body: (ModelFolder) throws -> Result) rethrows -> Result {
    try withExtendedLifetime(self) { try body(folder) }
  }
}
