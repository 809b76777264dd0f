import CGradusKernels
import Gradus

extension KernelCase {
  /// Blocks of 128 postings: gaps of about 30, frequencies of 1 to 4.
  static var postings: [KernelCase] { [decoding, contributions, topK] }

  private static let count = 128

  private static func block(_ memory: KernelMemory) -> (docs: UnsafeMutablePointer<UInt32>, tfs: UnsafeMutablePointer<UInt32>) {
    var generator = SeededGenerator(seed: 3)
    let docs = memory.array(UInt32.self, count), tfs = memory.array(UInt32.self, count)
    var doc: UInt32 = 0
    for number in 0..<count {
      doc += 1 + UInt32(generator.integer(below: 60))
      docs[number] = doc
      tfs[number] = 1 + UInt32(generator.integer(below: 4))
    }
    return (docs, tfs)
  }

  private static var decoding: KernelCase {
    KernelCase(
      name: "postings: decode a block", shape: "\(count) postings", arithmetic: nil, operations: 0, bytes: count * 9
    ) {
      let memory = KernelMemory()
      let (docs, tfs) = block(memory)
      let bytes = memory.array(UInt8.self, 2 * Int(GRD_BLOCK_BYTES))
      let size = grd_encode_block(docs, tfs, count, UInt32.max, bytes) + 64
      let last = docs[count - 1]
      let decodedDocs = memory.array(UInt32.self, count), decodedTfs = memory.array(UInt32.self, count)
      return KernelCall(memory) { _ in
        _ = grd_decode_block(bytes, size, count, UInt32.max, last, decodedDocs, decodedTfs)
      }
    }
  }

  /// Operations: two multiplications, two additions, a division for a posting.
  private static var contributions: KernelCase {
    KernelCase(
      name: "postings: BM25 of a block", shape: "\(count) postings", arithmetic: nil, operations: 5 * count, bytes: count * 20
    ) {
      let memory = KernelMemory()
      let (docs, tfs) = block(memory)
      let lengths = memory.array(UInt32.self, 64 * count)
      for number in 0..<64 * count { lengths[number] = UInt32(20 + number % 100) }
      let scorer = memory.array(grd_scorer.self, 1)
      var bm25 = grd_scorer()
      bm25.formula = GRD_BM25
      bm25.base = 0.54
      bm25.slope = 0.006
      bm25.lengths = UnsafePointer(lengths)
      bm25.documents = UInt32(64 * count)
      scorer[0] = bm25
      let out = memory.array(Double.self, count)
      return KernelCall(memory) { _ in grd_bm25_contributions(scorer, 3.5, docs, tfs, count, out) }
    }
  }

  private static var topK: KernelCase {
    let documents = 4096, k = 100
    return KernelCase(
      name: "top-k of scores", shape: "\(documents) scores, k \(k)", arithmetic: nil, operations: 0, bytes: documents * 12
    ) {
      let memory = KernelMemory()
      let scores = memory.array(Double.self, documents), offsets = memory.array(UInt32.self, documents)
      let ranks = memory.array(UInt32.self, documents), capacity = 2 * k
      let hits = memory.array(grd_hit.self, capacity + documents), spare = memory.array(grd_hit.self, capacity + documents)
      var generator = SeededGenerator(seed: 4)
      for number in 0..<documents {
        scores[number] = 1 + generator.uniform()
        offsets[number] = UInt32(number)
        ranks[number] = UInt32(number)
      }
      return KernelCall(memory) { _ in
        var top = grd_topk(
          hits: hits, spare: spare, count: 0, capacity: capacity + documents, k: k, minimum: .leastNonzeroMagnitude)
        grd_topk_push(&top, 0, offsets, scores, documents, ranks)
        grd_topk_settle(&top)
        grd_hits_sort(top.hits, top.spare, top.count)
      }
    }
  }
}
