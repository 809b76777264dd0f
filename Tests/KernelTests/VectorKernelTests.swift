import CGradusKernels
import Testing

extension KernelTests {
  @Suite("Vectors")
  struct VectorKernelTests {
    static var encodings: [grd_vector_encoding] { [GRD_VECTOR_FLOAT32, GRD_VECTOR_BFLOAT16, GRD_VECTOR_INT8] }
    static var measures: [grd_vector_measure] { [GRD_VECTOR_DOT, GRD_VECTOR_L2] }
    static let dimensions = [1, 15, 16, 17, 63, 64, 65, 100, 128, 200, 384]

    /// Encoded rows that live as long as the value.
    final class Rows {
      let encoding: grd_vector_encoding
      let measure: grd_vector_measure
      let stride: Int
      let count: Int
      let decoded: [[Float]]
      private let codes: UnsafeMutablePointer<UInt8>
      private let scales: UnsafeMutablePointer<Float>
      private let norms: UnsafeMutablePointer<Float>

      init(_ vectors: [[Float]], _ encoding: grd_vector_encoding, _ measure: grd_vector_measure) {
        self.encoding = encoding
        self.measure = measure
        count = vectors.count
        let dimension = vectors[0].count
        let stride = grd_vector_stride(encoding, dimension)
        self.stride = stride
        // Off any alignment: the kernels must not rely on one.
        let codes = UnsafeMutablePointer<UInt8>.allocate(capacity: count * stride + 4) + 4
        self.codes = codes
        let scales = UnsafeMutablePointer<Float>.allocate(capacity: count)
        self.scales = scales
        let norms = UnsafeMutablePointer<Float>.allocate(capacity: count)
        self.norms = norms
        decoded = vectors.enumerated().map { row, vector in
          grd_vector_encode(encoding, vector, dimension, codes + row * stride, stride, scales + row, norms + row)
          var out = [Float](repeating: 0, count: dimension)
          grd_vector_decode(encoding, codes + row * stride, scales[row], dimension, &out)
          return out
        }
      }

      deinit {
        (codes - 4).deallocate()
        scales.deallocate()
        norms.deallocate()
      }

      var kernel: grd_vector_rows {
        grd_vector_rows(
          encoding: encoding, measure: measure, count: count, stride: stride, codes: codes, scales: scales, norms: norms)
      }

      func norm(_ row: Int) -> Float { norms[row] }

      func scores(_ query: [Float], _ numbers: [UInt32]?) -> [Float] {
        var rows = kernel
        let padded = query + [Float](repeating: 0, count: grd_vector_elements(encoding, stride) - query.count)
        let total = numbers?.count ?? count
        var out = [Float](repeating: .nan, count: total)
        grd_vector_scores(&rows, padded, numbers, 0, total, &out)
        return out
      }

      /// With the query as given, or a row as the query.
      func quickScores(_ query: [Float], row: Int? = nil) -> [Float] {
        var rows = kernel
        let padded = query + [Float](repeating: 0, count: grd_vector_elements(encoding, stride) - query.count)
        var out = [Float](repeating: .nan, count: count)
        let space = UnsafeMutableRawPointer.allocate(byteCount: stride, alignment: 64)
        defer { space.deallocate() }
        padded.withUnsafeBufferPointer { padded in
          var prepared =
            row.map { grd_vector_prepare_row(&rows, $0, space) } ?? grd_vector_prepare(&rows, padded.baseAddress, space)
          grd_vector_quick_scores(&rows, &prepared, nil, 0, count, &out)
        }
        return out
      }
    }

    private static func vectors(_ count: Int, _ dimension: Int, seed: UInt64) -> [[Float]] {
      (0..<count).map { uniform(dimension, seed: seed + UInt64($0)) }
    }

    private static func exact(_ measure: grd_vector_measure, _ x: [Float], _ y: [Float]) -> Double {
      let (a, b) = (doubles(x), doubles(y))
      return measure == GRD_VECTOR_L2 ? -zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } : dot(a, b)
    }

    @Test("Scores are those of the decoded rows, with the same bits on every instruction set", arguments: dimensions)
    func scores(dimension: Int) {
      let query = uniform(dimension, seed: 1)
      for encoding in Self.encodings {
        for measure in Self.measures {
          let rows = Rows(Self.vectors(9, dimension, seed: 2), encoding, measure)
          let found = KernelTests.onEveryInstructionSet { rows.scores(query, nil) }
          let expected = rows.decoded.map { Self.exact(measure, query, $0) }
          #expect(largestError(found, expected) < 1e-5)
          let numbers: [UInt32] = [3, 0, 8, 3]
          #expect(sameBits(rows.scores(query, numbers), numbers.map { found[Int($0)] }))
        }
      }
    }

