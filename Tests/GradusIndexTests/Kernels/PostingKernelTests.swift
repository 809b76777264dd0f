import CGradusKernels
import GradusCore
import Testing

@Suite("Posting kernels agree with their scalar twins")
struct PostingKernelTests {
  @Test("CRC-32C of the check string and of all lengths up to 300")
  func checksum() {
    #expect(grd_crc32c(0, Array("123456789".utf8), 9) == 0xE306_9283)
    #expect(grd_crc32c_scalar(0, Array("123456789".utf8), 9) == 0xE306_9283)
    var generator = SeededGenerator(seed: 1)
    let bytes = (0..<300).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    for count in 0...bytes.count {
      let whole = grd_crc32c(0, bytes, count)
      #expect(whole == grd_crc32c_scalar(0, bytes, count))
      // In two parts.
      let part = count / 3
      let rest = bytes[part..<count].withUnsafeBufferPointer { grd_crc32c(grd_crc32c(0, bytes, part), $0.baseAddress, $0.count) }
      #expect(rest == whole)
    }
  }

  @Test("Packing gives back all values of every width and count", arguments: 0...32)
  func packing(bits: Int) {
    var generator = SeededGenerator(seed: UInt64(bits))
    let mask = UInt32(truncatingIfNeeded: (UInt64(1) << UInt64(bits)) - 1)
    for count in 1...128 {
      let values = (0..<count).map { _ in UInt32(truncatingIfNeeded: generator.next()) & mask }
      var packed = [UInt8](repeating: 0xA5, count: 128 * 4 + 8 + 64)
      let length = grd_pack_u32(values, count, UInt32(bits), &packed)
      #expect(length == (count * bits + 7) / 8)
      // What follows must not matter.
      for place in length..<packed.count { packed[place] = UInt8(truncatingIfNeeded: generator.next()) }
      var vector = [UInt32](repeating: 7, count: 128)
      var scalar = [UInt32](repeating: 7, count: 128)
      grd_unpack_u32(packed, count, UInt32(bits), &vector)
      grd_unpack_u32_scalar(packed, count, UInt32(bits), &scalar)
      #expect(Array(vector[..<count]) == values)
      #expect(Array(scalar[..<count]) == values)
      grd_gaps_to_docs(&vector, count, 0xFFFF_FFF0)
      grd_gaps_to_docs_scalar(&scalar, count, 0xFFFF_FFF0)
      #expect(vector[..<count] == scalar[..<count])
    }
  }

  @Test("Blocks of every count come back, at the start of a list and within")
  func blocks() {
    var generator = SeededGenerator(seed: 3)
    for count in 1...128 {
      for widest in [1, 2, 300, 1 << 20] {
        var previous: UInt32 = count % 2 == 0 ? .max : 1000
        let before = previous
        var docs: [UInt32] = []
        for _ in 0..<count {
          // Now and then a gap that is wider than the others.
          let jump = generator.integer(below: 25) == 0 ? 40 * widest : 0
          previous = previous &+ 1 &+ UInt32(generator.integer(below: widest) + jump)
          docs.append(previous)
        }
        let tfs = (0..<count).map { _ in UInt32(1 + generator.integer(below: widest)) }
        var encoded = [UInt8](repeating: 0, count: Int(GRD_BLOCK_BYTES) + Int(GRD_SLACK))
        let length = grd_encode_block(docs, tfs, count, before, &encoded)
        var foundDocs = [UInt32](repeating: 0, count: 128)
        var foundTfs = [UInt32](repeating: 0, count: 128)
        let last = docs[count - 1]
        let available = length + Int(GRD_SLACK)
        #expect(grd_decode_block(encoded, available, count, before, last, &foundDocs, &foundTfs) == length)
        #expect(Array(foundDocs[..<count]) == docs)
        #expect(Array(foundTfs[..<count]) == tfs)
        #expect(grd_decode_block(encoded, available - 1, count, before, last, &foundDocs, &foundTfs) == 0)
        #expect(grd_decode_block(encoded, available, count, before, last + 1, &foundDocs, &foundTfs) == 0)
      }
    }
  }

  @Test("A block of garbage never decodes to documents out of order or range")
  func garbage() {
    var generator = SeededGenerator(seed: 4)
    var accepted = 0
    for round in 0..<20_000 {
      var bytes = (0..<1200).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
      // Heads of all four forms; most of one width, of which more pass.
      let forms: [UInt8] = [0, 0, 0, 0, 0, 64, 128, 192]
      bytes[0] = UInt8(generator.integer(below: 40)) | forms[round / 2 % 8]
      bytes[1] = UInt8(generator.integer(below: 40)) | forms[round / 16 % 8]
      var docs = [UInt32](repeating: 0, count: 128)
      var tfs = [UInt32](repeating: 0, count: 128)
      let count = 1 + generator.integer(below: 128)
      // The true last document where it can be told, so that some blocks pass.
      var gaps = [UInt32](repeating: 0, count: 128)
      var last = UInt32(generator.integer(below: 1 << 31))
      var bits: UInt32 = 0
      if round % 2 == 0,
        grd_decode_values_scalar(bytes[0], Array(bytes[2...]), bytes.count - 2, count, &gaps, &bits) >= 0 {
        grd_gaps_to_docs_scalar(&gaps, count, .max)
        last = gaps[count - 1] & 0x7FFF_FFFF
      }
      guard grd_decode_block(bytes, bytes.count, count, .max, last, &docs, &tfs) != 0 else { continue }
      accepted += 1
      #expect(docs[count - 1] == last)
      #expect(zip(docs[..<count], docs[1..<max(1, count)]).allSatisfy { $0 < $1 })
    }
    #expect(accepted > 100)
  }

