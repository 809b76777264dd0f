import GradusCore
import Testing

@Suite struct WorkerPoolTests {
  @Test("Every piece runs exactly once", arguments: [1, 2, 3, 8])
  func runsEveryPieceOnce(threads: Int) {
    let pool = WorkerPool(threads: threads)
    defer { pool.stop() }
    for round in 0..<200 {
      let count = 1 + round * 7 % 97
      var hits = [UInt8](repeating: 0, count: count)
      hits.withUnsafeMutableBufferPointer { buffer in
        nonisolated(unsafe) let slots = buffer
        pool.forEach(count: count) { slots[$0] += 1 }
      }
      #expect(hits == [UInt8](repeating: 1, count: count))
    }
  }

  @Test("A call from inside a piece runs on the same thread and ends")
  func nestedCallsRunSerially() {
    let pool = WorkerPool(threads: 4)
    defer { pool.stop() }
    var sums = [Int](repeating: 0, count: 16)
    sums.withUnsafeMutableBufferPointer { buffer in
      nonisolated(unsafe) let slots = buffer
      pool.forEach(count: 16) { outer in pool.forEach(count: 10) { slots[outer] += $0 } }
    }
    #expect(sums == [Int](repeating: 45, count: 16))
  }

  @Test("Ranges cover the whole and do not depend on the thread limit")
  func rangesAreFixed() {
    let pool = WorkerPool(threads: 2)
    defer { pool.stop() }
    pool.threadLimit = 1
    var seen: [Range<Int>] = []
    pool.forEachRange(count: 10, grain: 4) { seen.append($0) }
    #expect(seen == [0..<4, 4..<8, 8..<10])
  }

  @Test("No worker holds on to a closure after its call has returned")
  func closuresAreReleased() {
    let pool = WorkerPool(threads: 4)
    defer { pool.stop() }
    var total = 0
    for _ in 0..<20_000 {
      var parts = [0, 0, 0, 0]
      parts.withUnsafeMutableBufferPointer { parts in
        let base = parts.baseAddress
        // An escaped closure stops the program here.
        pool.forEach(count: 4) { piece in base?[piece] = piece }
      }
      total += parts.reduce(0, +)
    }
    #expect(total == 20_000 * 6)
  }
}
