import CGradusKernels
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Packed posting lists")
struct PackedListTests {
  @Test("Length codes round down, by a 17th part at most, and ascend")
  func lengthCodes() {
    // By the description: 16 e + m stands for (16 + m) * 2^(e - 1).
    for (code, length) in [(0, 0), (15, 15), (16, 16), (31, 31), (32, 32), (33, 34), (47, 62), (48, 64), (255, 507_904)] {
      #expect(grd_coded_length(UInt8(code)) == UInt32(length) && grd_length_code(UInt32(length)) == UInt8(code))
    }
    for code in UInt8(1)...255 { #expect(grd_coded_length(code - 1) < grd_coded_length(code)) }
    for length in Array(0...5000) + [65_535, 507_903, 507_904, UInt32.max] {
      let code = grd_length_code(length)
      let coded = grd_coded_length(code)
      #expect(coded <= length && (code == 255 || length < grd_coded_length(code + 1)), "\(length)")
      if length <= 507_904 { #expect(17 * (length - coded) <= length) }
    }
  }

  @Test("The bytes of pairs bound what the pairs bound")
  func pairs() {
    let numbers: [(tf: UInt16, length: UInt16)] = [(700, 900), (255, 301), (254, 33), (1, 2)]
    let pairs = numbers.map { grd_impact(tf: $0.tf, length: $0.length) }
    var packed = [UInt8](repeating: 9, count: Int(GRD_PACKED_IMPACTS))
    grd_pack_impacts(pairs, &packed)
    // 900 is (16 + 12) * 2^5 and 4 more, 301 is (16 + 2) * 2^4 and 13 more, 33 is 16 * 2 and one more.
    #expect(packed == [255, 108, 255, 82, 254, 32, 1, 2])
  }

  /// A list that is open in a cursor with BM25.
  private final class List {
    let cursor = UnsafeMutablePointer<grd_cursor>.allocate(capacity: 1)
    var scorer = grd_scorer()
    private let bytes: UnsafeMutablePointer<UInt8>
    private let lengths: UnsafeMutablePointer<UInt32>
    let status: grd_postings_status

    init(_ list: [UInt8], postings: Int, lengths: [UInt32], available: Int? = nil) {
      let count = list.count + Int(GRD_SLACK)
      bytes = .allocate(capacity: count)
      bytes.initialize(repeating: 0xA5, count: count)
      bytes.update(from: list, count: list.count)
      self.lengths = .allocate(capacity: lengths.count)
      self.lengths.initialize(from: lengths, count: lengths.count)
      scorer.formula = GRD_BM25
      scorer.is_monotone = 1
      scorer.base = 0.54
      scorer.slope = 0.36 / 60
      scorer.lengths = UnsafePointer(self.lengths)
      scorer.documents = UInt32(lengths.count)
      var term = grd_term(weight: 2)
      status = grd_cursor_open(cursor, &scorer, GRD_LIST_PACKED, bytes, available ?? count, postings, &term)
    }

    deinit {
      cursor.deallocate()
      bytes.deallocate()
      lengths.deallocate()
    }
  }

  /// Postings of a list, and lengths of all documents.
  private static func postings(_ count: Int, of documents: Int, seed: UInt64) -> (postings: [UInt64], lengths: [UInt32]) {
    var generator = SeededGenerator(seed: seed)
    let lengths = (0..<documents).map { _ in UInt32(1 + generator.integer(below: 400)) }
    let docs = generator.permutation(documents).prefix(count).sorted()
    return (docs.map { UInt64($0) << 32 | UInt64(1 + generator.integer(below: $0 % 11 == 0 ? 600 : 4)) }, lengths)
  }

  private static func encode(_ postings: [UInt64], _ lengths: [UInt32]) -> [UInt8] {
    var encoder = PostingListEncoder()
    let isEncoded = postings.withUnsafeBufferPointer { postings in
      lengths.withUnsafeBufferPointer { encoder.encode(postings, lengths: $0) }
    }
    return isEncoded ? encoder.bytes : []
  }

  @Test("Lists of any number of blocks come back whole, and bounds hold in every window", arguments: [2, 127, 128, 129, 700])
  func lists(count: Int) {
    for documents in [count, 3 * count, 70_000] {
      let (postings, lengths) = Self.postings(count, of: documents, seed: UInt64(count + documents))
      let bytes = Self.encode(postings, lengths)
      let blocks = (count + 127) / 128
      if blocks > 1 {
        // A head, and a record of 8 bytes for the pairs, 1 to 3 for a document and 1 or 2 for a place.
        #expect(bytes[0] & 3 == (postings[count - 1] >> 32 < 256 ? 0 : postings[count - 1] >> 32 < 65_536 ? 1 : 2))
      }
      let whole = List(bytes, postings: count, lengths: lengths)
      #expect(whole.status == GRD_POSTINGS_OK)
      var scores = [Double](repeating: 0, count: documents)
      #expect(grd_cursor_accumulate(whole.cursor, &whole.scorer, 0, UInt32(documents), &scores, nil) == GRD_POSTINGS_OK)
      var expected = [Double](repeating: 0, count: documents)
      for posting in postings {
        let doc = Int(posting >> 32), tf = Double(posting & 0xFFFF_FFFF)
        expected[doc] = 2 * (tf / (tf + (0.54 + 0.36 / 60 * Double(lengths[doc]))))
      }
      #expect(scores == expected)
      // Windows, and documents looked up instead.
      let list = List(bytes, postings: count, lengths: lengths)
      let looked = List(bytes, postings: count, lengths: lengths)
      let best = List(bytes, postings: count, lengths: lengths)
      let step = max(1, documents / 7)
      for from in stride(from: 0, to: documents, by: step) {
        let to = min(from + step, documents)
        var held = 0
        let bound = grd_cursor_bound(list.cursor, &list.scorer, UInt32(from), UInt32(to), &held)
        let here = expected[from..<to]
        #expect(bound >= here.max() ?? 0 && held >= here.count { $0 > 0 })
        var window = [Double](repeating: 0, count: to - from)
        #expect(grd_cursor_accumulate(list.cursor, &list.scorer, UInt32(from), UInt32(to), &window, nil) == GRD_POSTINGS_OK)
        #expect(window == Array(here))
        let offsets = (0..<UInt32(to - from)).filter { $0 % 3 == 1 }
        var found = [Double](repeating: 0, count: offsets.count)
        #expect(
          grd_cursor_refine(looked.cursor, &looked.scorer, UInt32(from), offsets, &found, offsets.count) == GRD_POSTINGS_OK)
        #expect(found == offsets.map { expected[from + Int($0)] })
        // Only those that can reach something: all of them, with their sums, and no other that falls short.
        let least = 1.2
        var kept = offsets
        var sums = offsets.map { Double($0 % 5) / 8 }, number = offsets.count
        let whole = zip(offsets, sums).map { ($0, $1 + expected[from + Int($0)]) }.filter { $0.1 + 0.25 >= least }
        #expect(
          grd_cursor_refine_best(best.cursor, &best.scorer, UInt32(from), &kept, &sums, &number, 0.25, least) == GRD_POSTINGS_OK)
        #expect(Array(kept[..<number]) == whole.map(\.0) && Array(sums[..<number]) == whole.map(\.1))
      }
    }
  }

