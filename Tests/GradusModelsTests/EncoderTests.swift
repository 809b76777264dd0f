import GradusCore
import GradusModels
import GradusTensor
import GradusText
import Testing

@Suite struct PretrainedEncoderTests {
  @Test(
    "MiniLM gives the vectors that sentence-transformers gives",
    .enabled(if: ReferenceModels.folder("minilm-l6") != nil, Comment(rawValue: ReferenceModels.notice)))
  func miniLM() throws {
    let model = try BiEncoder(folder: try #require(ReferenceModels.folder("minilm-l6")))
    let vectors = try model.encode(["This is an example sentence", "Each sentence is converted"]).vectors
    let expected: [Float] = [0.06765679, 0.06349591, 0.04871308, 0.07930499, 0.037448]
    for (value, reference) in zip(vectors[0], expected) { #expect(abs(value - reference) < 1e-4) }
    let cosine = zip(vectors[0], vectors[1]).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    #expect(abs(cosine - 0.404559) < 1e-4)
  }

  @Test(
    "A text's vector does not depend on its batch mates, nor on the number of threads",
    .enabled(if: ReferenceModels.folder("minilm-l6") != nil, Comment(rawValue: ReferenceModels.notice)))
  func batchInvariance() throws {
    let model = try BiEncoder(folder: try #require(ReferenceModels.folder("minilm-l6")))
    let texts = (0..<9).map { number in String(repeating: "ranking passages number \(number) ", count: 1 + number * number) }
    let together = try model.encode(texts).vectors
    for budget in [1, 64, 700] { #expect(try model.encode(texts, maximumTokens: budget).vectors == together) }
    let limit = WorkerPool.shared.threadLimit
    defer { WorkerPool.shared.threadLimit = limit }
    WorkerPool.shared.threadLimit = 1
    #expect(try model.encode(texts).vectors == together)
  }
}

@Suite struct BatchPlanTests {
  @Test("Every sequence is in exactly one batch, batches keep the budget, long ones stand alone")
  func plan() {
    let lengths = [5, 120, 7, 7, 300, 1, 64, 64]
    let plan = BatchPlan(lengths: lengths, maximumTokens: 128, maximumSequences: 3)
    #expect(plan.batches.flatMap { $0 }.sorted() == Array(lengths.indices))
    for batch in plan.batches {
      #expect(batch.count <= 3)
      #expect(batch.count == 1 || batch.reduce(0) { $0 + lengths[$1] } <= 128)
    }
    #expect(plan.batches[0] == [4])
    #expect(BatchPlan(lengths: []).batches.isEmpty)
  }
}

@Suite struct TokenBatchTests {
  @Test("Segments split each sequence into query and document")
  func segmentOffsets() {
    var batch = TokenBatch()
    batch.append([101, 5, 102, 6, 7, 102], segments: [0, 0, 0, 1, 1, 1])
    batch.append([101, 102])
    #expect(batch.offsets == [0, 6, 8])
    #expect(batch.segmentOffsets == [0, 3, 6, 8, 8])
    #expect(batch.positions == [0, 1, 2, 3, 4, 5, 0, 1])
    #expect(batch.firstTokens == [0, 6])
    #expect(batch.longestSequence == 6)
  }
}