  @Test("Contributions and the read-out of scores have the same bits in both versions")
  func scoring() {
    var generator = SeededGenerator(seed: 5)
    let lengths = (0..<1000).map { _ in UInt32(generator.integer(below: 5000)) }
    for count in [0, 1, 7, 8, 9, 16, 127, 128] {
      let docs = (0..<count).map { _ in UInt32(generator.integer(below: lengths.count)) }
      let tfs = (0..<count).map { _ in UInt32(1 + generator.integer(below: 100)) }
      var vector = [Double](repeating: 0, count: 128)
      var scalar = vector
      lengths.withUnsafeBufferPointer { lengths in
        var scorer = grd_scorer()
        scorer.base = 0.9 * 0.6
        scorer.slope = 0.36 / 156.7
        scorer.lengths = lengths.baseAddress
        scorer.documents = UInt32(lengths.count)
        grd_bm25_contributions(&scorer, 3.7, docs, tfs, count, &vector)
        grd_bm25_contributions_scalar(&scorer, 3.7, docs, tfs, count, &scalar)
      }
      #expect(vector == scalar)
    }
    for count in [0, 1, 7, 8, 9, 100, 1023] {
      let scores = (0..<count).map { _ in generator.uniform() < 0.5 ? 0 : generator.uniform() }
      for minimum in [.leastNonzeroMagnitude, 0.5, 2] {
        var left = scores, right = scores
        var offsets = [[UInt32]](repeating: [UInt32](repeating: 0, count: count + 8), count: 2)
        var values = [[Double]](repeating: [Double](repeating: 0, count: count + 8), count: 2)
        let found = grd_take_scores(&left, count, minimum, &offsets[0], &values[0])
        #expect(grd_take_scores_scalar(&right, count, minimum, &offsets[1], &values[1]) == found)
        #expect(offsets[0][..<found] == offsets[1][..<found])
        #expect(values[0][..<found] == values[1][..<found])
        #expect(values[0][..<found].elementsEqual(scores.filter { $0 >= minimum }))
        #expect(left.allSatisfy { $0 == 0 } && right.allSatisfy { $0 == 0 })
      }
    }
  }

  @Test("Bounds of a block hold for each of its postings")
  func impacts() {
    var generator = SeededGenerator(seed: 6)
    for round in 0..<300 {
      let count = 1 + generator.integer(below: 128)
      let scale = round % 3 == 0 ? 100_000 : 50
      let lengths = (0..<count).map { _ in UInt32(generator.integer(below: scale)) }
      let docs = (0..<count).map { UInt32($0) }
      let tfs = (0..<count).map { _ in UInt32(1 + generator.integer(below: scale)) }
      var impacts = [grd_impact](repeating: grd_impact(), count: 4)
      grd_block_impacts(docs, tfs, count, lengths, &impacts)
      let pairs = impacts.filter { $0.tf > 0 }
      for (tf, length) in zip(tfs, lengths) {
        #expect(pairs.contains { ($0.tf == .max || UInt32($0.tf) >= tf) && UInt32($0.length) <= length })
      }
    }
  }
}

@Suite("Selection of the k best")
struct TopKTests {
  private static func precedes(_ first: grd_hit, _ second: grd_hit) -> Bool {
    first.score != second.score ? first.score > second.score : first.rank > second.rank
  }

  private func check(_ scores: [Double], k: Int, _ name: String) {
    let count = scores.count
    var generator = SeededGenerator(seed: 9)
    let ranks = generator.permutation(count).map { UInt32($0) }
    let offsets = (0..<count).map { UInt32($0) }
    let expected = (0..<count).map { grd_hit(doc: UInt32($0), rank: ranks[$0], score: scores[$0]) }
      .sorted(by: Self.precedes).prefix(k)
    let capacity = k + 70
    var hits = [grd_hit](repeating: grd_hit(), count: capacity)
    var spare = hits
    hits.withUnsafeMutableBufferPointer { hits in
      spare.withUnsafeMutableBufferPointer { spare in
        guard let base = hits.baseAddress, let second = spare.baseAddress else { return }
        var top = grd_topk(
          hits: base, spare: second, count: 0, capacity: capacity, k: k, minimum: -.infinity)
        grd_topk_push(&top, 0, offsets, scores, count, ranks)
        grd_topk_settle(&top)
        grd_hits_sort(base, second, top.count)
        #expect(hits[..<top.count].map(\.doc) == expected.map(\.doc), "\(name), k \(k), \(count) scores")
      }
    }
  }

  @Test("The same as sorting everything", arguments: [1, 2, 10, 63, 100, 1000])
  func selection(k: Int) {
    var generator = SeededGenerator(seed: UInt64(k))
    for count in [1, 5, 64, 65, 333, 3000] {
      check((0..<count).map { _ in 20 * generator.uniform() + 0.01 }, k: k, "uniform")
      check((0..<count).map { _ in 3 * generator.uniform() - 2 }, k: k, "both signs")
      check((0..<count).map { _ in Double(generator.integer(below: 3)) - 2 }, k: k, "zeros and negative ties")
      check((0..<count).map { _ in Double(1 + generator.integer(below: 4)) }, k: k, "many ties")
      check([Double](repeating: 1.5, count: count), k: k, "all equal")
      check((0..<count).map { Double($0 + 1) }, k: k, "ascending")
      check((0..<count).map { Double(count - $0) }, k: k, "descending")
      check((0..<count).map { $0 == 0 ? 1e300 : 1 + 1e-9 * Double($0 % 97) }, k: k, "one far away")
      check((0..<count).map { Double($0 + 1) * .leastNonzeroMagnitude }, k: k, "subnormal")
      check((0..<count).map { _ in 1 + 1e-15 * Double(generator.integer(below: 50)) }, k: k, "all close")
    }
  }
}
