import GradusCore
import Testing

@Suite("Guarded")
struct GuardedTests {
  @Test("loses no update when many threads write")
  func counts() {
    let count = Guarded(0)
    let pool = WorkerPool(threads: 8)
    defer { pool.stop() }
    pool.forEach(count: 8) { _ in
      for _ in 0..<10_000 { count.withLock { $0 += 1 } }
    }
    #expect(count.withLock { $0 } == 80_000)
  }

  @Test("is free again after its body threw")
  func frees() {
    struct Refusal: Error {}
    let list = Guarded<[Int]>([])
    #expect(throws: Refusal.self) {
      try list.withLock {
        $0.append(1)
        throw Refusal()
      }
    }
    #expect(list.withLock { $0 } == [1])
  }
}