  @Test("A list that is cut short, or of documents that there are not, is refused")
  func refused() {
    for count in [100, 300] {
      let (postings, lengths) = Self.postings(count, of: 1000, seed: UInt64(count))
      let bytes = Self.encode(postings, lengths)
      let last = Int(postings[count - 1] >> 32)
      /// Opens a list and reads it to its end.
      func read(_ list: List) -> Bool {
        guard list.status == GRD_POSTINGS_OK else { return false }
        var scores = [Double](repeating: 0, count: 1000)
        return grd_cursor_accumulate(list.cursor, &list.scorer, 0, list.scorer.documents, &scores, nil) == GRD_POSTINGS_OK
      }
      #expect(read(List(bytes, postings: count, lengths: lengths)))
      #expect(!read(List(bytes, postings: count, lengths: Array(lengths[..<last]))))
      for available in [0, 1, 2, 20, bytes.count / 2, bytes.count - 1] {
        #expect(!read(List(bytes, postings: count, lengths: lengths, available: available)), "\(available) of \(bytes.count)")
      }
    }
    // A head that no encoder writes.
    let (postings, lengths) = Self.postings(300, of: 1000, seed: 300)
    var bytes = Self.encode(postings, lengths)
    bytes[0] |= 16
    #expect(List(bytes, postings: 300, lengths: lengths).status == GRD_POSTINGS_MALFORMED)
  }
}

@Suite("The k-th score to expect")
struct TopKExpectationTests {
  @Test("The k-th of the maxima of each 32 scores, or what was known before", arguments: [1, 3, 10, 32, 33, 100])
  func expectation(k: Int) {
    var generator = SeededGenerator(seed: UInt64(k))
    let capacity = 2 * k + 80
    var hits = [grd_hit](repeating: grd_hit(), count: capacity), spare = hits
    for count in [0, 1, 31, 32, 33, 100, 1037, 2500, 32 * capacity] {
      let scores = (0..<count).map { _ in generator.integer(below: 3) == 0 ? 0 : Double(generator.integer(below: 400)) / 8 }
      let maxima = stride(from: 0, to: count, by: 32).map { scores[$0..<min($0 + 32, count)].max() ?? 0 }.sorted(by: >)
      let kth = scores.sorted(by: >).dropFirst(k - 1).first ?? 0
      for floor in [Double.leastNonzeroMagnitude, 40, 60] {
        let isPossible = maxima.count >= k && maxima.count < capacity
        let expected = isPossible ? max(floor, maxima[k - 1]) : floor
        #expect(expected == floor || expected <= kth)
        for body in [grd_topk_expect, grd_topk_expect_scalar] {
          hits.withUnsafeMutableBufferPointer { hits in
            spare.withUnsafeMutableBufferPointer { spare in
              var top = grd_topk(
                hits: hits.baseAddress, spare: spare.baseAddress, count: 0, capacity: capacity, k: k, minimum: floor)
              #expect(body(&top, scores, count) == expected && top.minimum == expected && top.count == 0, "\(count) scores")
            }
          }
        }
      }
    }
  }
}