    @Test("Quick scores have the same bits on every instruction set and are near", arguments: dimensions)
    func quickScores(dimension: Int) {
      let query = uniform(dimension, seed: 3)
      for encoding in Self.encodings {
        for measure in Self.measures {
          let rows = Rows(Self.vectors(9, dimension, seed: 4), encoding, measure)
          let found = KernelTests.onEveryInstructionSet { rows.quickScores(query) }
          let expected = rows.decoded.map { Self.exact(measure, query, $0) }
          let tolerance = encoding == GRD_VECTOR_FLOAT32 ? 1e-5 : 0.02
          #expect(largestError(found, expected) < tolerance * Double(dimension).squareRoot())
          // A row as the query: no rounding beyond the row's own; the two directions have one score.
          let asRows = (0..<9).map { row in KernelTests.onEveryInstructionSet { rows.quickScores(query, row: row) } }
          for row in 0..<9 {
            #expect(largestError(asRows[row], rows.decoded.map { Self.exact(measure, rows.decoded[row], $0) }) < 1e-4)
            for other in 0..<9 { #expect(asRows[row][other] == asRows[other][row]) }
          }
        }
      }
    }

    @Test("Codes: worked examples")
    func codes() {
      let vector: [Float] = [254, -127, 1, 3, 0x1p-60, 0]
      // int8: the scale is 2; 1 / 2 goes to the even 0, 3 / 2 to the even 2.
      let int8 = Rows([vector], GRD_VECTOR_INT8, GRD_VECTOR_DOT)
      #expect(int8.decoded[0] == [254, -128, 0, 4, 0, 0])
      #expect(int8.norm(0) == 254 * 254 + 128 * 128 + 16)
      let bfloat16 = Rows([vector], GRD_VECTOR_BFLOAT16, GRD_VECTOR_DOT)
      #expect(bfloat16.decoded[0] == [254, -127, 1, 3, 0, 0])
      let largest = Rows([[Float.greatestFiniteMagnitude]], GRD_VECTOR_BFLOAT16, GRD_VECTOR_DOT)
      #expect(largest.decoded[0][0].isFinite)
      #expect(Rows([[0, 0]], GRD_VECTOR_INT8, GRD_VECTOR_DOT).scores([1, 1], nil) == [0])
    }

    @Test("Keys order as scores do, then by the low half")
    func keys() {
      let scores: [Float] = [-.greatestFiniteMagnitude, -2, -1, -1e-30, 0, 1e-30, 0.5, 1, 3e38]
      for (place, score) in scores.enumerated() {
        #expect(grd_vector_key_score(grd_vector_key(score, 7)) == score)
        for later in scores[(place + 1)...] { #expect(grd_vector_key(score, .max) < grd_vector_key(later, 0)) }
      }
      #expect(grd_vector_key(-0.0, 5) == grd_vector_key(0, 5))
      #expect(grd_vector_key(1, 5) < grd_vector_key(1, 6))
    }

    @Test("The heap keeps the k best whatever the order of the offers", arguments: [1, 2, 7, 100, 250])
    func heap(k: Int) {
      let count = 200
      // Few values: many ties, which the ranks decide.
      let scores = uniform(count, seed: 9).map { ($0 * 4).rounded() / 4 }
      let ranks = (0..<count).map { UInt32($0 * 77 % count) }
      let expected = (0..<count).sorted { (scores[$0], ranks[$0]) > (scores[$1], ranks[$1]) }.prefix(k)
      for isReversed in [false, true] {
        let order = isReversed ? Array((0..<count).reversed()) : Array(0..<count)
        var heap = [UInt64](repeating: 0, count: k), numbers = [UInt32](repeating: 0, count: k)
        var held = 0
        for row in order { grd_vector_offer([scores[row]], [UInt32(row)], 0, 1, ranks, k, &heap, &numbers, &held) }
        let found = (0..<held).sorted { heap[$0] > heap[$1] }.map { Int(numbers[$0]) }
        #expect(found == Array(expected))
      }
    }

    @Test("A graph that contradicts itself is reported, not followed")
    func malformed() {
      let rows = Rows(Self.vectors(4, 16, seed: 10), GRD_VECTOR_FLOAT32, GRD_VECTOR_DOT)
      func status(_ links: [UInt32], places: [UInt32] = [.max, .max, .max, .max], level: UInt32 = 0) -> grd_graph_status {
        var pool = [UInt64](repeating: 0, count: 5), visited: [UInt64] = [0], touched: [UInt32] = [0, 0]
        var batch = [UInt32](repeating: 0, count: 32)
        var found = 0
        let query = uniform(16, seed: 11)
        return query.withUnsafeBufferPointer { query in
          links.withUnsafeBufferPointer { links in
            places.withUnsafeBufferPointer { places in
              pool.withUnsafeMutableBufferPointer { pool in
                visited.withUnsafeMutableBufferPointer { visited in
                  touched.withUnsafeMutableBufferPointer { touched in
                    batch.withUnsafeMutableBufferPointer { batch in
                      var kernel = rows.kernel
                      var prepared = grd_vector_prepare(&kernel, query.baseAddress, nil)
                      var graph = grd_graph(
                        rows: kernel, degree: 2, upper_degree: 1, links: links.baseAddress, upper: links.baseAddress,
                        upper_blocks: 1, places: places.baseAddress, entry: 0, entry_level: level)
                      var scratch = grd_graph_scratch(
                        pool: pool.baseAddress, capacity: 4, visited: visited.baseAddress, touched: touched.baseAddress,
                        batch: batch.baseAddress)
                      let result = grd_graph_search(&graph, &prepared, 0, 4, &scratch, &found, nil)
                      #expect(visited[0] == 0, "the visited set must be left clean")
                      return result
                    }
                  }
                }
              }
            }
          }
        }
      }
      let good: [UInt32] = [2, 1, 2, 1, 3, 0, 0, 0, 0, 1, 0, 0]
      #expect(status(good) == GRD_GRAPH_OK)
      #expect(status([2, 1, 4] + good[3...]) == GRD_GRAPH_MALFORMED, "a link to no row")
      #expect(status([3, 1, 2] + good[3...]) == GRD_GRAPH_MALFORMED, "more links than there is room for")
      #expect(status(good, level: 1) == GRD_GRAPH_MALFORMED, "an entry without upper links")
      #expect(status(good, places: [1, .max, .max, .max], level: 1) == GRD_GRAPH_MALFORMED, "a place beyond the upper links")
    }

    @Test("MaxSim is the definition, on every instruction set, alone and in company", arguments: [1, 3, 16, 31, 32, 33, 70])
    func maxSim(tokens: Int) {
      for dimension in [1, 16, 37, 128] {
        let query = uniform(tokens * dimension, seed: 12)
        // Documents of 0, 1, ... tokens: all heights of the tiles.
        let lengths = [5, 0, 1, 12, 13, 29, 64]
        let ends = lengths.reduce(into: [UInt32(0)]) { $0.append($0[$0.count - 1] + UInt32($1)) }
        let documents = uniform(Int(ends[lengths.count]) * dimension, seed: 13)
        let panels = (tokens + 31) / 32
        var packed = [Float](repeating: .nan, count: panels * 32 * dimension)
        grd_maxsim_pack(query, tokens, dimension, &packed)
        func scores(_ ends: [UInt32]) -> [Float] {
          packed.withUnsafeBufferPointer { packed in
            var description = grd_maxsim_query(tokens: tokens, dimension: dimension, panels: packed.baseAddress)
            var out = [Float](repeating: .nan, count: ends.count - 1)
            grd_maxsim(&description, documents, ends, ends.count - 1, &out)
            return out
          }
        }
        let found = KernelTests.onEveryInstructionSet { scores(ends) }
        let expected = lengths.indices.map { document -> Double in
          let range = Int(ends[document])..<Int(ends[document + 1])
          guard !range.isEmpty else { return 0 }
          return (0..<tokens).reduce(0) { sum, token in
            let x = doubles(Array(query[token * dimension..<(token + 1) * dimension]))
            return sum + range.map { dot(x, doubles(Array(documents[$0 * dimension..<($0 + 1) * dimension]))) }.max()!
          }
        }
        #expect(largestError(found, expected) < 1e-5)
        for document in lengths.indices {
          #expect(sameBits(scores([ends[document], ends[document + 1]]), [found[document]]))
        }
      }
    }

    @Test("Products with a panel are inner products, on every instruction set, alone and in company", arguments: [1, 13, 64, 67])
    func products(rows: Int) {
      for dimension in [1, 16, 37, 128] {
        let tokens = 30
        let query = uniform(tokens * dimension, seed: 14), others = uniform(rows * dimension, seed: 15)
        var packed = [Float](repeating: .nan, count: 32 * dimension)
        grd_maxsim_pack(query, tokens, dimension, &packed)
        func products(_ first: Int, _ count: Int) -> [Float] {
          var out = [Float](repeating: .nan, count: 32 * count)
          others.withUnsafeBufferPointer {
            grd_maxsim_products(packed, dimension, $0.baseAddress! + first * dimension, count, &out)
          }
          return out
        }
        let found = KernelTests.onEveryInstructionSet { products(0, rows) }
        let expected = (0..<rows).flatMap { row in
          (0..<32).map { lane -> Double in
            guard lane < tokens else { return 0 }
            return dot(
              doubles(Array(query[lane * dimension..<(lane + 1) * dimension])),
              doubles(Array(others[row * dimension..<(row + 1) * dimension])))
          }
        }
        #expect(largestError(found, expected) < 1e-5)
        for row in 0..<rows { #expect(sameBits(products(row, 1), Array(found[32 * row..<32 * row + 32]))) }
      }
    }

    @Test("MaxSim, worked example: .8 + .96")
    func maxSimExample() {
      let query: [Float] = [1, 0, 0.6, 0.8], document: [Float] = [0.8, 0.6, 0, 1, -1, 0]
      var packed = [Float](repeating: 0, count: 64)
      grd_maxsim_pack(query, 2, 2, &packed)
      var out: [Float] = [0]
      packed.withUnsafeBufferPointer { packed in
        var description = grd_maxsim_query(tokens: 2, dimension: 2, panels: packed.baseAddress)
        grd_maxsim(&description, document, [0, 3], 1, &out)
      }
      #expect(abs(out[0] - 1.76) < 1e-6)
    }
  }
}
