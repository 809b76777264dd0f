import CGradusKernels
import Testing

extension KernelTests {
  @Suite("Embedding")
  struct EmbeddingTests {
    @Test("The sum of three tables, normalised, is layernorm of the gathered rows", arguments: [1, 17, 33, 384])
    func forward(width: Int) {
      let rows = 6
      let tables = [uniform(10 * width, seed: 1), uniform(8 * width, seed: 2), uniform(2 * width, seed: 3)]
      let indices: [[Int32]] = [[3, 9, 0, 3, 3, 7], [0, 1, 2, 3, 4, 7], [0, 0, 0, 1, 1, 1]]
      let gamma = uniform(width, seed: 4), beta = uniform(width, seed: 5)
      let gathered = (0..<rows * width).map { at in
        (0..<3).reduce(Float(0)) { $0 + tables[$1][Int(indices[$1][at / width]) * width + at % width] }
      }
      let result = KernelTests.onEveryInstructionSet { embed(tables, indices, gamma, beta, width: width).values }
      var y = [Float](repeating: .nan, count: rows * width), normalized = y, scale = [Float](repeating: .nan, count: rows)
      grd_layernorm_forward(gathered, nil, nil, gamma, beta, 1e-5, rows, width, &normalized, &scale, &y)
      #expect(sameBits(result, y + normalized + scale))
    }

    private func embed(
      _ tables: [[Float]], _ indices: [[Int32]], _ gamma: [Float], _ beta: [Float], width: Int
    ) -> (values: [Float], status: grd_status) {
      let rows = indices[0].count
      var y = [Float](repeating: .nan, count: rows * width), normalized = y, scale = [Float](repeating: .nan, count: rows)
      var status = GRD_OK
      func gather(_ rest: Int, _ found: [grd_embedding]) {
        guard rest < tables.count else {
          status = grd_embedding_layernorm_forward(
            found, found.count, gamma, beta, 1e-5, rows, width, &normalized, &scale, &y)
          return
        }
        tables[rest].withUnsafeBufferPointer { table in
          indices[rest].withUnsafeBufferPointer { indices in
            let one = grd_embedding(table: table.baseAddress, entries: table.count / width, indices: indices.baseAddress)
            gather(rest + 1, found + [one])
          }
        }
      }
      gather(0, [])
      return (y + normalized + scale, status)
    }

    @Test("An index outside its table is refused and nothing is written", arguments: [Int32(-1), 4, .max])
    func outside(index: Int32) {
      let one = [Float](repeating: 1, count: 8)
      let result = embed([uniform(4 * 8, seed: 6)], [[0, index]], one, one, width: 8)
      #expect(result.status == GRD_INVALID_ARGUMENT)
      #expect(result.values.allSatisfy { $0.isNaN })
    }

    @Test("The gradient adds repeated indices in order, however the table is split", arguments: [1, 16, 33])
    func backward(width: Int) {
      let indices: [Int32] = [3, 0, 3, 6, 3, 0], entries = 7
      let dy = uniform(indices.count * width, seed: 7), start = uniform(entries * width, seed: 8)
      var expected = start
      for (row, index) in indices.enumerated() {
        for j in 0..<width { expected[Int(index) * width + j] += dy[row * width + j] }
      }
      let whole = KernelTests.onEveryInstructionSet {
        var table = start
        grd_embedding_backward(indices, dy, indices.count, width, 0, entries, &table)
        return table
      }
      #expect(sameBits(whole, expected))
      var split = start
      inUnevenPieces(entries) { grd_embedding_backward(indices, dy, indices.count, width, $0, $1, &split) }
      #expect(sameBits(split, expected))
    }
  }
}
